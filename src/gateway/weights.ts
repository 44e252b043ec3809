/** How flows are shared out over next hops whose links differ. */

import { formatAddress } from "../bgp/net/text.ts";
import type { LearnedPath } from "./intent.ts";

/** The most that the kernel takes for one member of a group. */
export const MOST_WEIGHT = 256;

/**
 * By next hop, in proportion to the bandwidths, the largest at most 256. Undefined: all alike, which they are too when
 * the bandwidth of a single path is not known. Of two paths over one next hop the larger counts: it is one link.
 */
export function weightsOf(
  paths: readonly Pick<LearnedPath, "nextHop" | "bandwidth">[],
): ReadonlyMap<string, number> | undefined {
  if (paths.length < 2 || paths.some(({ bandwidth }) => bandwidth === undefined)) return undefined;
  const weights = new Map<string, number>();
  const most = Math.max(...paths.map(({ bandwidth }) => bandwidth!));
  for (const { nextHop, bandwidth } of paths) {
    const text = formatAddress(nextHop);
    const weight = Math.max(1, Math.round((bandwidth! / most) * MOST_WEIGHT));
    weights.set(text, Math.max(weight, weights.get(text) ?? 0));
  }
  const divisor = [...weights.values()].reduce(greatestCommonDivisor);
  if (weights.size < 2 || divisor === Math.max(...weights.values())) return undefined;
  for (const [text, weight] of weights) weights.set(text, weight / divisor);
  return weights;
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);
