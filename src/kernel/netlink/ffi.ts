/**
 * The C functions that netd calls. Everything above this file speaks of file descriptors and buffers; nothing else
 * knows koffi. All calls are synchronous but {@link pollReadable}, which waits on a thread of koffi's own.
 */

import { getSystemErrorMap } from "node:util";
import koffi from "koffi";

const libc = koffi.load("libc.so.6");
const cSocket = libc.func("int socket(int domain, int type, int protocol)");
const cBind = libc.func("int bind(int fd, void *address, uint length)");
const cGetsockname = libc.func("int getsockname(int fd, void *address, void *length)");
const cGetsockopt = libc.func("int getsockopt(int fd, int level, int name, void *value, void *length)");
const cSetsockopt = libc.func("int setsockopt(int fd, int level, int name, void *value, uint length)");
const cSend = libc.func("long send(int fd, void *octets, size_t length, int flags)");
const cRecv = libc.func("long recv(int fd, void *octets, size_t length, int flags)");
const cSendto = libc.func(
  "long sendto(int fd, void *octets, size_t length, int flags, void *to, uint toLength)",
);
const cRecvfrom = libc.func(
  "long recvfrom(int fd, void *octets, size_t length, int flags, void *from, void *fromLength)",
);
const cPoll = libc.func("int poll(void *fds, ulong count, int timeoutMs)");
const cPrctl = libc.func("int prctl(int option, ulong a, ulong b, ulong c, ulong d)");
const cCapget = libc.func("int capget(void *header, void *data)");
const cCapset = libc.func("int capset(void *header, void *data)");
const cClose = libc.func("int close(int fd)");
const cExit = libc.func("void _exit(int status)");

const AF_NETLINK = 16;
const AF_INET6 = 10;
const IPPROTO_ICMPV6 = 58;
/** struct sockaddr_in6: where address and scope are. */
const SOCKADDR_IN6_OCTETS = 28;
const SIN6_ADDR = 8;
const SIN6_SCOPE_ID = 24;
const MSG_DONTWAIT = 0x40;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_PROTOCOL = 38;
const CAP_VERSION_3 = 0x20080522;
const CAP_NET_ADMIN = 12;
const PR_SET_KEEPCAPS = 8;
const PR_SET_NO_NEW_PRIVS = 38;
const POLLIN = 1;

/** A system call that failed. `errno` is positive. */
export class SystemError extends Error {
  override readonly name: string = "SystemError";
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: ${describeErrno(errno)}`);
    this.errno = errno;
  }
}

/** "EEXIST: file already exists", from a positive errno. */
export function describeErrno(errno: number): string {
  const known = getSystemErrorMap().get(-errno);
  return known === undefined ? `errno ${errno}` : `${known[0]}: ${known[1]}`;
}

const checked = (call: string, result: number): number => {
  if (result < 0) throw new SystemError(call, koffi.errno());
  return result;
};

/** Opens and binds a netlink socket; the kernel chooses its port. @throws SystemError */
export function openNetlink(protocol: number): number {
  const fd = checked("socket(AF_NETLINK)", cSocket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  const address = Buffer.alloc(12);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_NETLINK;
  checked("bind(AF_NETLINK)", cBind(fd, address, address.length));
  return fd;
}

/** The port of a netlink socket of this protocol; undefined when `fd` is anything else. */
export function netlinkPort(fd: number, protocol: number): number | undefined {
  const address = Buffer.alloc(12);
  const length = new Uint32Array([address.length]);
  if (cGetsockname(fd, address, length) < 0) return undefined;
  if (new Uint16Array(address.buffer, address.byteOffset, 1)[0] !== AF_NETLINK) return undefined;
  const value = new Int32Array(1);
  length[0] = 4;
  if (cGetsockopt(fd, SOL_SOCKET, SO_PROTOCOL, value, length) < 0 || value[0] !== protocol) return undefined;
  return new Uint32Array(address.buffer, address.byteOffset + 4, 1)[0];
}

/** @throws SystemError */
export function setOption(fd: number, level: number, name: number, value: number | Buffer): void {
  const octets = typeof value === "number" ? new Int32Array([value]) : value;
  checked(`setsockopt(${level}, ${name})`, cSetsockopt(fd, level, name, octets, octets.byteLength));
}

/**
 * Makes room for `octets` in a queue of a socket, beyond the limit for all (net.core.rmem_max) where we may.
 * @param forced - SO_RCVBUFFORCE or SO_SNDBUFFORCE
 * @param plain - the same without the force: for user namespaces, whose root may not
 * @returns whether there is as much room as was asked for
 */
export function setQueue(fd: number, forced: number, plain: number, octets: number): boolean {
  const EPERM = 1;
  try {
    setOption(fd, SOL_SOCKET, forced, octets);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EPERM) throw error;
    setOption(fd, SOL_SOCKET, plain, octets);
    return false;
  }
}

/** Messages that the queue of a socket had no room for, ever; modulo 2^32. @throws SystemError */
export function droppedBy(fd: number): number {
  const SO_MEMINFO = 55;
  const SK_MEMINFO_DROPS = 8;
  const figures = new Uint32Array(9);
  const length = new Uint32Array([figures.byteLength]);
  checked("getsockopt(SO_MEMINFO)", cGetsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures, length));
  return figures[SK_MEMINFO_DROPS]!;
}

/** Not to be called for one that {@link pollReadable} waits for. @throws SystemError */
export function closeDescriptor(fd: number): void {
  checked("close", cClose(fd));
}

/** Instructions of classic BPF. */
export type Filter = readonly (readonly [code: number, yes: number, no: number, k: number])[];

/** Drops, in the kernel, messages that were caused by a request from `port`, before they take room in the queue. */
export function ignorePort(fd: number, port: number): void {
  // BPF loads in network order, and nlmsg_pid (octets 12 to 15) is in the host's.
  const word = Buffer.alloc(4);
  new Uint32Array(word.buffer, word.byteOffset, 1)[0] = port;
  attachFilter(fd, [
    [0x20, 0, 0, 12], // ld [12]
    [0x15, 0, 1, word.readUInt32BE(0)], // jeq port
    [0x06, 0, 0, 0], // ret 0: drop
    [0x06, 0, 0, 0xffffffff], // ret all
  ]);
}

/** What a filter answers with 0, the kernel drops before it takes room in the queue. @throws SystemError */
export function attachFilter(fd: number, instructions: Filter): void {
  const SO_ATTACH_FILTER = 26;
  const program = Buffer.alloc(instructions.length * 8);
  for (const [i, [code, yes, no, k]] of instructions.entries()) {
    new Uint16Array(program.buffer, program.byteOffset + i * 8, 1)[0] = code;
    program[i * 8 + 2] = yes;
    program[i * 8 + 3] = no;
    new Uint32Array(program.buffer, program.byteOffset + i * 8 + 4, 1)[0] = k;
  }
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  const header = Buffer.alloc(16);
  new Uint16Array(header.buffer, header.byteOffset, 1)[0] = instructions.length;
  new BigUint64Array(header.buffer, header.byteOffset + 8, 1)[0] = koffi.address(program);
  setOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, header);
}

/** A raw ICMPv6 socket: packets without their IPv6 header, to and from link-local addresses. */
export class IcmpSocket {
  readonly fd: number;
  readonly #address: Buffer = Buffer.alloc(SOCKADDR_IN6_OCTETS);

  /** @throws SystemError without CAP_NET_RAW */
  constructor() {
    const kind = SOCK_RAW | SOCK_CLOEXEC;
    this.fd = checked("socket(AF_INET6)", cSocket(AF_INET6, kind, IPPROTO_ICMPV6));
  }

  /** Sends to 16 octets of address over a link. False when the kernel does not; what is sent may be lost anyway. */
  send(octets: Buffer, to: Buffer, index: number): boolean {
    const address = Buffer.alloc(SOCKADDR_IN6_OCTETS);
    new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_INET6;
    to.copy(address, SIN6_ADDR);
    new Uint32Array(address.buffer, address.byteOffset + SIN6_SCOPE_ID, 1)[0] = index;
    return Number(cSendto(this.fd, octets, octets.length, MSG_DONTWAIT, address, address.length)) >= 0;
  }

  /** Undefined when there is nothing, or nothing that is whole. `scope`: the index of the link that it came over. */
  receive(
    into: Buffer,
  ): { readonly length: number; readonly from: Buffer; readonly scope: number } | undefined {
    const address = this.#address;
    const length = new Uint32Array([address.length]);
    const got = Number(cRecvfrom(this.fd, into, into.length, MSG_DONTWAIT, address, length));
    if (got < 0 || length[0] !== address.length) return undefined;
    const scope = new Uint32Array(address.buffer, address.byteOffset + SIN6_SCOPE_ID, 1)[0]!;
    return { length: got, from: address.subarray(SIN6_ADDR, SIN6_SCOPE_ID), scope };
  }
}

/** Sends the first `length` octets. @throws SystemError */
export function send(fd: number, octets: Buffer, length: number): void {
  checked("send", Number(cSend(fd, octets, length, 0)));
}

/** Receives one datagram into `into`. Undefined when `wait` is false and there is none. @throws SystemError */
export function receive(fd: number, into: Buffer, wait: boolean): number | undefined {
  const EAGAIN = 11;
  const length = Number(cRecv(fd, into, into.length, wait ? 0 : MSG_DONTWAIT));
  if (length >= 0) return length;
  const errno = koffi.errno();
  if (!wait && errno === EAGAIN) return undefined;
  throw new SystemError("recv", errno);
}

/** Calls back once when one of the descriptors can be read, or has an error to be read. */
export function pollReadable(fds: readonly number[], ready: () => void): void {
  // Held by the closure until the call is over: the thread writes into it.
  const set = new Int32Array(fds.length * 2);
  for (const [i, fd] of fds.entries()) {
    set[i * 2] = fd;
    new Uint16Array(set.buffer, i * 8 + 4, 1)[0] = POLLIN;
  }
  cPoll.async(set, fds.length, -1, () => {
    if (set.length > 0) ready();
  });
}

/** Whether this thread may administer its network namespace. */
export function hasNetAdmin(): boolean {
  const data = new Uint32Array(6);
  checked("capget", cCapget(new Uint32Array([CAP_VERSION_3, 0]), data));
  return (data[0]! & (1 << CAP_NET_ADMIN)) !== 0;
}

/** Lets the permitted capabilities of this thread survive a change of user. */
export function keepCapabilities(): void {
  checked("prctl(PR_SET_KEEPCAPS)", cPrctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
}

/** Leaves this thread, and those that it makes, CAP_NET_ADMIN and no way to gain another. @throws SystemError */
export function keepOnlyNetAdmin(): void {
  const data = new Uint32Array(6);
  data[0] = 1 << CAP_NET_ADMIN;
  data[1] = 1 << CAP_NET_ADMIN;
  checked("capset", cCapset(new Uint32Array([CAP_VERSION_3, 0]), data));
  checked("prctl(PR_SET_NO_NEW_PRIVS)", cPrctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/** Ends the process at once. process.exit would first wait for the thread that is in poll. */
export function exitNow(status: number): never {
  cExit(status);
  throw new Error("_exit returned");
}
