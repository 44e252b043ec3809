/** The ways to next hops on a machine that has no routes but those of its links. */

import { contains, isLinkLocal, prefixOf } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Hop, LearnedRoute, Link } from "../intent.ts";
import type { Hops } from "../next-hops.ts";

export function hopsOnLinks(learned: readonly LearnedRoute[], links: readonly Link[]): Hops {
  const hops = new Map<string, readonly Hop[]>();
  for (const { nextHop } of learned.flatMap(({ paths }) => paths)) {
    const link = links.find(({ up, name, addresses }) => {
      if (isLinkLocal(nextHop)) return up && name === nextHop.zone;
      return up && addresses.some(({ address, length }) => contains(prefixOf(address, length), nextHop));
    });
    if (link !== undefined) hops.set(formatAddress(nextHop), [{ interface: link.name }]);
  }
  return hops;
}
