/** The ways to next hops on a machine that has no routes but those of its links. */

import fc from "fast-check";
import { contains, isLinkLocal, prefixOf } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Hop, LearnedRoute, Link } from "../intent.ts";
import type { Hops } from "../next-hops.ts";
import { address } from "./values.ts";

/** What the links give, or other ways to the next hops of {@link learnedRoutes}: through others, or none. */
export const reroutings: fc.Arbitrary<Hops | undefined> = fc.option(
  fc
    .dictionary(
      fc.constantFrom("192.168.8.11", "192.168.8.12", "192.0.9.9"),
      fc.subarray<Hop>(
        [
          { interface: "eth0" },
          { interface: "eth0", gateway: address("192.168.8.11") },
          { interface: "eth0", gateway: address("192.168.8.254") },
        ],
        { minLength: 1 },
      ),
    )
    .map((ways) => new Map(Object.entries(ways))),
  { nil: undefined },
);

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
