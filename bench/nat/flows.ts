/**
 * The load: UDP datagrams from private endpoints, by a raw socket, so that none of their addresses has to be there and no
 * socket is opened for a flow. A {@link Load} as JSON on each line of its input; of each it prints {@link Sent} as JSON.
 */

import { createInterface } from "node:readline";
import koffi from "koffi";
import { FIRST_PRIVATE, type Load, PORTS, SERVER_PORT, type Sent } from "./load.ts";

const FIRST_PORT = 1024;
/** Prime, so that neither addresses nor ports follow each other. */
const STRIDE = 7919;

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

const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const sendto = libc.func(
  "long sendto(int fd, void *octets, size_t length, int flags, void *to, uint toLength)",
);
const fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW) as number;
if (fd < 0) throw new Error("a raw socket needs root");

function send({ flows, datagrams, sources, server, payloadOctets }: Load): Sent {
  const datagram = new Datagram(payloadOctets);
  const to = Buffer.alloc(16);
  to.writeUInt16LE(AF_INET, 0);
  to.writeUInt32BE(server, 4);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let i = 0; i < datagrams; i++) {
    const k = (i % flows) * STRIDE;
    datagram.setFlow(FIRST_PRIVATE + (k % sources), FIRST_PORT + (k % PORTS), server);
    sendto(fd, datagram.octets, datagram.octets.length, 0, to, to.length);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(send(JSON.parse(line) as Load))}\n`);
