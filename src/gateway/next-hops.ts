/** What is made of the ways to next hops: which paths may be used, at what cost, and where their packets leave. */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Hop, Way } from "./intent.ts";

/** Where packets to next hops leave, by address text. What is not in it cannot be reached. Never changed in place. */
export type Hops = ReadonlyMap<string, readonly Hop[]>;

export interface JudgedNextHop {
  readonly reachable: boolean;
  /** The cost of RFC 4271 §9.1.2.2 e): the metric of the kernel's route, 0 for what is on a link of ours. */
  readonly metric: number;
  /** Why it cannot be reached, in words. */
  readonly reason?: string;
  /** Empty when it cannot be reached. */
  readonly hops: readonly Hop[];
}

/**
 * RFC 4271 §9.1.2.1: a path whose next hop cannot be resolved is not eligible.
 * @param way - undefined: the kernel has not been asked, or has not answered
 * @param viaDefault - a default route is good enough: it says of no address that it is there
 */
export function judgeNextHop(nextHop: Address, way: Way | undefined, viaDefault: boolean): JudgedNextHop {
  const text = formatAddress(nextHop);
  const unreachable = (reason: string): JudgedNextHop => ({ reachable: false, metric: 0, reason, hops: [] });
  if (way === undefined) return unreachable(`the kernel has not said yet what leads to ${text}`);
  if (!way.reachable) return unreachable(WORDS[way.why](text));
  if (way.length === 0 && !viaDefault) {
    return unreachable(`only a default route leads to ${text}, and bgp.nextHopTracking.viaDefault is false`);
  }
  const onLink = way.hops.every(({ gateway }) => gateway === undefined);
  return { reachable: true, metric: onLink ? 0 : way.metric, hops: way.hops };
}

const WORDS: Readonly<Record<(Way & { reachable: false })["why"], (nextHop: string) => string>> = {
  "no-route": (nextHop) => `next hop ${nextHop} has no route`,
  "link-down": (nextHop) => `the link to next hop ${nextHop} is down`,
  discarded: (nextHop) => `the route to next hop ${nextHop} throws packets away`,
  "own-address": (nextHop) => `next hop ${nextHop} is an address of this machine`,
};
