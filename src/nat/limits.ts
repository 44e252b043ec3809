/**
 * Limits of a private address (RFC 6888 REQ-4 and REQ-5). Each is a set that the kernel fills: an element is one private
 * address with what it has used up. Who goes over is told so (RFC 5508 REQ-8: ICMP type 3 code 13), and nobody else
 * notices. What is not translated does not count. Who it was stands in a set for a while.
 */

import { type Address, ipv4 } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import { hasOwnBlocks } from "./blocks.ts";
import { WITHOUT_MAPPING } from "./mapping.ts";
import { type Limit, refusedSet } from "./meters.ts";
import type { NatTable } from "./table.ts";

const NEW = "ct state new ip saddr @private ip daddr != @exempt ip daddr != @exempt_hosts";

/** The second rule counts: the first ends where there is no room for one more. */
export const refuseRules = (limit: Limit): readonly string[] => [
  `update @${refusedSet(limit)} { ip saddr }`,
  "reject with icmp admin-prohibited",
];

/** What opens a flow and has no mapping takes a port. It counts for as long as that flow lives. */
const NEW_PORT = `${NEW} ${WITHOUT_MAPPING}`;

/** {@link refusedIn} finds their counters. */
export function limitRules(table: NatTable): readonly string[] {
  const { newSessionsPerSecond: rate, portsPerAddress: ports, sessionsPerAddress: sessions } = table.limits;
  return [
    ...(rate === undefined
      ? []
      : [
          `${NEW} update @session_rate { ip saddr limit rate over ${rate}/second burst ${rate} packets } counter goto over_rate`,
        ]),
    ...(ports === undefined
      ? []
      : [`${NEW_PORT} add @ports { ip saddr ct count over ${ports} } counter goto over_ports`]),
    ...(hasOwnBlocks(table) ? [`${NEW_PORT} ip saddr @full counter goto over_ports`] : []),
    ...(sessions === undefined
      ? []
      : [`${NEW} add @sessions { ip saddr ct count over ${sessions} } counter goto over_sessions`]),
  ];
}

/** The addresses in such a set as nft lists it. */
export const addressesIn = (listing: string): Address[] =>
  [...listing.matchAll(/(?:\d{1,3}\.){3}\d{1,3}/g)].map(([text]) => parseAddress(text) ?? ipv4(0));

export type Refused = Readonly<Record<Limit, number>>;

/** Packets that each limit refused, from the chain as nft lists it with its counters. */
export function refusedIn(listing: string): Refused {
  const packets = (meter: string): number =>
    Number(new RegExp(`@${meter} (?:\\{[^}]*\\} )?counter packets (\\d+) `).exec(listing)?.[1] ?? 0);
  return {
    sessions: packets("sessions"),
    rate: packets("session_rate"),
    ports: packets("ports") + packets("full"),
  };
}
