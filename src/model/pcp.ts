/** What is wanted of who is asked for mappings (RFC 6887, RFC 6886). */

import { type Address, ipv4 } from "../bgp/net/address.ts";

export interface Pcp {
  /** IPv4 addresses of this machine where private hosts ask; empty: nobody answers. */
  readonly listen: readonly Address[];
  /** What a mapping lives, whatever is asked for; 120 s..24 h, the first at most the second. */
  readonly minLifetimeMs: number;
  readonly maxLifetimeMs: number;
  /** That a private address may have at once, 1..65 535. */
  readonly mappingsPerAddress: number;
}

/** RFC 6887 section 15 has these bounds of a lifetime. */
export const NO_PCP: Pcp = {
  listen: [],
  minLifetimeMs: 120_000,
  maxLifetimeMs: 86_400_000,
  mappingsPerAddress: 64,
};

/** Where announcements are sent to (RFC 6887 section 14.1.2). */
export const ALL_HOSTS: Address = ipv4(0xe0000001);
