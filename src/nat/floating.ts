/** Floating IPs: the maps that lead from one to its fixed address and back, and hairpinning through them. */

import { type Address, compareAddresses, type Family } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { inBothFamilies } from "./families.ts";
import type { Kept } from "./homes.ts";
import type { Elements, SetContents } from "./layout.ts";
import { hairpinRules } from "./pools.ts";
import type { NatTable } from "./table.ts";
import { WITH_TIMERS } from "./timers.ts";

type FloatingSet = "floating" | "self" | "own" | "egress";

export function floatingSets(table: NatTable): Pick<SetContents, FloatingSet | `${FloatingSet}6`> {
  const { floating, self, own, egress } = setsOf(table, 4);
  const six = setsOf(table, 6);
  return {
    ...{ floating, self, own, egress },
    ...{ floating6: six.floating, self6: six.self, own6: six.own, egress6: six.egress },
  };
}

function setsOf(table: NatTable, family: Family): Pick<SetContents, FloatingSet> {
  const floating = new Map<string, string>();
  const self = new Map<string, string>();
  const own = new Map<string, Address>();
  const egress = new Map<string, Address>();
  for (const mapping of table.floating) {
    if (mapping.floating.family !== family) continue;
    const from = formatAddress(mapping.floating);
    const to = formatAddress(mapping.fixed);
    floating.set(from, to);
    self.set(`${to} . ${from}`, from);
    keepLowest(own, to, mapping.floating);
    if (mapping.egress === "floating") keepLowest(egress, to, mapping.floating);
  }
  for (const forward of table.forwards) {
    if (forward.floating.family !== family) continue;
    const from = formatAddress(forward.floating);
    self.set(`${formatAddress(forward.to)} . ${from}`, from);
  }
  return { floating, self, own: values(own), egress: values(egress) };
}

function keepLowest(lowest: Map<string, Address>, key: string, candidate: Address): void {
  const held = lowest.get(key);
  if (held === undefined || compareAddresses(candidate, held) < 0) lowest.set(key, candidate);
}

const values = (map: ReadonlyMap<string, Address>): Elements =>
  new Map([...map].map(([key, address]) => [key, formatAddress(address)]));

export const TO_FIXED: readonly string[] = [
  ...inBothFamilies((ip, six) => `${ip} daddr @floating${six} ${WITH_TIMERS}`),
  ...inBothFamilies((ip, six) => `dnat ${ip} to ${ip} daddr map @floating${six}`),
];

/**
 * A VM that talks to its own floating IP must not see its own address as the source: it would drop the packet. Of a million
 * floating IPs the map is in no cache, and flows that were not led to one need not look.
 */
export const TO_ITSELF: readonly string[] = inBothFamilies(
  (ip, six) => `ct status dnat snat ${ip} to ${ip} saddr . ct original ${ip} daddr map @self${six}`,
);

export const TO_EGRESS: readonly string[] = [
  ...inBothFamilies((ip, six) => `${ip} saddr @egress${six} ${WITH_TIMERS}`),
  ...inBothFamilies((ip, six) => `snat ${ip} to ${ip} saddr map @egress${six}`),
];

/** RFC 4787 REQ-9a: a hairpinned flow has an external source, so that its answers come back through here. */
export const toHairpin = (table: NatTable): readonly string[] =>
  table.inside.length === 0
    ? []
    : [
        ...["floating", "forwarded", table.grants ? "pooled" : "eim"].flatMap((to) =>
          INSIDE.map((set) => `ct status dnat ct original ip daddr @${to} ip saddr @${set} goto hairpin`),
        ),
        ...INSIDE6.map(
          (set) => `ct status dnat ct original ip6 daddr @floating6 ip6 saddr @${set} goto hairpin6`,
        ),
      ];

/** Sources whose answers would not pass here: those of the table, and all that is routed to our own hosts. */
const INSIDE = ["inside", "untracked", "untracked_hosts"] as const;
const INSIDE6 = ["inside6", "untracked6", "untracked6_hosts"] as const;

/** Sources without a block have no right to a port of any: they leave as the machine itself. */
export const hairpin = (table: NatTable, kept: Kept | undefined): readonly string[] => [
  "snat ip to ip saddr map @own",
  ...hairpinRules(table, kept),
];

export const HAIRPIN6: readonly string[] = ["snat ip6 to ip6 saddr map @own6", "masquerade"];
