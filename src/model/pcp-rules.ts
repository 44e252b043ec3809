/** Who is asked for mappings: there have to be some to give, and hosts have to get there. */

import { formatAddress } from "../bgp/net/text.ts";
import type { Model } from "./model.ts";
import { isUnicast } from "./prefixes.ts";
import { error, type Violation } from "./violation.ts";

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
      found.push(
        error(at, `${text} is a public address, or named twice`, "name one that private hosts reach us by"),
      );
    else taken.add(text);
  }
  return found;
}
