/** Which pools private sources share, which have blocks, and which give each endpoint one of its own. */

import type { PortRange } from "../model/model.ts";
import type { NatTable, PoolMapping } from "./table.ts";

/** All, unless there are blocks: then those that are draining. */
export const sharedPools = (table: NatTable): readonly PoolMapping[] => poolsOf(table, false);

export const blockPools = (table: NatTable): readonly PoolMapping[] => poolsOf(table, true);

function poolsOf({ pools, blocks }: NatTable, inBlocks: boolean): readonly PoolMapping[] {
  const blocked = new Set(blocks?.pools.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)));
  return pools.filter(({ addresses: [first] }) => first !== undefined && blocked.has(first.w0) === inBlocks);
}

/** Each private endpoint has one external endpoint, and nobody else has that. */
export const isIndependent = ({ mapping }: PoolMapping): boolean => mapping === "endpointIndependent";

/** Pool addresses whose blocks have endpoint-independent mapping, as words. */
export const independentBlocks = (table: NatTable): ReadonlySet<number> =>
  new Set(
    blockPools(table)
      .filter(isIndependent)
      .flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)),
  );

export const portText = ({ first, last }: PortRange): string =>
  first === last ? `${first}` : `${first}-${last}`;
