/**
 * The load: UDP datagrams from private endpoints, by a raw socket, so that none of their addresses has to be there and no
 * socket is opened for a flow. argv: {@link Load} as JSON. Prints {@link Sent} as JSON.
 */

import koffi from "koffi";

export interface Load {
  /** Datagram k is of flow k modulo this. */
  readonly flows: number;
  readonly datagrams: number;
  /** Private addresses, from {@link FIRST_PRIVATE} on. */
  readonly sources: number;
  readonly payloadOctets: number;
}

export interface Sent {
  readonly seconds: number;
  /** Of this process, in which the kernel does all of the forwarding too. */
  readonly cpuSeconds: number;
}

const FIRST_PRIVATE = 0x0a40_0001;
const FIRST_SERVER = 0xc612_0001;
/** Flows that differ in nothing but their server have a source port in common. */
const PORTS = 60_000;
const FIRST_PORT = 1024;
export const SERVER_PORT = 9000;

const HEADERS_OCTETS = 28;
const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255;
const UDP = 17;

/** A datagram whose flow can be set again and again. */
class Datagram {
  readonly octets: Buffer;
  readonly #fixedSum: number;

  constructor(payloadOctets: number) {
    const octets = Buffer.alloc(HEADERS_OCTETS + payloadOctets);
    // The kernel fills in total length, identification and header checksum.
    octets.writeUInt8(0x45, 0);
    octets.writeUInt8(64, 8);
    octets.writeUInt8(UDP, 9);
    octets.writeUInt16BE(SERVER_PORT, 22);
    octets.writeUInt16BE(8 + payloadOctets, 24);
    this.octets = octets;
    this.#fixedSum = UDP + 2 * (8 + payloadOctets) + SERVER_PORT;
  }

  setFlow(source: number, port: number, server: number): void {
    const { octets } = this;
    octets.writeUInt32BE(source, 12);
    octets.writeUInt32BE(server, 16);
    octets.writeUInt16BE(port, 20);
    let sum = this.#fixedSum + port;
    for (const address of [source, server]) sum += (address >>> 16) + (address & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    octets.writeUInt16BE(~sum & 0xffff || 0xffff, 26);
  }
}

function send({ flows, datagrams, sources, payloadOctets }: Load): Sent {
  const libc = koffi.load("libc.so.6");
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const sendto = libc.func(
    "long sendto(int fd, void *octets, size_t length, int flags, void *to, uint toLength)",
  );
  const fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
  if (fd < 0) throw new Error("a raw socket needs root");
  const datagram = new Datagram(payloadOctets);
  const to = Buffer.alloc(16);
  to.writeUInt16LE(AF_INET, 0);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < datagrams; i++) {
    const k = i % flows;
    const server = FIRST_SERVER + (Math.floor(k / PORTS) % 64);
    datagram.setFlow(FIRST_PRIVATE + (k % sources), FIRST_PORT + ((k * 7919) % PORTS), server);
    to.writeUInt32BE(server, 4);
    sendto(fd, datagram.octets, datagram.octets.length, 0, to, to.length);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

process.stdout.write(JSON.stringify(send(JSON.parse(process.argv[2] ?? "") as Load)));
