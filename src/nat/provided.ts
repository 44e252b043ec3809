/** Which translations are in force, as numbers: an announcement relies on its own and on no other. */

import type { Address } from "../bgp/net/address.ts";
import { type AddressKey, addressKey, parseAddress } from "../bgp/net/text.ts";
import { matchableIn } from "./filled.ts";
import { forwardElements } from "./forwards.ts";
import type { ChainName, Elements, PortChains } from "./layout.ts";
import { floatingOf, parseListing } from "./listing.ts";
import { PREFIX_CHAINS, PREFIX_SETS, prefixSets } from "./nptv6.ts";
import { portChains } from "./pools.ts";
import { renderChains } from "./render.ts";
import { STATELESS_CHAINS } from "./stateless.ts";
import type { FloatingMapping, ForwardMapping, NatTable } from "./table.ts";

export interface Provided {
  /** Floating IP to fixed address. */
  readonly floating: ReadonlyMap<AddressKey, AddressKey>;
  /** Floating IPs that are translated without conntrack. */
  readonly stateless: ReadonlySet<AddressKey>;
  /** Ports of floating IPs, as elements. */
  readonly forwards: Elements;
  readonly pooled: ReadonlySet<AddressKey>;
  /** First addresses of external prefixes. */
  readonly prefixes: ReadonlySet<AddressKey>;
}

export const NOTHING_PROVIDED: Provided = {
  floating: new Map(),
  stateless: new Set(),
  forwards: new Map(),
  pooled: new Set(),
  prefixes: new Set(),
};

export function providedBy(table: NatTable): Provided {
  return {
    floating: fixedByFloating(table.floating),
    stateless: new Set(table.floating.flatMap((m) => (m.stateless === true ? addressKey(m.floating) : []))),
    forwards: forwardElements(table.forwards),
    pooled: new Set(table.pools.flatMap((pool) => pool.addresses.map(addressKey))),
    prefixes: new Set(table.prefixes.map(({ external }) => addressKey(external))),
  };
}

/** What the kernel provides by this listing; nothing where the rules are not those that `wanted` has. */
export function providedByListing(listing: string, wanted: NatTable): Provided {
  const found = parseListing(listing);
  if (found === undefined) return NOTHING_PROVIDED;
  // Where a start keeps what it does not know yet, there are rules for that too.
  const rules = [undefined, found.sets].map((kept) => renderChains(wanted, matchableIn(wanted, kept), kept));
  const same = (names: readonly ChainName[]): boolean =>
    rules.some((chains) => names.every((name) => sameRules(chains[name], found.chains[name])));
  const prefixes = prefixSets(wanted);
  const hasPrefixes = PREFIX_SETS.every((name) =>
    [...prefixes[name]].every(([key, value]) => found.sets[name].get(key) === value),
  );
  const stateless = [...found.sets.stateless.keys(), ...found.sets.stateless6.keys()];
  const enters = same(["dstnat", "dstnat_output"]);
  return {
    stateless: new Set(same(STATELESS_CHAINS) ? addressesIn(stateless).map(addressKey) : []),
    floating: enters ? fixedByFloating(floatingOf(listing)) : new Map(),
    forwards: enters ? found.sets.forwards : new Map(),
    pooled:
      same(["srcnat", "pools", "pools_udp", "pools_tcp", "leave"]) &&
      sameChains(portChains(wanted), found.portChains)
        ? new Set(addressesIn([...found.sets.pooled.keys()]).map(addressKey))
        : new Set(),
    prefixes: new Set(
      same([...PREFIX_CHAINS, "stateless_in", "stateless_out"]) && hasPrefixes
        ? wanted.prefixes.map(({ external }) => addressKey(external))
        : [],
    ),
  };
}

const addressesIn = (texts: readonly string[]): Address[] =>
  texts.flatMap((text) => parseAddress(text) ?? []);

/** Whether an address is translated as `wanted` says, whatever it is there. */
export function translates(provided: Provided, wanted: NatTable): (address: Address) => boolean {
  const fixed = fixedByFloating(wanted.floating);
  const { stateless } = providedBy({ ...wanted, pools: [], forwards: [] });
  const forwards = new Map<AddressKey, ForwardMapping[]>();
  for (const forward of wanted.forwards) {
    const key = addressKey(forward.floating);
    const list = forwards.get(key);
    if (list === undefined) forwards.set(key, [forward]);
    else list.push(forward);
  }
  return (address) => {
    const key = addressKey(address);
    const to = fixed.get(key);
    if (to !== undefined)
      return provided.floating.get(key) === to && (!stateless.has(key) || provided.stateless.has(key));
    const ports = forwards.get(key);
    if (ports === undefined) return provided.pooled.has(key) || provided.prefixes.has(key);
    return [...forwardElements(ports)].every(([port, value]) => provided.forwards.get(port) === value);
  };
}

const fixedByFloating = (mappings: readonly FloatingMapping[]): ReadonlyMap<AddressKey, AddressKey> =>
  new Map(mappings.map((m) => [addressKey(m.floating), addressKey(m.fixed)]));

const sameChains = (a: PortChains, b: PortChains): boolean =>
  [...a].every(([name, rules]) => sameRules(b.get(name) ?? [], rules));

const sameRules = (a: readonly string[], b: readonly string[]): boolean => a.join("\n") === b.join("\n");
