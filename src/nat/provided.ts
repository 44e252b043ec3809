/** Which translations are in force, as numbers: an announcement relies on its own and on no other. */

import type { Address } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import { forwardElements } from "./forwards.ts";
import type { ChainName, Elements, PortChains } from "./layout.ts";
import { floatingOf, parseListing } from "./listing.ts";
import { render } from "./render.ts";
import type { FloatingMapping, ForwardMapping, NatTable } from "./table.ts";

/** IPv4 addresses as their one word. */
export interface Provided {
  /** Floating IP to fixed address. */
  readonly floating: ReadonlyMap<number, number>;
  /** Ports of floating IPs, as elements. */
  readonly forwards: Elements;
  readonly pooled: ReadonlySet<number>;
}

export const NOTHING_PROVIDED: Provided = { floating: new Map(), forwards: new Map(), pooled: new Set() };

export function providedBy(table: NatTable): Provided {
  return {
    floating: floatingWords(table.floating),
    forwards: forwardElements(table.forwards),
    pooled: new Set(table.pools.flatMap((pool) => pool.addresses.map(wordOf))),
  };
}

/** What the kernel provides by this listing; nothing where the rules are not those that `wanted` has. */
export function providedByListing(listing: string, wanted: NatTable): Provided {
  const found = parseListing(listing);
  if (found === undefined) return NOTHING_PROVIDED;
  const blocks = wanted.blocks && { ...wanted.blocks, private: [] };
  const { chains, portChains } = render({
    ...wanted,
    floating: [],
    forwards: [],
    exempt: [],
    untracked: [],
    blocks,
  });
  const same = (names: readonly ChainName[]): boolean =>
    names.every((name) => chains[name].join("\n") === found.chains[name].join("\n"));
  const pooled = [...found.sets.pooled.keys()].flatMap((text) => parseAddress(text) ?? []);
  const enters = same(["dstnat", "dstnat_output"]);
  return {
    floating: enters ? floatingWords(floatingOf(listing)) : new Map(),
    forwards: enters ? found.sets.forwards : new Map(),
    pooled:
      same(["srcnat", "pools", "leave"]) && sameChains(portChains, found.portChains)
        ? new Set(pooled.map(wordOf))
        : new Set(),
  };
}

/** Whether an address is translated as `wanted` says, whatever it is there. */
export function translates(provided: Provided, wanted: NatTable): (address: Address) => boolean {
  const fixed = floatingWords(wanted.floating);
  const forwards = new Map<number, ForwardMapping[]>();
  for (const forward of wanted.forwards) {
    const list = forwards.get(forward.floating.w0);
    if (list === undefined) forwards.set(forward.floating.w0, [forward]);
    else list.push(forward);
  }
  return ({ w0 }) => {
    const to = fixed.get(w0);
    if (to !== undefined) return provided.floating.get(w0) === to;
    const ports = forwards.get(w0);
    if (ports === undefined) return provided.pooled.has(w0);
    return [...forwardElements(ports)].every(([key, value]) => provided.forwards.get(key) === value);
  };
}

const wordOf = (address: Address): number => address.w0;

const floatingWords = (mappings: readonly FloatingMapping[]): ReadonlyMap<number, number> =>
  new Map(mappings.map((m) => [m.floating.w0, m.fixed.w0]));

const sameChains = (a: PortChains, b: PortChains): boolean =>
  [...a].every(([name, rules]) => b.get(name)?.join("\n") === rules.join("\n"));
