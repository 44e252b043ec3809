/** Port blocks: whether they fit into their pool, and whether every private address has one by computation. */

import { formatPrefix } from "../bgp/net/text.ts";
import {
  type BlockPlan,
  blockCount,
  blockPlan,
  blocksPerAddress,
  isComputed,
  privateCount,
  spareCount,
  wholeBlocks,
} from "./blocks.ts";
import type { Model, Nat, Pool } from "./model.ts";
import { error, type Violation, warning } from "./violation.ts";

/** Private addresses with a block: each is an element in the kernel's map, read back and compared at every audit. */
export const BLOCK_ADDRESSES = 65_536;

/** Blocks of an address where each port is one endpoint's: each is a chain, which netd writes and reads back. */
export const BLOCK_CHAINS = 1024;

/** Which pool an address is translated by is not known before it is. */
export function limitViolations({ nat }: Partial<Model>): Violation[] {
  const [first, ...others] = nat?.pools ?? [];
  return others.flatMap((pool, i) => {
    const { sessionsPerAddress: sessions, portsPerAddress: ports, newSessionsPerSecond: rate } = pool.limits;
    const { limits } = first ?? pool;
    if (
      sessions === limits.sessionsPerAddress &&
      ports === limits.portsPerAddress &&
      rate === limits.newSessionsPerSecond
    )
      return [];
    const message = `not the limits of pool ${first?.name}: a private address has the same in all pools`;
    return [error(["nat", "pools", i + 1, "limits"], message, "give all pools the same `limits`")];
  });
}

export function blockViolations({ nat }: Partial<Model>): Violation[] {
  const plan = nat && blockPlan(nat);
  if (nat === undefined) return [];
  if (plan === undefined) return nat.pools.flatMap(withoutBlocks);
  const found = nat.pools.flatMap((pool, i, pools) => (pool.draining ? [] : poolViolations(pool, i, pools)));
  return found.length > 0 ? found : [...sumViolations(nat, plan), ...sizeViolations(nat, plan)];
}

function withoutBlocks({ name, blockSize, overflowBlocks }: Pool, i: number): Violation[] {
  if (overflowBlocks === 0 || blockSize > 0) return [];
  const path = ["nat", "pools", i, "overflowBlocks"];
  return [error(path, `pool ${name} has no blocks`, "take `overflowBlocks` out, or write `blockSize`")];
}

function poolViolations(pool: Pool, i: number, pools: readonly Pool[]): Violation[] {
  const { name, ports, blockSize } = pool;
  const path = ["nat", "pools", i, "blockSize"];
  if (blockSize === 0) {
    const other = pools.find((pool) => pool.blockSize > 0 && !pool.draining)!;
    const message = `pool ${name} has no blocks and pool ${other.name} has: whose a port is could not be told`;
    const hint = "give all pools a `blockSize`, or none; one that is draining may be without";
    return [error(["nat", "pools", i], message, hint)];
  }
  const count = ports.last - ports.first + 1;
  const least = Math.ceil((count + 1) / (BLOCK_CHAINS + 1));
  if (wholeBlocks(pool) > BLOCK_CHAINS && pool.mapping === "endpointIndependent") {
    const message = `${wholeBlocks(pool)} blocks of ${blockSize} ports an address, and with mapping ${pool.mapping} there are ${BLOCK_CHAINS} at most`;
    return [error(path, message, `make it at least ${least}, or write \`mapping: addressAndPortDependent\``)];
  }
  if (blockSize <= count) return overflowViolations(pool, i);
  const message = `a block of ${blockSize} ports does not fit into ${ports.first}-${ports.last}, ${count} ports`;
  return [error(path, message, `make it at most ${count}`)];
}

function overflowViolations(pool: Pool, i: number): Violation[] {
  const { blockSize, overflowBlocks } = pool;
  const path = ["nat", "pools", i, "overflowBlocks"];
  if (overflowBlocks === 0) return [];
  const whole = wholeBlocks(pool);
  if (overflowBlocks < whole) return [];
  const message = `${overflowBlocks} of the ${whole} blocks of ${blockSize} ports that an address has: none would be left`;
  return [error(path, message, `make it at most ${whole - 1}`)];
}

function sumViolations({ pools: all }: Nat, plan: BlockPlan): Violation[] {
  const pools = all.filter((pool) => !pool.draining);
  const wanted = privateCount(plan);
  const there = blockCount(plan);
  const path = ["nat", "pools", all.indexOf(pools[0]!), "blockSize"];
  const ranges = plan.private.map(formatPrefix).join(", ");
  if (isComputed(plan)) {
    if (wanted <= BLOCK_ADDRESSES) return [];
    const message = `${ranges}: ${wanted} private addresses, and at most ${BLOCK_ADDRESSES} can have a block each`;
    return [error(path, message, "make `nat.private` the ranges that are really in use")];
  }
  const sum = pools.map(
    (pool) => `${pool.addresses.length} x ${blocksPerAddress(pool)} blocks of ${pool.blockSize} ports`,
  );
  const message = `${ranges}: ${wanted} private addresses, and there are ${there} blocks (${sum.join(" + ")}): none is computed, each is given to who asks first, and remembered`;
  return [warning(path, message, `to have them computed, ${remedy(pools, wanted, wanted - there)}`)];
}

/** The kernel has one mark for all, at which an address asks for another block. */
function sizeViolations({ pools }: Nat, plan: BlockPlan): Violation[] {
  const giving = pools.filter((pool) => !pool.draining && spareCount(plan, pool) > 0);
  return giving.slice(1).flatMap((pool) => {
    const [first] = giving;
    if (first === undefined || pool.blockSize === first.blockSize) return [];
    const path = ["nat", "pools", pools.indexOf(pool), "blockSize"];
    const message = `pool ${first.name} has blocks of ${first.blockSize} ports: blocks that can be given are of one size`;
    return [error(path, message, `make it ${first.blockSize}`)];
  });
}

function remedy(pools: readonly Pool[], wanted: number, missing: number): string {
  const last = pools.at(-1)!;
  const more = `add ${Math.ceil(missing / blocksPerAddress(last))} addresses to pool ${last.name}`;
  const size = largestSize(pools, wanted);
  return size === undefined ? more : `${more}, or make blockSize at most ${size}`;
}

/** The schema takes none that is smaller. */
const SMALLEST = 16;

/** The largest block that leaves one for each, were it the same in all pools; undefined: none that may be. */
function largestSize(pools: readonly Pool[], wanted: number): number | undefined {
  const fits = (blockSize: number): boolean =>
    pools.reduce((sum, p) => sum + p.addresses.length * blocksPerAddress({ ...p, blockSize }), 0) >= wanted;
  let [low, high] = [0, 65_536];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low < SMALLEST ? undefined : low;
}
