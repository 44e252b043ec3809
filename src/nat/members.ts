/** Which pools private sources share, and which address of theirs each has. */

import { formatAddress } from "../bgp/net/text.ts";
import type { PortRange } from "../model/model.ts";
import type { NatTable, PoolMapping } from "./table.ts";

/** The seed of the hash is fixed: a private address keeps its pool address over restarts and on every gateway. */
const SEED = "0x86";

/** All, unless there are blocks: then those of the API alone, for whoever has no block. */
export function sharedPools({ pools, blocks }: NatTable): readonly PoolMapping[] {
  if (blocks === undefined) return pools;
  const inBlocks = new Set(blocks.pools.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)));
  return pools.filter(({ addresses: [first] }) => first !== undefined && !inBlocks.has(first.w0));
}

/**
 * RFC 6888 REQ-2, RFC 4787 REQ-2: paired; all flows of a private address leave from one pool address, whichever pool
 * it is in. With `only`, a map that lacks the addresses of the other pools.
 */
export function members(pools: readonly PoolMapping[], only: readonly PoolMapping[] = pools): string {
  const count = pools.reduce((sum, pool) => sum + pool.addresses.length, 0);
  let index = 0;
  const listed = pools.flatMap((pool) =>
    pool.addresses.flatMap((address) => {
      const member = `${index++} : ${formatAddress(address)}`;
      return only.includes(pool) ? [member] : [];
    }),
  );
  return `jhash ip saddr mod ${count} seed ${SEED} map { ${listed.join(", ")} }`;
}

export const portText = ({ first, last }: PortRange): string =>
  first === last ? `${first}` : `${first}-${last}`;
