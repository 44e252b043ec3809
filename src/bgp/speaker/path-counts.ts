/** How many paths a peer has in the RIB, and what became of them. */

import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";

/** Paths of one peer, by what became of them. */
export interface PathCounts {
  readonly received: number;
  readonly accepted: number;
  readonly stale: number;
  readonly refused: number;
}

export function pathCountsOf(rib: Rib, peer: PeerId | undefined): PathCounts {
  if (peer === undefined) return NONE;
  const sum = { received: 0, accepted: 0, stale: 0, refused: 0 };
  for (const family of [4, 6] as const) {
    const counts = rib.of(family).received.counts(peer);
    sum.received += counts.received;
    sum.accepted += counts.accepted;
    sum.stale += counts.stale;
    sum.refused += counts.refused;
  }
  return sum;
}

const NONE: PathCounts = { received: 0, accepted: 0, stale: 0, refused: 0 };
