/**
 * When a private address asks for a block besides its own, and how it uses several where a port serves many destinations.
 * (With endpoint-independent mapping it tries the ports of one after the other: blocks.ts.)
 *
 * It asks before what it has is used up, so that the next block is there when the last port is taken: when so many flows
 * use a block as `overflowAt` says. The kernel counts them: with endpoint-independent mapping flows that made a mapping
 * (`opened_N`), else those to one destination (`toward_N`), since towards another one the same ports serve again. Each set
 * counts what comes while those before it are over the mark. So a flow is put into the first block that surely has
 * a port for it; when flows end, the last block is left first, and can be taken back.
 */

import { OVERFLOW_RANKS, type OverflowRank, spareCount } from "../model/blocks.ts";
import { independentBlocks } from "./members.ts";
import type { Marked } from "./meters.ts";
import type { NatTable } from "./table.ts";

/** With `blocks`, the address and the ports of each block of an address. */
export const moreBlocks = (rank: OverflowRank): `blocks_${OverflowRank}` => `blocks_${rank}`;

/** Other protocols than these cannot be told apart by anything: sent out, they would have the private address. */
export const PROTOCOLS = "{ icmp, tcp, udp, dccp, gre, esp, sctp, udplite }";
/** Those of them that have no ports, or of which there are few flows. */
export const OTHERS = "{ icmp, dccp, gre, esp, sctp, udplite }";
const COUNTED = "meta l4proto { tcp, udp }";

/**
 * ICMP identifiers and GRE keys are taken from the block as ports are, so that they tell whose they were; ESP has
 * neither, and leaves from the address of the block.
 */
const toBlock = (protocols: string, map = "blocks"): string =>
  `meta l4proto ${protocols} snat ip to ip saddr map @${map}`;

/** What comes before the rules of mappings. */
export function toSharedBlock(table: NatTable): readonly string[] {
  if (spreadRules(table).length > 0) return ["ip saddr @blocks goto spread"];
  return hasSharedBlocks(table) ? [toBlock(PROTOCOLS)] : [];
}

/** Blocks whose ports serve several destinations each, of addresses that may have several. */
export function spreadRules(table: NatTable): readonly string[] {
  const most = markOf(table, false);
  if (most === undefined) return [];
  const within = (rank: 0 | OverflowRank, map: string): string =>
    `${COUNTED} add @toward_${rank} { ip saddr . ip daddr . meta l4proto . th dport ct count ${most} } snat ip to ip saddr map @${map}`;
  return [
    toBlock(OTHERS),
    within(0, "blocks"),
    ...OVERFLOW_RANKS.flatMap((rank) => [
      `ip saddr != @${moreBlocks(rank)} goto crowded`,
      within(rank, moreBlocks(rank)),
    ]),
    "goto crowded",
  ];
}

/** All blocks of the address are over the mark: one of them, each as often as the others. */
export const crowdedRules = (table: NatTable): readonly string[] =>
  spreadRules(table).length === 0
    ? []
    : [
        "update @asking { ip saddr }",
        ...OVERFLOW_RANKS.toReversed().map(
          (rank) => `${COUNTED} numgen random mod ${rank + 1} 0 snat ip to ip saddr map @${moreBlocks(rank)}`,
        ),
        toBlock("{ tcp, udp }"),
      ];

/** With endpoint-independent mapping: once for each new mapping. */
export function openedRules(table: NatTable): readonly string[] {
  const most = markOf(table, true);
  return most === undefined
    ? []
    : [`add @opened_0 { ct original ip saddr ct count over ${most} } jump filling`];
}

/** The first block is over the mark. */
export function fillingRules(table: NatTable): readonly string[] {
  const most = markOf(table, true);
  if (most === undefined) return [];
  const askWithout = (rank: OverflowRank): string =>
    `ct original ip saddr != @overflow_${rank} update @asking { ct original ip saddr } return`;
  return [
    askWithout(1),
    ...([1, 2] as const).flatMap((rank) => [
      `add @opened_${rank} { ct original ip saddr ct count ${most} } return`,
      askWithout(rank === 1 ? 2 : 3),
    ]),
  ];
}

/** Which chain says how much such a set may count. */
export const MARKED_IN: Readonly<Record<Marked, "spread" | "blocks" | "filling">> = {
  ...{ toward_0: "spread", toward_1: "spread", toward_2: "spread", toward_3: "spread" },
  ...{ opened_0: "blocks", opened_1: "filling", opened_2: "filling" },
};

function hasSharedBlocks(table: NatTable): boolean {
  const own = independentBlocks(table);
  return table.blocks?.pools.some(({ addresses }) => addresses.some(({ w0 }) => !own.has(w0))) === true;
}

/**
 * Flows that may use a block before another one is asked for; undefined: there is none to give. Blocks that can be
 * given are of one size (model/block-rules.ts).
 */
function markOf(table: NatTable, independent: boolean): number | undefined {
  const { blocks: plan } = table;
  const own = independentBlocks(table);
  const pool = plan?.pools.find(
    (one) => spareCount(plan, one) > 0 && one.addresses.some(({ w0 }) => own.has(w0) === independent),
  );
  return pool && Math.max(1, Math.floor((pool.blockSize * table.overflowAt) / 100));
}
