/** What the Adj-RIB-In knows of one peer, and what it has still to do for it. */

import type { AppliedFilter } from "./applied-filter.ts";
import type { ImportLimits } from "./import-limits.ts";
import type { PeerId } from "./peer-table.ts";

/** One peer's counters and the policy that its paths pass. */
export interface Feed {
  filter: AppliedFilter;
  limits: ImportLimits;
  /** 0..254, see the head of `adj-rib-in.ts`. */
  generation: number;
  received: number;
  accepted: number;
  stale: number;
  refused: number;
}

/** Takes away what is not of its peer's generation, or makes it stale for long, from row `at` on. */
export interface Sweep {
  readonly peer: PeerId;
  readonly ages: boolean;
  at: number;
  readonly done: () => void;
}

/** Judges a peer's paths again, from row `at` on. */
export interface Refilter {
  readonly peer: PeerId;
  at: number;
}

export interface FeedCounts {
  readonly received: number;
  /** Of them, passed by import policy and no loop. */
  readonly accepted: number;
  readonly stale: number;
  /** Paths not kept, because there were 256 of their prefix already; since the peer is known. */
  readonly refused: number;
}
