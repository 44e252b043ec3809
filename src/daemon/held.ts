/** What a gateway finds in the kernel when it starts. */

import { type Address, zoned } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Dataplane, KernelRoute } from "../gateway/intent.ts";
import type { BlockGrant, BlockPlan } from "../model/blocks.ts";
import { givenIn } from "../nat/block-book.ts";

/** What the kernel has of a gateway that ran before this one. */
export interface Held {
  readonly routes: number;
  readonly nat: boolean;
  /** Port blocks that were given, by the plan that there is now. */
  readonly givenBlocks: readonly BlockGrant[];
  /** Who may have told us its routes: peers of our links, or routers on the way to them. */
  readonly nextHops: readonly Address[];
}

/** @throws KernelError */
export async function heldBy(dataplane: Dataplane, plan: BlockPlan | undefined): Promise<Held> {
  let routes = 0;
  const nextHops = new Map<string, Address>();
  const seen = new Set<KernelRoute["target"]>();
  const found = await dataplane.read((some) => {
    routes += some.length;
    // Routes of one part that lead to the same have their target in common.
    seen.clear();
    for (const { target } of some) {
      if (target.to !== "via" || seen.has(target)) continue;
      seen.add(target);
      for (const hop of target.nextHops) {
        const address = zoned(hop.address, hop.interface);
        nextHops.set(formatAddress(address), address);
      }
    }
  }, false);
  const nat = found.is === "listed" ? found.text : undefined;
  const givenBlocks = nat === undefined || plan === undefined ? [] : givenIn(nat, plan);
  return { routes, nat: nat !== undefined, givenBlocks, nextHops: [...nextHops.values()] };
}
