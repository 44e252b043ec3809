/**
 * Socket options that node:net has not: TCP-MD5 signatures (RFC 2385) and the least TTL (RFC 5082), and a socket on which
 * they can be set before it connects. The only native calls of the library, through the package koffi, which is loaded
 * when a peer first asks for one of them: who never does can go without it. Linux only.
 */

import { createRequire } from "node:module";
import type { Server, Socket } from "node:net";
import { getSystemErrorMap } from "node:util";
import type { Address, Family, Prefix } from "../net/address.ts";

/** What is used of koffi. */
interface Koffi {
  load(library: string): { func(prototype: string): (...given: unknown[]) => number };
  errno(): number;
}

interface Calls {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly accept4: (fd: number, address: null, length: null, flags: number) => number;
  readonly close: (fd: number) => number;
  readonly errno: () => number;
}

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const IPPROTO_TCP = 6;

/** TTL outwards and its least value inwards, of tcp(7)'s two families. */
const TTL = {
  4: { level: 0, outwards: 2, least: 21 }, // IPPROTO_IP, IP_TTL, IP_MINTTL
  6: { level: 41, outwards: 16, least: 73 }, // IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT
} as const;

/** RFC 5082 §3: what was sent with 255 and comes with 255 has passed no router. */
const NEIGHBOUR_TTL = 255;

const TCP_MD5SIG_EXT = 32;
const TCP_MD5SIG_FLAG_PREFIX = 1;
/** struct tcp_md5sig: sockaddr_storage, flags, prefixlen, keylen, ifindex, key. */
const MD5SIG = { octets: 216, flags: 128, prefixLength: 129, keyLength: 130, key: 136 } as const;
const MAX_KEY_OCTETS = 80;

const ENOMEM = 12;
const ENOPROTOOPT = 92;

/** @throws Error when koffi is missing, or this is not Linux */
const calls: () => Calls = once(loadCalls);

/** What they are is the same for the whole process, so they are looked up once; not before somebody needs them. */
function once<T>(make: () => T): () => T {
  const made: T[] = [];
  return () => {
    if (made.length === 0) made.push(make());
    return made[0]!;
  };
}

function loadCalls(): Calls {
  if (process.platform !== "linux") throw new Error("password and ttlSecurity of a peer work on Linux only");
  const native = koffi();
  const libc = native.load("libc.so.6");
  return {
    socket: libc.func("int socket(int domain, int type, int protocol)"),
    setsockopt: libc.func("int setsockopt(int fd, int level, int name, void *value, uint length)"),
    accept4: libc.func("int accept4(int fd, void *address, void *length, int flags)"),
    close: libc.func("int close(int fd)"),
    errno: () => native.errno(),
  };
}

function koffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch (error) {
    const message = "password and ttlSecurity of a peer need the package koffi: npm install koffi";
    throw new Error(message, { cause: error });
  }
}

/** A socket that is not connected yet, as node:net takes it. @throws Error */
export function openSocket(family: Family): number {
  const { socket } = calls();
  const domain = family === 4 ? AF_INET : AF_INET6;
  return checked("socket", socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

/** Gives back a socket that nobody else has got. */
export function closeSocket(fd: number): void {
  calls().close(fd);
}

/**
 * Signs what goes to addresses of `range`, and lets the kernel drop what comes from them without this signature.
 * Of several ranges, the longest counts. Undefined: no more, as if it had never been asked for.
 * @throws Error
 */
export function setSignature(fd: number, range: Prefix, password: string | undefined): void {
  const key = new TextEncoder().encode(password ?? "");
  if (password !== undefined && (key.length === 0 || key.length > MAX_KEY_OCTETS)) {
    throw new RangeError(`a password has 1 to ${MAX_KEY_OCTETS} octets`);
  }
  const value = new Uint8Array(MD5SIG.octets);
  writeAddress(value, range);
  value[MD5SIG.flags] = TCP_MD5SIG_FLAG_PREFIX;
  value[MD5SIG.prefixLength] = range.length;
  new Uint16Array(value.buffer, MD5SIG.keyLength, 1)[0] = key.length;
  value.set(key, MD5SIG.key);
  checked("TCP_MD5SIG_EXT", calls().setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, value, value.length));
}

/** The sockaddr_in or sockaddr_in6 of an address, without a port. */
function writeAddress(into: Uint8Array, { family, w0, w1, w2, w3 }: Address): void {
  new Uint16Array(into.buffer, 0, 1)[0] = family === 4 ? AF_INET : AF_INET6;
  const view = new DataView(into.buffer);
  if (family === 4) view.setUint32(4, w0);
  else for (const [i, word] of [w0, w1, w2, w3].entries()) view.setUint32(8 + 4 * i, word);
}

/** What is sent says that it has passed no router. @throws Error */
export function sendAsNeighbour(fd: number, family: Family): void {
  setNumber(fd, TTL[family].level, TTL[family].outwards, NEIGHBOUR_TTL);
}

/** Whether the kernel drops what has passed a router. On a listener, this holds for whoever connects. @throws Error */
export function hearNeighboursOnly(fd: number, family: Family, only: boolean): void {
  setNumber(fd, TTL[family].level, TTL[family].least, only ? NEIGHBOUR_TTL : 0);
}

function setNumber(fd: number, level: number, name: number, value: number): void {
  const octets = new Uint8Array(Int32Array.of(value).buffer);
  checked(`setsockopt(${level}, ${name})`, calls().setsockopt(fd, level, name, octets, octets.length));
}

/** Refuses the connections that wait to be accepted: they were made before the options that hold by now. */
export function refuseWaiting(fd: number): void {
  const { accept4, close } = calls();
  for (let waiting = accept4(fd, null, null, SOCK_CLOEXEC); waiting >= 0; ) {
    close(waiting);
    waiting = accept4(fd, null, null, SOCK_CLOEXEC);
  }
}

/** The descriptor of an open socket or listener. Node keeps it in a private field, which is read here and nowhere else. */
export function descriptorOf(of: Socket | Server): number {
  const fd = (of as unknown as { readonly _handle?: { readonly fd?: unknown } | null })._handle?.fd;
  if (typeof fd !== "number" || fd < 0) throw new Error("the socket has no descriptor");
  return fd;
}

function checked(call: string, result: number): number {
  if (result >= 0) return result;
  const errno = calls().errno();
  const known = getSystemErrorMap().get(-errno);
  const words = known === undefined ? `errno ${errno}` : `${known[0]}: ${known[1]}`;
  throw new Error(`${call}: ${words}${hintOf(call, errno)}`);
}

/** What the operator can do about it. */
function hintOf(call: string, errno: number): string {
  if (call !== "TCP_MD5SIG_EXT") return "";
  if (errno === ENOPROTOOPT) return "; this kernel was built without TCP-MD5 (CONFIG_TCP_MD5SIG)";
  return errno === ENOMEM
    ? "; too many peers with a password for one listener: raise net.core.optmem_max, or use a range"
    : "";
}
