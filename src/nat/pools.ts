/** Pools: which address and which ports a private source leaves with. */

import { BLOCK_RULES } from "./blocks.ts";
import { isIndependent, toMapped } from "./mapping.ts";
import { members, portText } from "./members.ts";
import type { NatTable } from "./table.ts";

/** Only protocols with ports get the port range of their pool: an ICMP identifier is not a port. */
export function poolRules(table: NatTable): readonly string[] {
  const { pools, blocks } = table;
  if (blocks !== undefined) return [...toMapped(table), ...BLOCK_RULES];
  if (pools.length === 0) return [];
  const withPorts = pools.map((pool) => {
    // Left alone, the kernel gives a source the port that it has towards another destination.
    const random = isIndependent(pool) ? "" : " fully-random";
    return `meta l4proto { tcp, udp } snat ip to ${members(pools, [pool])}:${portText(pool.ports)}${random}`;
  });
  return [...toMapped(table), ...withPorts, `snat ip to ${members(pools)}`];
}
