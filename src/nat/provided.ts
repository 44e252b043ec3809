/** Which translations are in force, as numbers: an announcement relies on its own and on no other. */

import type { Address } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import type { ChainName, PortChains } from "./layout.ts";
import { floatingOf, parseListing } from "./listing.ts";
import { render } from "./render.ts";
import type { FloatingMapping, NatTable } from "./table.ts";

/** IPv4 addresses as their one word. */
export interface Provided {
  /** Floating IP to fixed address. */
  readonly floating: ReadonlyMap<number, number>;
  readonly pooled: ReadonlySet<number>;
}

export const NOTHING_PROVIDED: Provided = { floating: new Map(), pooled: new Set() };

export function providedBy(table: NatTable): Provided {
  return {
    floating: floatingWords(table.floating),
    pooled: new Set(table.pools.flatMap((pool) => pool.addresses.map(wordOf))),
  };
}

/** What the kernel provides by this listing; nothing where the rules are not those that `wanted` has. */
export function providedByListing(listing: string, wanted: NatTable): Provided {
  const found = parseListing(listing);
  if (found === undefined) return NOTHING_PROVIDED;
  const blocks = wanted.blocks && { ...wanted.blocks, private: [] };
  const { chains, portChains } = render({ ...wanted, floating: [], exempt: [], untracked: [], blocks });
  const same = (names: readonly ChainName[]): boolean =>
    names.every((name) => chains[name].join("\n") === found.chains[name].join("\n"));
  const pooled = [...found.sets.pooled.keys()].flatMap((text) => parseAddress(text) ?? []);
  return {
    floating: same(["dstnat", "dstnat_output"]) ? floatingWords(floatingOf(listing)) : new Map(),
    pooled:
      same(["srcnat", "pools", "leave"]) && sameChains(portChains, found.portChains)
        ? new Set(pooled.map(wordOf))
        : new Set(),
  };
}

const wordOf = (address: Address): number => address.w0;

const floatingWords = (mappings: readonly FloatingMapping[]): ReadonlyMap<number, number> =>
  new Map(mappings.map((m) => [m.floating.w0, m.fixed.w0]));

const sameChains = (a: PortChains, b: PortChains): boolean =>
  [...a].every(([name, rules]) => b.get(name)?.join("\n") === rules.join("\n"));
