/**
 * What a speaker needs from outside: time, chance and connections. `io/` gives it sockets and a clock; tests give it
 * virtual ones, so that thousands of speakers run in one process without waiting.
 */

import type { Address, Family } from "../net/address.ts";

export interface World {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Names whom to wake and whom to offer incoming connections; called once, before anything else. */
  serve(speaker: Served): void;
  /**
   * Asks for one `turn()` at `atMs` of `now()`, or as soon as other work has had its chance when that has passed.
   * One request stands at a time: the latest.
   */
  wakeAt(atMs: number): void;
  /** Starts to connect; `events` tell what becomes of it, never before this returns. */
  dial(target: DialTarget, events: LinkEvents): Link;
}

export interface DialTarget {
  readonly address: Address;
  readonly port: number;
  readonly localAddress: Address | undefined;
}

export interface Served {
  turn(): void;
  /** Undefined: refused. The link is connected already. */
  accept(link: Link): LinkEvents | undefined;
}

/** One TCP connection. After `close` or `abort`, none of its events come. */
export interface Link {
  readonly remote: Address;
  /** Our own address on it, once connected. */
  readonly local: Address | undefined;
  /**
   * An address of ours in `family` by which the other side can reach us: `local` in its own family, else one of the
   * interface that `local` is on. Undefined: there is none.
   */
  localIn(family: Family): Address | undefined;
  /**
   * Takes octets that nobody changes afterwards. False: they are taken, but write no more before `drained`.
   */
  write(octets: Uint8Array): boolean;
  /** Sends what was written, then closes. */
  close(): void;
  /** Closes at once; what was written and not sent is lost. */
  abort(): void;
}

export interface LinkEvents {
  connected(): void;
  /** The octets are the callee's only until it returns. */
  received(octets: Uint8Array): void;
  drained(): void;
  /** The connection failed, could not be made, or was closed by the other side. Comes once, last. */
  closed(reason: string): void;
}
