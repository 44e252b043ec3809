/** What becomes of port blocks when their plan changes. */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import { allBlocks, type Block, type BlockPlan, blockOf } from "../model/blocks.ts";
import type { BlockRecord } from "./record.ts";

/** First what was taken, then what is given: a block is never told to be of two. */
export function* blockChanges(
  before: BlockPlan | undefined,
  after: BlockPlan | undefined,
  atMs: number,
): Generator<BlockRecord> {
  for (const [holder, block] of differing(before, after)) yield recordOf(holder, block, true, atMs);
  for (const [holder, block] of differing(after, before)) yield recordOf(holder, block, false, atMs);
}

/** The blocks of one plan that the same address does not have in the other. */
function* differing(
  plan: BlockPlan | undefined,
  other: BlockPlan | undefined,
): Generator<readonly [Address, Block]> {
  if (plan === undefined) return;
  for (const [holder, block] of allBlocks(plan)) {
    const there = other && blockOf(other, holder);
    if (there === undefined || !sameBlock(block, there)) yield [holder, block];
  }
}

const sameBlock = (a: Block, b: Block): boolean =>
  sameAddress(a.address, b.address) && a.ports.first === b.ports.first && a.ports.last === b.ports.last;

const recordOf = (holder: Address, { address, ports }: Block, taken: boolean, atMs: number): BlockRecord => ({
  ...{ kind: "block", atMs, taken },
  ...{ private: holder.w0, public: address.w0, first: ports.first, last: ports.last },
});
