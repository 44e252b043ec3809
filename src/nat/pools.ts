/** Pools: which address and which ports a private source leaves with. */

import { BLOCK_RULE } from "./blocks.ts";
import { isIndependent, toMapped } from "./mapping.ts";
import { members, portText, sharedPools } from "./members.ts";
import type { NatTable } from "./table.ts";

/** Whoever has a block leaves with it, also when there is a mapping of a time when it had none. */
export const poolRules = (table: NatTable): readonly string[] => [
  ...(table.blocks === undefined ? [] : [BLOCK_RULE]),
  ...sharedRules(table),
];

/** Only protocols with ports get the port range of their pool: an ICMP identifier is not a port. */
function sharedRules(table: NatTable): readonly string[] {
  const pools = sharedPools(table);
  if (pools.length === 0) return table.blocks === undefined ? [] : ["drop"];
  const withPorts = pools.map((pool) => {
    // Left alone, the kernel gives a source the port that it has towards another destination.
    const random = isIndependent(pool) ? "" : " fully-random";
    return `meta l4proto { tcp, udp } snat ip to ${members(pools, [pool])}:${portText(pool.ports)}${random}`;
  });
  return [...toMapped(table), ...withPorts, `snat ip to ${members(pools)}`];
}
