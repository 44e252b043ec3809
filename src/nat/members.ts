/** Which pools private sources share. */

import type { PortRange } from "../model/model.ts";
import type { NatTable, PoolMapping } from "./table.ts";

/** All, unless there are blocks: then those of the API alone, for whoever has no block. */
export function sharedPools({ pools, blocks }: NatTable): readonly PoolMapping[] {
  if (blocks === undefined) return pools;
  const inBlocks = new Set(blocks.pools.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)));
  return pools.filter(({ addresses: [first] }) => first !== undefined && !inBlocks.has(first.w0));
}

export const portText = ({ first, last }: PortRange): string =>
  first === last ? `${first}` : `${first}-${last}`;
