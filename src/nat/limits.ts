/**
 * Limits of a private address (RFC 6888 REQ-4 and REQ-5). Each is a set that the kernel fills: an element is one private
 * address with what it has used up. Who goes over is told so (RFC 5508 REQ-8: ICMP type 3 code 13), and nobody else
 * notices. What is not translated does not count.
 */

import type { NatTable } from "./table.ts";

/** Private addresses that a limit is kept for at once; when there are more, those above it have none. */
const LIMITED_ADDRESSES = 262_144;

/** Declarations behind the type of a set, as nft lists them. */
export const METERS: Readonly<Record<"sessions" | "session_rate", readonly string[]>> = {
  sessions: [`size ${LIMITED_ADDRESSES}`, "flags dynamic"],
  // An address that opens nothing for as long as its bucket takes to fill needs none.
  session_rate: [`size ${LIMITED_ADDRESSES}`, "flags dynamic,timeout", "timeout 10s"],
};

const NEW = "ct state new ip saddr @private ip daddr != @exempt ip daddr != @exempt_hosts";
const REFUSE = "counter reject with icmp admin-prohibited";

/** The order in which {@link refusedIn} finds their counters. */
export function limitRules({ limits }: NatTable): readonly string[] {
  const { newSessionsPerSecond: rate, sessionsPerAddress: sessions } = limits;
  return [
    ...(rate === undefined
      ? []
      : [
          `${NEW} update @session_rate { ip saddr limit rate over ${rate}/second burst ${rate} packets } ${REFUSE}`,
        ]),
    ...(sessions === undefined
      ? []
      : [`${NEW} add @sessions { ip saddr ct count over ${sessions} } ${REFUSE}`]),
  ];
}

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
