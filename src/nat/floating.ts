/** Floating IPs: the maps that lead from one to its fixed address and back, and hairpinning through them. */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Elements, SetContents } from "./layout.ts";
import { hairpinRules } from "./pools.ts";
import type { NatTable } from "./table.ts";

export function floatingSets(table: NatTable): Pick<SetContents, "floating" | "self" | "own" | "egress"> {
  const floating = new Map<string, string>();
  const self = new Map<string, string>();
  const own = new Map<string, Address>();
  const egress = new Map<string, Address>();
  for (const mapping of table.floating) {
    const from = formatAddress(mapping.floating);
    const to = formatAddress(mapping.fixed);
    floating.set(from, to);
    self.set(`${to} . ${from}`, from);
    keepLowest(own, to, mapping.floating);
    if (mapping.egress === "floating") keepLowest(egress, to, mapping.floating);
  }
  for (const forward of table.forwards) {
    const from = formatAddress(forward.floating);
    self.set(`${formatAddress(forward.to)} . ${from}`, from);
  }
  return { floating, self, own: values(own), egress: values(egress) };
}

function keepLowest(lowest: Map<string, Address>, key: string, candidate: Address): void {
  const held = lowest.get(key);
  if (held === undefined || candidate.w0 < held.w0) lowest.set(key, candidate);
}

const values = (map: ReadonlyMap<string, Address>): Elements =>
  new Map([...map].map(([key, address]) => [key, formatAddress(address)]));

export const TO_FIXED = "dnat ip to ip daddr map @floating";

/** What conntrack takes for no part of any flow, or nobody forwards, is not translated. Sent on, it would go round. */
export const UNTRANSLATED: readonly string[] = ["ip daddr @floating drop", "ip daddr @forwarded drop"];

/** A VM that talks to its own floating IP must not see its own address as the source: it would drop the packet. */
export const TO_ITSELF = "snat ip to ip saddr . ct original ip daddr map @self";

/** RFC 4787 REQ-9a: a hairpinned flow has an external source, so that its answers come back through here. */
export const toHairpin = (table: NatTable): readonly string[] =>
  table.inside.length === 0
    ? []
    : ["floating", "forwarded", table.grants ? "pooled" : "eim"].flatMap((to) =>
        INSIDE.map((set) => `ct status dnat ct original ip daddr @${to} ip saddr @${set} goto hairpin`),
      );

/** Sources whose answers would not pass here: those of the table, and all that is routed to our own hosts. */
const INSIDE = ["inside", "untracked", "untracked_hosts"] as const;

/** Sources without a block have no right to a port of any: they leave as the machine itself. */
export const hairpin = (table: NatTable): readonly string[] => [
  "snat ip to ip saddr map @own",
  ...hairpinRules(table),
];
