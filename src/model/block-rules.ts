/** Port blocks: every private address has one, or the file is refused with the sum that does not come out. */

import { formatPrefix } from "../bgp/net/text.ts";
import { type BlockPlan, blockCount, blockPlan, blocksPerAddress, privateCount } from "./blocks.ts";
import type { Model, Nat, Pool } from "./model.ts";
import { error, type Violation } from "./violation.ts";

/** Private addresses with a block: each is an element in the kernel's map, read back and compared at every audit. */
export const BLOCK_ADDRESSES = 65_536;

export function blockViolations({ nat }: Partial<Model>): Violation[] {
  const plan = nat && blockPlan(nat);
  if (nat === undefined || plan === undefined) return [];
  const found = nat.pools.flatMap(poolViolations);
  return found.length > 0 ? found : sumViolations(nat, plan);
}

function poolViolations({ name, ports, blockSize }: Pool, i: number, pools: readonly Pool[]): Violation[] {
  const path = ["nat", "pools", i, "blockSize"];
  if (blockSize === 0) {
    const other = pools.find((pool) => pool.blockSize > 0)!;
    const message = `pool ${name} has no blocks and pool ${other.name} has: whose a port is could not be told`;
    return [error(["nat", "pools", i], message, "give all pools a `blockSize`, or none")];
  }
  const count = ports.last - ports.first + 1;
  if (blockSize <= count) return [];
  const message = `a block of ${blockSize} ports does not fit into ${ports.first}-${ports.last}, ${count} ports`;
  return [error(path, message, `make it at most ${count}`)];
}

function sumViolations({ pools }: Nat, plan: BlockPlan): Violation[] {
  const wanted = privateCount(plan);
  const there = blockCount(plan);
  const path = ["nat", "pools", 0, "blockSize"];
  const ranges = plan.private.map(formatPrefix).join(", ");
  if (wanted > BLOCK_ADDRESSES) {
    const message = `${ranges}: ${wanted} private addresses, and at most ${BLOCK_ADDRESSES} can have a block each`;
    return [error(path, message, "make `nat.private` the ranges that are really in use")];
  }
  if (wanted <= there) return [];
  const sum = pools.map(
    (pool) => `${pool.addresses.length} x ${blocksPerAddress(pool)} blocks of ${pool.blockSize} ports`,
  );
  const message = `${ranges}: ${wanted} private addresses, and there are ${there} blocks (${sum.join(" + ")})`;
  return [error(path, message, remedy(pools, wanted, wanted - there))];
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
    pools.reduce((sum, p) => sum + p.addresses.length * blocksPerAddress({ ports: p.ports, blockSize }), 0) >=
    wanted;
  let [low, high] = [0, 65_536];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low < SMALLEST ? undefined : low;
}
