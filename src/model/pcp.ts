/** What is wanted of who is asked for mappings (RFC 6887, RFC 6886). */

import { type Address, ipv4 } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Model } from "./model.ts";
import { isUnicast } from "./prefixes.ts";
import { error, type Violation } from "./violation.ts";

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

export function pcpViolations({ nat, floatingIps = [] }: Partial<Model>): Violation[] {
  if (nat === undefined || nat.pcp.listen.length === 0) return [];
  const { listen, minLifetimeMs, maxLifetimeMs } = nat.pcp;
  const path = ["nat", "pcp"];
  const found: Violation[] = [];
  if (nat.pools.length === 0)
    found.push(error(path, "there is no pool that mappings could be of", "add a pool, or take `pcp` out"));
  if (minLifetimeMs > maxLifetimeMs)
    found.push(error([...path, "minLifetime"], "is longer than maxLifetime", "make it maxLifetime at most"));
  const taken = new Set(
    [...nat.pools.flatMap(({ addresses }) => addresses), ...floatingIps.map(({ address }) => address)].map(
      formatAddress,
    ),
  );
  for (const [i, address] of listen.entries()) {
    const text = formatAddress(address);
    const at = [...path, "listen", i];
    if (address.family !== 4 || !isUnicast(address))
      found.push(
        error(at, `${text} is no IPv4 address of a machine`, "name one that private hosts reach us by"),
      );
    else if (taken.has(text))
      found.push(error(at, `${text} is a public address`, "name one that private hosts reach us by"));
    else taken.add(text);
  }
  return found;
}
