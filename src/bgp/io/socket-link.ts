/** One TCP connection of node:net as the speaker sees it. */

import { Socket, type SocketConstructorOpts } from "node:net";
import { networkInterfaces } from "node:os";
import { type Address, type Family, hostPrefix, isLinkLocal, sameAddress } from "../net/address.ts";
import { formatAddress, parseScopedAddress } from "../net/text.ts";
import type { DialTarget, Link, LinkEvents, Ports } from "../speaker/world.ts";
import type { ReadGate } from "./read-gate.ts";
import {
  closeSocket,
  descriptorOf,
  hearNeighboursOnly,
  openSocket,
  sendAsNeighbour,
  setSignature,
} from "./socket-options.ts";

/** How long the other side may take to read our last message and close. */
const LINGER_MS = 1000;

/** What the sockets of one world share. */
export interface SocketSettings {
  readonly gate: ReadGate;
  /** What a socket takes before it asks to wait. */
  readonly highWaterOctets: number;
}

export class SocketLink implements Link {
  readonly remote: Address;
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #local: Address | undefined;
  #events: LinkEvents | undefined;
  #reason = "closed by the peer";
  #closing = false;

  private constructor(socket: Socket, remote: Address, gate: ReadGate) {
    this.#socket = socket;
    this.remote = remote;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#events?.closed(this.#reason);
        this.#events = undefined;
        resolve();
      });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#reason = wordsOf(error);
    });
    // A Buffer's slice() is a window, a Uint8Array's is a copy, which is what those who keep octets mean.
    socket.on("data", ({ buffer, byteOffset, length }) => {
      gate.pass(socket, () => this.#events?.received(new Uint8Array(buffer, byteOffset, length)));
    });
    socket.on("drain", () => this.#events?.drained());
  }

  static dial(target: DialTarget, { gate, highWaterOctets }: SocketSettings, events: LinkEvents): SocketLink {
    const options = { noDelay: true, highWaterMark: highWaterOctets } as SocketConstructorOpts;
    let socket: Socket;
    try {
      socket = new Socket({ ...options, ...protectedSocket(target) });
    } catch (error) {
      socket = new Socket(options);
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
    const link = new SocketLink(socket, target.address, gate);
    link.#events = events;
    if (socket.destroyed) return link;
    socket.once("connect", () => link.#events?.connected());
    socket.connect({
      host: formatAddress(target.address),
      port: target.port,
      ...(target.localAddress === undefined ? {} : { localAddress: formatAddress(target.localAddress) }),
    });
    return link;
  }

  /** Undefined when the connection is gone before it could be looked at. */
  static accepted(socket: Socket, gate: ReadGate): SocketLink | undefined {
    const remote = addressOf(socket.remoteAddress);
    if (remote === undefined) {
      socket.destroy();
      return undefined;
    }
    return new SocketLink(socket, remote, gate);
  }

  hear(events: LinkEvents): void {
    this.#events = events;
  }

  get local(): Address | undefined {
    this.#local ??= addressOf(this.#socket.localAddress);
    return this.#local;
  }

  get ports(): Ports | undefined {
    const { localPort: local, remotePort: remote } = this.#socket;
    return local === undefined || remote === undefined ? undefined : { local, remote };
  }

  localIn(family: Family): Address | undefined {
    const { local } = this;
    return local === undefined || local.family === family ? local : wideIn(family, local);
  }

  get globalBeside(): Address | undefined {
    return this.local && wideIn(6, this.local);
  }

  hearNeighbourOnly(): void {
    const { family } = this.remote;
    try {
      const fd = descriptorOf(this.#socket);
      sendAsNeighbour(fd, family);
      hearNeighboursOnly(fd, family, true);
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  write(octets: Uint8Array): boolean {
    return this.#socket.write(octets);
  }

  close(): void {
    this.#closing = true;
    this.#events = undefined;
    if (this.#socket.connecting) {
      this.#socket.destroy();
      return;
    }
    this.#socket.end();
    // What still comes is read and dropped: a close over unread octets would be a reset, which may overtake our last
    // message on the other side.
    this.#socket.resume();
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    void this.closed.then(() => clearTimeout(linger));
  }

  abort(): void {
    if (this.#closing) return;
    this.#events = undefined;
    this.#socket.resetAndDestroy();
  }
}

/** The descriptor for a socket of node:net where options must be set before it connects; else node makes its own. */
function protectedSocket({ address, password, ttlSecurity }: DialTarget): { fd?: number } {
  if (password === undefined && ttlSecurity !== true) return {};
  const fd = openSocket(address.family);
  try {
    if (password !== undefined) setSignature(fd, hostPrefix(address), password);
    if (ttlSecurity === true) {
      sendAsNeighbour(fd, address.family);
      hearNeighboursOnly(fd, address.family, true);
    }
  } catch (error) {
    closeSocket(fd);
    throw error;
  }
  return { fd };
}

/** An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) is one of IPv4. */
function addressOf(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseScopedAddress(text.replace(/^::ffff:(?=\d+\.)/, ""));
}

/** An address of `family` that means something on other links too, of the interface that `local` is on. */
function wideIn(family: Family, local: Address): Address | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const known = (addresses ?? []).map(({ address }) => addressOf(address)).filter((a) => a !== undefined);
    const isIt = local.zone === undefined ? known.some((a) => sameAddress(a, local)) : local.zone === name;
    if (isIt) return known.find((a) => a.family === family && !isOfOneLink(a));
  }
  return undefined;
}

const isOfOneLink = (address: Address): boolean =>
  address.family === 6 ? isLinkLocal(address) : address.w0 >>> 16 === 0xa9fe;

function wordsOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ECONNRESET":
      return "connection reset by the peer";
    case "ETIMEDOUT":
      return "connection timed out";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no route to the peer";
    case "EADDRNOTAVAIL":
      return "the local address is not on this machine";
    case "EPIPE":
      return "closed by the peer";
    default:
      return error.message;
  }
}
