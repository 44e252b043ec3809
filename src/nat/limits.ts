/**
 * Limits of a private address (RFC 6888 REQ-4 and REQ-5). Each is a set that the kernel fills: an element is one private
 * address with what it has used up. Who goes over is told so (RFC 5508 REQ-8: ICMP type 3 code 13), and nobody else
 * notices. What is not translated does not count. Who it was stands in a set for a while.
 */

import { type Address, ipv4 } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import type { NatTable } from "./table.ts";

/** Private addresses that a limit is kept for at once; when there are more, those above it have none. */
const LIMITED_ADDRESSES = 262_144;

/** Addresses that are remembered as refused, of each limit. When there are more, those are refused all the same. */
const REFUSED_ADDRESSES = 4096;
const REFUSED = [`size ${REFUSED_ADDRESSES}`, "flags dynamic,timeout", "timeout 1m"];

export type Limit = "sessions" | "rate";

/** The set of those whom a limit refused; a minute later they are in it no longer. */
export const refusedSet = (limit: Limit): `over_${Limit}` => `over_${limit}`;

/** Declarations behind the type of a set, as nft lists them. */
export const METERS: Readonly<
  Record<"sessions" | "session_rate" | ReturnType<typeof refusedSet>, readonly string[]>
> = {
  sessions: [`size ${LIMITED_ADDRESSES}`, "flags dynamic"],
  // An address that opens nothing for as long as its bucket takes to fill needs none.
  session_rate: [`size ${LIMITED_ADDRESSES}`, "flags dynamic,timeout", "timeout 10s"],
  over_sessions: REFUSED,
  over_rate: REFUSED,
};

const NEW = "ct state new ip saddr @private ip daddr != @exempt ip daddr != @exempt_hosts";

/** The second rule counts: the first ends where there is no room for one more. */
export const refuseRules = (limit: Limit): readonly string[] => [
  `update @${refusedSet(limit)} { ip saddr }`,
  "reject with icmp admin-prohibited",
];

/** The order in which {@link refusedIn} finds their counters. */
export function limitRules({ limits }: NatTable): readonly string[] {
  const { newSessionsPerSecond: rate, sessionsPerAddress: sessions } = limits;
  return [
    ...(rate === undefined
      ? []
      : [
          `${NEW} update @session_rate { ip saddr limit rate over ${rate}/second burst ${rate} packets } counter goto over_rate`,
        ]),
    ...(sessions === undefined
      ? []
      : [`${NEW} add @sessions { ip saddr ct count over ${sessions} } counter goto over_sessions`]),
  ];
}

/** The addresses in such a set as nft lists it. */
export const addressesIn = (listing: string): Address[] =>
  [...listing.matchAll(/(?:\d{1,3}\.){3}\d{1,3}/g)].map(([text]) => parseAddress(text) ?? ipv4(0));

export interface Refused {
  readonly sessions: number;
  readonly rate: number;
}

/** Packets that each limit refused, from the chain as nft lists it with its counters. */
export function refusedIn(listing: string): Refused {
  const packets = (set: string): number =>
    Number(new RegExp(`@${set} \\{[^}]*\\} counter packets (\\d+) `).exec(listing)?.[1] ?? 0);
  return { sessions: packets("sessions"), rate: packets("session_rate") };
}
