/** Pools: which address and which ports a private source leaves with. */

import { formatAddress } from "../bgp/net/text.ts";
import { BLOCK_RULES, portText } from "./blocks.ts";
import type { NatTable } from "./table.ts";

/** The seed of the hash is fixed: a private address keeps its pool address over restarts and on every gateway. */
const SEED = "0x86";

/**
 * RFC 6888 REQ-2, RFC 4787 REQ-2: paired; all flows of a private address leave from one pool address, whichever pool
 * it is in. Only protocols with ports get the port range of their pool: an ICMP identifier is not a port.
 */
export function poolRules({ pools, blocks }: NatTable): readonly string[] {
  if (blocks !== undefined) return BLOCK_RULES;
  const count = pools.reduce((sum, pool) => sum + pool.addresses.length, 0);
  if (count === 0) return [];
  const hash = `snat ip to jhash ip saddr mod ${count} seed ${SEED} map`;
  let index = 0;
  const members = pools.map((pool) =>
    pool.addresses.map((address) => `${index++} : ${formatAddress(address)}`),
  );
  const withPorts = pools.map((pool, i) => {
    const map = `{ ${members[i]?.join(", ")} }`;
    return `meta l4proto { tcp, udp } ${hash} ${map}:${portText(pool.ports)}`;
  });
  return [...withPorts, `${hash} { ${members.flat().join(", ")} }`];
}
