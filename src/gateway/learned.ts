/** What peers told us: as numbers, as the speaker's feed gives it, and as the plan asks for it. */

import type { Address, Family, Prefix } from "../bgp/net/address.ts";
import type { KernelRoute, LearnedPath, LearnedRoute } from "./intent.ts";

/**
 * The best paths that peers told us. `RouteFeed` of the speaker satisfies it; tests have one in memory. A prefix is
 * known by its row, a small number, which stays its own from when it is taken, opened or changed until it is released.
 */
export interface Learned {
  /** What changes is noted from now on; all that there is counts as changed. */
  begin(): void;
  of(family: Family): LearnedFamily;
  /** The address behind a number that {@link LearnedFamily.loneNextHop} gave. */
  nextHop(number: number): Address;
  /** Keeps a number that address's. */
  holdNextHop(number: number): void;
  releaseNextHop(number: number): void;
}

export interface LearnedFamily {
  readonly family: Family;
  /** How many prefixes changed and were not taken yet. */
  readonly pending: number;
  /** Takes one that changed; -1: there is none. */
  next(): number;
  /** It changed and was not taken yet. */
  isPending(row: number): boolean;
  /** The row of a prefix, whether it has a path or not. */
  open(prefix: Prefix): number;
  /** -1: it has no row. */
  find(prefix: Prefix): number;
  /** Its row may be another prefix's from now on. */
  release(row: number): void;
  longestMatch(address: Address, most: number, accepts: (row: number) => boolean): number;
  prefix(row: number): Prefix;
  word(row: number, index: 0 | 1 | 2 | 3): number;
  lengthOf(row: number): number;
  /** Of the best path; see kinds.ts. */
  tag(row: number): number;
  /** The number of its only next hop; -1: ask {@link paths}. */
  loneNextHop(row: number): number;
  paths(row: number): readonly LearnedPath[];
  /** Whether others may be told of it. Taken back by itself when its last path goes. */
  isInstalled(row: number): boolean;
  setInstalled(row: number, installed: boolean): void;
}

/** What a plan asks of what was learned. */
export interface LearnedView {
  /** What peers tell of this very prefix; undefined: nothing. */
  at(prefix: Prefix): LearnedRoute | undefined;
  /** The longest learned route of more than `length` bits that is to be in the kernel and leads to an address. */
  wayTo(address: Address, length: number): KernelRoute | undefined;
  /** Whether a learned route more specific than one of the networks that are announced as a whole is in force. */
  reaches(network: Prefix): boolean;
  /** Prefixes that are routed and not translated, by their kind. */
  routed(): readonly Prefix[];
}

/** Who plans by learned routes. */
export interface Planning {
  /** Something changed that a plan depends on. */
  touched(): void;
  /** What leads to these addresses changed, which floating IPs are translated to, and no more depends on it. */
  led(fixed: readonly Address[]): void;
}
