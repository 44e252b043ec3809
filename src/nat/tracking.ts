/** What is not translated: destinations that are exempt, and packets that conntrack never sees. */

import { addresses, intervals, isHost, isIpv4, isIpv6 } from "./elements.ts";
import { inBothFamilies } from "./families.ts";
import type { Kept } from "./homes.ts";
import type { Elements, SetContents } from "./layout.ts";
import { trackedPrefixes } from "./nptv6.ts";
import type { NatTable } from "./table.ts";

type TrackingSet = `${"exempt" | "untracked"}${"" | "6"}${"" | "_hosts"}`;

export function trackingSets({ exempt, untracked }: NatTable): Pick<SetContents, TrackingSet> {
  return {
    exempt: intervals(exempt.filter((p) => isIpv4(p) && !isHost(p))),
    exempt_hosts: addresses(exempt.filter((p) => isIpv4(p) && isHost(p))),
    exempt6: intervals(exempt.filter((p) => isIpv6(p) && !isHost(p))),
    exempt6_hosts: addresses(exempt.filter((p) => isIpv6(p) && isHost(p))),
    untracked: intervals(untracked.filter((p) => isIpv4(p) && !isHost(p))),
    untracked_hosts: addresses(untracked.filter((p) => isIpv4(p) && isHost(p))),
    untracked6: intervals(untracked.filter((p) => isIpv6(p) && !isHost(p))),
    untracked6_hosts: addresses(untracked.filter((p) => isIpv6(p) && isHost(p))),
  };
}

type NetworkSet = "pooled" | "private" | "inside" | "inside6";

/** Who is translated, and to what; and whose way to a floating IP turns round here. */
export const networkSets = (table: NatTable): Pick<SetContents, NetworkSet> => ({
  pooled: addresses(table.pools.flatMap((pool) => pool.addresses)),
  private: intervals(table.private.filter(isIpv4)),
  inside: intervals(table.inside.filter(isIpv4)),
  inside6: intervals(table.inside.filter(isIpv6)),
});

/** A flow that is translated here needs conntrack in both directions, whatever its other side is. */
export const UNTRACK: readonly string[] = [
  "ip daddr @floating accept",
  "ip daddr @own accept",
  "ip saddr @own accept",
  "ip daddr @forwarded accept",
  "ip daddr @targets accept",
  "ip saddr @targets accept",
  "ip daddr @pooled accept",
  "notrack",
];

export const untrack6 = (table: NatTable): readonly string[] => [
  "ip6 daddr @floating6 accept",
  "ip6 daddr @own6 accept",
  "ip6 saddr @own6 accept",
  ...trackedPrefixes(table),
  "notrack",
];

export const TO_UNTRACK: readonly string[] = [
  "ip daddr @untracked goto untrack",
  "ip daddr @untracked_hosts goto untrack",
  "ip saddr @untracked goto untrack",
  "ip saddr @untracked_hosts goto untrack",
  "ip6 daddr @untracked6 goto untrack6",
  "ip6 daddr @untracked6_hosts goto untrack6",
  "ip6 saddr @untracked6 goto untrack6",
  "ip6 saddr @untracked6_hosts goto untrack6",
];

/**
 * Networks that stand in the rules of new flows themselves, at most: to look into a set of intervals costs as much as to
 * compare with so many.
 */
const COMPARED_NETWORKS = 4;

/** With 0.0.0.0/0 there is nothing to compare. */
const ALL = "0.0.0.0/0";

/**
 * A match for each network of a few of IPv4, else one for the set of all.
 * @param value - an address, as an expression
 * @param kept - what the set may hold besides
 */
export function inNetworks(
  value: string,
  set: "private" | "exempt",
  networks: Elements,
  { kept, most = COMPARED_NETWORKS }: { readonly kept: Kept | undefined; readonly most?: number },
): readonly string[] {
  const isAlone = [...(kept?.[set].keys() ?? [])].every((key) => networks.has(key));
  return isAlone && networks.size <= most && !networks.has(ALL)
    ? [...networks.keys()].map((network) => `${value} ${network}`)
    : [`${value} @${set}`];
}

export const exemptRules = (table: NatTable, kept: Kept | undefined): readonly string[] =>
  [
    ...inNetworks("ip daddr", "exempt", trackingSets(table).exempt, { kept }),
    "ip6 daddr @exempt6",
    ...inBothFamilies((ip, six) => `${ip} daddr @exempt${six}_hosts`),
  ].map((match) => `${match} accept`);
