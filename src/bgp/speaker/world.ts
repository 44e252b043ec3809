/**
 * What a speaker needs from outside: time, chance and connections. `io/` gives it sockets and a clock; tests give it
 * virtual ones, so that thousands of speakers run in one process without waiting.
 */

import type { BfdState } from "../bfd/packet.ts";
import type { BfdTiming } from "../bfd/session.ts";
import type { Address, Family, Prefix } from "../net/address.ts";

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
  /**
   * Names all peers that may connect from now on, and how their connections are protected. Comes before the peers are
   * spoken to.
   * @throws Error when this cannot be had; then those named before still count
   */
  protect(peers: readonly Protection[]): void;
  /** Starts to connect; `events` tell what becomes of it, never before this returns. */
  dial(target: DialTarget, events: LinkEvents): Link;
  /** Begins to watch an address by BFD; `heard` is told of changes, never before this returns. Absent: it cannot. */
  watch?(target: BfdTarget, heard: (report: BfdReport) => void): BfdWatch;
}

export interface BfdTarget {
  readonly address: Address;
  readonly localAddress: Address | undefined;
  readonly timing: BfdTiming;
}

export interface BfdReport {
  readonly state: BfdState;
  /** What the other side said last of its own. */
  readonly remoteState: BfdState;
  /** RFC 5880 §4.1, Diag. */
  readonly diagnostic: number;
  /** C: its BFD does not share the fate of its control plane (RFC 5882 §4.3.2). */
  readonly remoteIndependent: boolean;
  /** Why nothing is watched, in words. */
  readonly problem: string | undefined;
}

export interface BfdWatch {
  change(timing: BfdTiming): void;
  /** Tells the other side that this is no failure, and hears no more. */
  end(): void;
}

/** What keeps others off a peer's connections. */
export interface Protection {
  readonly remote: { readonly address: Address } | { readonly range: Prefix };
  /** TCP-MD5 (RFC 2385): 1..80 octets in UTF-8. */
  readonly password: string | undefined;
  /** GTSM (RFC 5082): we send with TTL 255 and hear nothing of less. */
  readonly ttlSecurity: boolean;
}

export interface DialTarget {
  readonly address: Address;
  readonly port: number;
  readonly localAddress: Address | undefined;
  /** As {@link Protection} has them; none unless given. */
  readonly password?: string | undefined;
  readonly ttlSecurity?: boolean;
}

export interface Served {
  turn(): void;
  /** Undefined: refused, and cut off unless it was closed. The link is connected already. */
  accept(link: Link): LinkEvents | undefined;
}

/** TCP ports. */
export interface Ports {
  readonly local: number;
  readonly remote: number;
}

/** One TCP connection. After `close` or `abort`, none of its events come. */
export interface Link {
  readonly remote: Address;
  /** Our own address on it, once connected. */
  readonly local: Address | undefined;
  /** Once connected. */
  readonly ports: Ports | undefined;
  /**
   * An address of ours in `family` by which the other side can reach us: `local` in its own family, else one of the
   * interface that `local` is on. Undefined: there is none.
   */
  localIn(family: Family): Address | undefined;
  /** An IPv6 address of the interface that a link-local `local` is on, which means something on other links too. */
  readonly globalBeside: Address | undefined;
  /** GTSM (RFC 5082) on a connection that was accepted; those that we dial have it from the start. */
  hearNeighbourOnly(): void;
  /**
   * Takes octets that nobody changes afterwards. False: they are taken, but write no more before `drained`.
   */
  write(octets: Uint8Array): boolean;
  /** Sends what was written, then closes. */
  close(): void;
  /** Closes at once; what was written and not sent is lost. Nothing happens to a link that was closed. */
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
