/**
 * Port blocks in the NAT table: one element of a hash for each private address, and the same few rules for all.
 *
 * Where a port serves several destinations, `blocks` has the address and the ports of each private address, and the kernel
 * chooses one of them; `blocks_1` to `blocks_3` have those that it was given besides (overflow.ts). With endpoint-independent mapping nobody else may have the port: `block_homes` has the pool address
 * of each run of private ones, `block_ports` leads to the chain that writes a port of the block into the header, by chance,
 * and `endpoints` says whether somebody has it. Blocks that were given to an address besides its own are tried when
 * that is nearly used up: `overflow_1` to `overflow_3`.
 *
 * Packets cannot give blocks. An address that needs one stands in `asking` for a moment; one whose tries all failed in
 * `full`, and is told so until it is in it no longer.
 */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import {
  allBlocks,
  type Block,
  type BlockPlan,
  blockOf,
  homeStretches,
  OVERFLOW_RANKS,
  type OverflowRank,
  type Rank,
  wholeBlocks,
} from "../model/blocks.ts";
import type { PortRange } from "../model/model.ts";
import { intervalText } from "./homes.ts";
import type { SetContents } from "./layout.ts";
import { portByChance, unused, withoutChecksum } from "./mapping.ts";
import { blockPools, independentBlocks, isIndependent, portText } from "./members.ts";
import { moreBlocks, OTHERS, openedRules, PROTOCOLS } from "./overflow.ts";
import type { NatTable } from "./table.ts";

type OverflowSet = `overflow_${OverflowRank}`;
type BlockSet = "blocks" | "block_homes" | "block_ports" | OverflowSet | ReturnType<typeof moreBlocks>;

const OVERFLOW_SETS: readonly OverflowSet[] = OVERFLOW_RANKS.map((rank): OverflowSet => `overflow_${rank}`);
export const BLOCK_SETS: readonly BlockSet[] = [
  ...(["blocks", "block_homes", "block_ports"] as const),
  ...OVERFLOW_SETS,
  ...OVERFLOW_RANKS.map(moreBlocks),
];

/** Some block pool gives each private endpoint one external endpoint. */
export const hasOwnBlocks = (table: NatTable): boolean => blockPools(table).some(isIndependent);

/** @param only - the elements of this private address, and no others */
export function blockSets(table: NatTable, only?: Address): Pick<SetContents, BlockSet> {
  const { blocks: plan, givenBlocks } = table;
  const sets = Object.fromEntries(BLOCK_SETS.map((name) => [name, new Map<string, string>()])) as Record<
    BlockSet,
    Map<string, string>
  >;
  if (plan === undefined) return sets;
  const independent = independentBlocks(table);
  const put = (holder: Address, { address, ports }: Block, rank: Rank): void => {
    const key = formatAddress(holder);
    if (independent.has(address.w0)) sets[setOf(rank)].set(key, `jump ${blockChain(ports)}`);
    else
      sets[rank === 0 ? "blocks" : moreBlocks(rank)].set(
        key,
        `${formatAddress(address)} . ${portText(ports)}`,
      );
  };
  for (const [holder, block] of only === undefined ? allBlocks(plan) : blocksOf(plan, only))
    put(holder, block, 0);
  for (const { holder, block, rank } of givenBlocks)
    if (only === undefined || holder.w0 === only.w0) put(holder, block, rank);
  for (const stretch of homeStretches(plan))
    if (independent.has(stretch.address.w0))
      sets.block_homes.set(intervalText(stretch), formatAddress(stretch.address));
  return sets;
}

function blocksOf(plan: BlockPlan, holder: Address): (readonly [Address, Block])[] {
  const block = blockOf(plan, holder);
  return block === undefined ? [] : [[holder, block]];
}

/** All that a private address has, its own first. */
export function blocksHeldBy({ blocks, givenBlocks }: NatTable, holder: Address): Block[] {
  const own = blocks === undefined ? [] : blocksOf(blocks, holder).map(([, block]) => block);
  const given = givenBlocks.filter((grant) => grant.holder.w0 === holder.w0);
  return [...own, ...given.toSorted((a, b) => a.rank - b.rank).map(({ block }) => block)];
}

const setOf = (rank: Rank): "block_ports" | OverflowSet => (rank === 0 ? "block_ports" : `overflow_${rank}`);

const blockChain = ({ first, last }: PortRange): string => `block_${first}_${last}`;

/** Comes behind the rules of mappings: one that lives is taken before any port is tried. */
export const toOwnBlock = (table: NatTable): readonly string[] =>
  hasOwnBlocks(table) ? ["ip saddr @block_ports goto blocks"] : [];

/** The last of all: it has no block yet. */
export const askForBlock = ({ blocks }: NatTable): readonly string[] =>
  blocks === undefined ? [] : ["update @asking { ip saddr }"];

/** Chains that take a port of a block, or leave one in the header to be looked up. */
export function blockChains(table: NatTable): ReadonlyMap<string, readonly string[]> {
  const independent = independentBlocks(table);
  const chains = new Map<string, readonly string[]>();
  for (const pool of table.blocks?.pools ?? []) {
    if (!pool.addresses.some(({ w0 }) => independent.has(w0))) continue;
    for (let i = 0, first = pool.ports.first; i < wholeBlocks(pool); i++, first += pool.blockSize) {
      const ports = { first, last: first + pool.blockSize - 1 };
      const others = `meta l4proto ${OTHERS} snat ip to ip saddr:${portText(ports)}`;
      chains.set(blockChain(ports), [withoutChecksum(ports), others, ...portByChance(ports)]);
    }
  }
  return chains;
}

/** With three quarters of a block taken, one new mapping in 100 finds nothing in it. */
const TRIES = 16;
/** The last tries: with nine tenths taken, one new mapping in 150 finds nothing with these and those before. */
const LAST_TRIES = 32;

const tries = ({ grants }: NatTable, set: "block_ports" | OverflowSet, count: number): string[] =>
  Array.from({ length: count }, () => [`ct original ip saddr vmap @${set}`, unused(grants)]).flat();

export const ownBlockRules = (table: NatTable): readonly string[] =>
  hasOwnBlocks(table)
    ? [
        `meta l4proto != ${PROTOCOLS} drop`,
        "ip saddr set ip saddr map @block_homes",
        ...openedRules(table),
        ...tries(table, "block_ports", TRIES),
        ...OVERFLOW_SETS.flatMap((set) => [
          `ct original ip saddr != @${set} goto scarce`,
          ...tries(table, set, TRIES),
        ]),
        "goto scarce",
      ]
    : [];

/** All blocks that the address has are used up, or nearly so. */
export const scarceRules = (table: NatTable): readonly string[] =>
  hasOwnBlocks(table)
    ? [
        "update @asking { ct original ip saddr }",
        ...tries(table, "block_ports", LAST_TRIES),
        "update @full { ct original ip saddr }",
        "drop",
      ]
    : [];

/** Both give every private address the same block. */
export const sameBlocks = (a: BlockPlan | undefined, b: BlockPlan | undefined): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);
