/**
 * The world of a speaker on node:net: the only sockets and timers of the library.
 *
 * One timer, for the speaker's next deadline; none per peer. What is read goes into the RIB and not into a queue, so that
 * reading waits for nothing but its turn; writing stops when a socket says so, and goes on when it has drained.
 */

import { createServer, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Address } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type {
  BfdReport,
  BfdTarget,
  BfdWatch,
  DialTarget,
  Link,
  LinkEvents,
  Protection,
  Served,
  World,
} from "../speaker/world.ts";
import { BfdThread } from "./bfd-thread.ts";
import { ListenerGuard } from "./listener-guard.ts";
import { ReadGate } from "./read-gate.ts";
import { SocketLink } from "./socket-link.ts";

export interface ListenOptions {
  /** "0.0.0.0" and "::" each stand for their own family alone. Empty: only what we open ourselves. */
  readonly addresses: readonly Address[];
  /** 179; 0: one that the system chooses, the same one for no two addresses. */
  readonly port: number;
}

export interface NodeWorld extends World {
  /**
   * Begins to listen; resolves to the ports, in the order of the addresses.
   * @throws the system's error (code EADDRINUSE, EACCES, EADDRNOTAVAIL) with the address in its message
   */
  listen(options: ListenOptions): Promise<readonly number[]>;
  /** Stops the timer, stops listening, closes what is open; resolves when all of it is closed. */
  close(): Promise<void>;
}

/** The longest delay of a Node timer. */
const LONGEST_MS = 0x7fff_ffff;

/** Connections of peers that wait to be accepted; strangers are refused at once. */
const BACKLOG = 128;

/** For each direction. */
const HIGH_WATER_OCTETS = 1 << 18;

export function nodeWorld(): NodeWorld {
  return new SocketWorld();
}

class SocketWorld implements NodeWorld {
  readonly #servers: Server[] = [];
  readonly #links: Set<SocketLink> = new Set();
  readonly #guard: ListenerGuard = new ListenerGuard();
  readonly #gate: ReadGate = new ReadGate();
  readonly #bfd: BfdThread = new BfdThread();
  #speaker: Served | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #closed = false;

  now(): number {
    return performance.now();
  }

  random(): number {
    return Math.random();
  }

  serve(speaker: Served): void {
    this.#speaker = speaker;
  }

  wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    if (this.#closed) return;
    const delayMs = atMs - this.now();
    if (delayMs <= 0) this.#immediate = setImmediate(() => this.#speaker?.turn());
    // Node rounds down, and a turn before its time would find nothing due and ask again.
    else if (delayMs < LONGEST_MS) this.#timer = setTimeout(() => this.#speaker?.turn(), Math.ceil(delayMs));
  }

  protect(peers: readonly Protection[]): void {
    this.#guard.protect(peers);
  }

  dial(target: DialTarget, events: LinkEvents): Link {
    const link = SocketLink.dial(target, { gate: this.#gate, highWaterOctets: HIGH_WATER_OCTETS }, events);
    this.#keep(link);
    return link;
  }

  watch(target: BfdTarget, heard: (report: BfdReport) => void): BfdWatch {
    return this.#bfd.watch(target, heard);
  }

  listen({ addresses, port }: ListenOptions): Promise<readonly number[]> {
    return Promise.all(addresses.map((address) => this.#listenOn(address, port)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    const closing = [...this.#servers.map(closed), ...[...this.#links].map((link) => link.closed)];
    for (const server of this.#servers) server.close();
    for (const link of this.#links) link.close();
    await Promise.all([...closing, this.#bfd.close()]);
  }

  #listenOn(address: Address, port: number): Promise<number> {
    const host = formatAddress(address);
    const server = createServer({ noDelay: true, highWaterMark: HIGH_WATER_OCTETS }, (socket) =>
      this.#accept(socket),
    );
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, ipv6Only: address.family === 6, backlog: BACKLOG }, () => {
        server.removeListener("error", reject);
        try {
          this.#guard.add(server, address.family);
        } catch (error) {
          reject(error);
          return;
        }
        const bound = server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : port);
      });
    });
  }

  #accept(socket: Socket): void {
    const link = SocketLink.accepted(socket, this.#gate);
    if (link === undefined) return;
    const events = this.#closed ? undefined : this.#speaker?.accept(link);
    if (events === undefined) link.abort();
    else link.hear(events);
    this.#keep(link);
  }

  #keep(link: SocketLink): void {
    this.#links.add(link);
    void link.closed.then(() => this.#links.delete(link));
  }
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (server.listening) server.once("close", resolve);
    else resolve();
  });
