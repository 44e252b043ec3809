/** What is not translated: destinations that are exempt, and packets that conntrack never sees. */

import { addresses, intervals, isHost, isIpv4 } from "./elements.ts";
import type { SetContents } from "./layout.ts";
import type { NatTable } from "./table.ts";

type TrackingSet = `exempt${"" | "_hosts"}` | `untracked${"" | "6"}${"" | "_hosts"}`;

export function trackingSets({ exempt, untracked }: NatTable): Pick<SetContents, TrackingSet> {
  return {
    exempt: intervals(exempt.filter((p) => isIpv4(p) && !isHost(p))),
    exempt_hosts: addresses(exempt.filter((p) => isIpv4(p) && isHost(p))),
    untracked: intervals(untracked.filter((p) => isIpv4(p) && !isHost(p))),
    untracked_hosts: addresses(untracked.filter((p) => isIpv4(p) && isHost(p))),
    untracked6: intervals(untracked.filter((p) => !(isIpv4(p) || isHost(p)))),
    untracked6_hosts: addresses(untracked.filter((p) => !isIpv4(p) && isHost(p))),
  };
}

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

export const TO_UNTRACK: readonly string[] = [
  "ip daddr @untracked goto untrack",
  "ip daddr @untracked_hosts goto untrack",
  "ip saddr @untracked goto untrack",
  "ip saddr @untracked_hosts goto untrack",
  "ip6 daddr @untracked6 notrack",
  "ip6 daddr @untracked6_hosts notrack",
  "ip6 saddr @untracked6 notrack",
  "ip6 saddr @untracked6_hosts notrack",
];

export const EXEMPT: readonly string[] = ["ip daddr @exempt accept", "ip daddr @exempt_hosts accept"];
