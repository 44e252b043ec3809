/** Sets of addresses as lists of prefixes. */

import {
  comparePrefixes,
  contains,
  overlaps,
  type Prefix,
  prefixOf,
  samePrefix,
} from "../bgp/net/address.ts";
import { lastOf, neighbour } from "./addresses.ts";

/** The same addresses in the fewest prefixes, in order. */
export function merged(prefixes: readonly Prefix[]): Prefix[] {
  const kept: Prefix[] = [];
  for (const prefix of prefixes.toSorted(comparePrefixes)) {
    const before = kept.at(-1);
    if (before !== undefined && contains(before, prefix)) continue;
    kept.push(prefix);
    while (joinLast(kept));
  }
  return kept;
}

/** Makes the last two one, where they are the halves of a prefix. */
function joinLast(kept: Prefix[]): boolean {
  const [low, high] = kept.slice(-2);
  if (low === undefined || high === undefined || low.length !== high.length || low.length === 0) return false;
  const whole = prefixOf(low, low.length - 1);
  if (!samePrefix(whole, prefixOf(high, high.length - 1))) return false;
  kept.splice(-2, 2, whole);
  return true;
}

/** What of `whole` is in none of `taken`, in as few prefixes as possible, in order. */
export function* freeIn(whole: Prefix, taken: readonly Prefix[]): Generator<Prefix> {
  const inside = taken.filter((prefix) => overlaps(whole, prefix));
  if (inside.length === 0) yield whole;
  else if (!inside.some((prefix) => contains(prefix, whole))) {
    const low = prefixOf(whole, whole.length + 1);
    yield* freeIn(low, inside);
    yield* freeIn(prefixOf(neighbour(lastOf(low), 1), low.length), inside);
  }
}
