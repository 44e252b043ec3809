/**
 * UDP sockets of BFD (RFC 5881). Node cannot ask for a packet's TTL, so the kernel drops what does not have 255: a
 * classic BPF filter on a socket that libc makes and node:dgram takes over. koffi is loaded when the first is wanted.
 */

import { createSocket, type Socket } from "node:dgram";
import { BFD_PORT } from "../bfd/packet.ts";
import type { Family } from "../net/address.ts";

/** RFC 5881 §4 */
const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 65_536 - FIRST_SOURCE_PORT;
/** Ports tried before it is said that there is none. */
const SOURCE_PORT_TRIES = 16;

/** RFC 5881 §5: what has come over no router has it still. */
const TTL = 255;

const SOCKET_KIND = { 4: "udp4", 6: "udp6" } as const;

/** Opens the port that others send to. @throws Error when koffi is missing, or the port is in use */
export async function openReceiver(family: Family): Promise<Socket> {
  const fd = await boundDescriptor(family);
  const socket = createSocket(SOCKET_KIND[family]);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ fd, exclusive: true }, resolve);
  });
  return socket;
}

/**
 * Opens a socket to send from, with a source port of its own (RFC 5881 §4).
 * @param unit - a number in [0, 1), for the port
 */
export async function openSender(family: Family, local: string | undefined, unit: number): Promise<Socket> {
  for (let tried = 1; ; tried++) {
    const port = FIRST_SOURCE_PORT + ((Math.floor(unit * SOURCE_PORTS) + tried) % SOURCE_PORTS);
    try {
      return await boundSender(family, local, port);
    } catch (error) {
      if (tried === SOURCE_PORT_TRIES || !isInUse(error)) throw error;
    }
  }
}

function boundSender(family: Family, local: string | undefined, port: number): Promise<Socket> {
  const socket = createSocket({ type: SOCKET_KIND[family], ipv6Only: family === 6 });
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, exclusive: true, ...(local !== undefined && { address: local }) }, () => {
      socket.setTTL(TTL);
      socket.removeAllListeners("error");
      // A neighbour that cannot be reached is what BFD is there to notice, by his silence.
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

const isInUse = (error: unknown): boolean =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === "EADDRINUSE";

async function boundDescriptor(family: Family): Promise<number> {
  const { default: koffi } = await import("koffi").catch(() => {
    throw new Error("BFD needs the npm package koffi, which is not installed");
  });
  const libc = koffi.load("libc.so.6");
  const checked = (call: string, result: number): number => {
    if (result >= 0) return result;
    const errno = koffi.errno();
    const why =
      errno === koffi.os.errno["EADDRINUSE"]
        ? "it is in use: does another BFD daemon run?"
        : `errno ${errno}`;
    throw new Error(`${call} for BFD's UDP port ${BFD_PORT}: ${why}`);
  };
  const [afInet, sockDgram, cloexec, nonblock] = [family === 4 ? 2 : 10, 2, 0x80000, 0x800];
  const open = libc.func("int socket(int domain, int type, int protocol)");
  const setOption = libc.func("int setsockopt(int fd, int level, int name, void *value, uint length)");
  const fd = checked("socket", open(afInet, sockDgram | cloexec | nonblock, 0));
  try {
    const filter = ttlFilter(family);
    const program = Buffer.alloc(16);
    // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
    new Uint16Array(program.buffer, program.byteOffset, 1)[0] = filter.length / 8;
    new BigUint64Array(program.buffer, program.byteOffset + 8, 1)[0] = koffi.address(filter);
    const [solSocket, soAttachFilter] = [1, 26];
    checked("filter", setOption(fd, solSocket, soAttachFilter, program, program.length));
    if (family === 6) {
      const [ipprotoIpv6, ipv6Only] = [41, 26];
      checked("setsockopt", setOption(fd, ipprotoIpv6, ipv6Only, Int32Array.of(1), 4));
    }
    const bind = libc.func("int bind(int fd, void *address, uint length)");
    const any = anyAddress(afInet, family === 4 ? 16 : 28);
    checked("bind", bind(fd, any, any.length));
    return fd;
  } catch (error) {
    libc.func("int close(int fd)")(fd);
    throw error;
  }
}

/** struct sockaddr_in or sockaddr_in6 of the wildcard address. */
function anyAddress(family: number, length: number): Buffer {
  const address = Buffer.alloc(length);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = family;
  address.writeUInt16BE(BFD_PORT, 2);
  return address;
}

/** struct sock_filter { __u16 code; __u8 jt; __u8 jf; __u32 k; }[]: lets through what has TTL or hop limit 255. */
function ttlFilter(family: Family): Buffer {
  const SKF_NET_OFF = 0xfff0_0000;
  const instructions: readonly (readonly [code: number, yes: number, no: number, k: number])[] = [
    [0x30, 0, 0, SKF_NET_OFF + (family === 4 ? 8 : 7)], // ldb [TTL]
    [0x15, 0, 1, TTL], // jeq 255
    [0x06, 0, 0, 0xffff_ffff], // ret all
    [0x06, 0, 0, 0], // ret 0: drop
  ];
  const program = Buffer.alloc(instructions.length * 8);
  for (const [i, [code, yes, no, k]] of instructions.entries()) {
    new Uint16Array(program.buffer, program.byteOffset + i * 8, 1)[0] = code;
    program[i * 8 + 2] = yes;
    program[i * 8 + 3] = no;
    new Uint32Array(program.buffer, program.byteOffset + i * 8 + 4, 1)[0] = k;
  }
  return program;
}
