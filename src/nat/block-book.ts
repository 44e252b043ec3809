/**
 * Port blocks that are given while the gateway runs: to a private address that has used up its own, or, where blocks are
 * not computed, to one that has none. All of an address's blocks are of one pool address (RFC 6888 REQ-2).
 *
 * A block that is taken back rests: the kernel may have opened a flow in it a moment before it heard of that. Until it is
 * freed it is given to nobody.
 */

import { type Address, sameAddress } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import {
  type Block,
  type BlockGrant,
  type BlockPlan,
  blockOf,
  homeOf,
  RANKS,
  type Rank,
  spareBlocks,
} from "../model/blocks.ts";
import type { PortRange } from "../model/model.ts";
import { elementsIn } from "./listing.ts";

/** What is given by one plan; no block is given twice. */
export class BlockBook {
  readonly #plan: BlockPlan;
  readonly #byHolder = new Map<number, BlockGrant[]>();
  /** First ports of blocks that are given or rest, by pool address. */
  readonly #takenByHome = new Map<number, Set<number>>();

  /** What of `grants` and `resting` the plan has no room for is left out. */
  constructor(plan: BlockPlan, grants: Iterable<BlockGrant>, resting: Iterable<BlockGrant>) {
    this.#plan = plan;
    for (const grant of grants) if (this.#fits(grant)) this.#add(grant);
    for (const { block } of resting) this.#take(block);
  }

  get grants(): BlockGrant[] {
    return [...this.#byHolder.values()].flat();
  }

  /**
   * Gives one more.
   * @param mostPorts - as many ports an address may have in all its blocks; its first block is given whatever it is
   * @returns undefined: it has as many as it may, or its pool address has none to give
   */
  give(holder: Address, mostPorts: number): BlockGrant | undefined {
    const home = homeOf(this.#plan, holder);
    if (home === undefined) return undefined;
    const ranks = this.#ranksOf(holder);
    const rank = RANKS.find((one) => !ranks.has(one));
    if (rank === undefined || (rank > 0 && (ranks.size + 1) * home.pool.blockSize > mostPorts))
      return undefined;
    const taken = this.#takenByHome.get(home.address.w0);
    const ports = spareBlocks(this.#plan, home.pool).find(({ first }) => taken?.has(first) !== true);
    if (ports === undefined) return undefined;
    const grant: BlockGrant = { holder, rank, block: { address: home.address, ports } };
    this.#add(grant);
    return grant;
  }

  /** It rests from now on. */
  takeBack({ holder, rank }: BlockGrant): void {
    const left = (this.#byHolder.get(holder.w0) ?? []).filter((grant) => grant.rank !== rank);
    if (left.length > 0) this.#byHolder.set(holder.w0, left);
    else this.#byHolder.delete(holder.w0);
  }

  /** It has rested. */
  free({ address, ports }: Block): void {
    this.#takenByHome.get(address.w0)?.delete(ports.first);
  }

  /** How many blocks of a pool's address are given, or rest. */
  takenOf({ w0 }: Address): number {
    return this.#takenByHome.get(w0)?.size ?? 0;
  }

  #add(grant: BlockGrant): void {
    const { holder, block } = grant;
    this.#byHolder.set(holder.w0, [...(this.#byHolder.get(holder.w0) ?? []), grant]);
    this.#take(block);
  }

  #take({ address, ports }: Block): void {
    const taken = this.#takenByHome.get(address.w0) ?? new Set();
    this.#takenByHome.set(address.w0, taken.add(ports.first));
  }

  #fits({ holder, rank, block }: BlockGrant): boolean {
    const home = homeOf(this.#plan, holder);
    if (home === undefined || !sameAddress(home.address, block.address)) return false;
    if (this.#takenByHome.get(block.address.w0)?.has(block.ports.first) === true) return false;
    if (this.#ranksOf(holder).has(rank)) return false;
    return spareBlocks(this.#plan, home.pool).some((ports) => samePorts(ports, block.ports));
  }

  /** Of all the blocks that the address has. */
  #ranksOf(holder: Address): ReadonlySet<Rank> {
    const own: Rank[] = blockOf(this.#plan, holder) === undefined ? [] : [0];
    return new Set([...own, ...(this.#byHolder.get(holder.w0) ?? []).map(({ rank }) => rank)]);
  }
}

const samePorts = (a: PortRange, b: PortRange): boolean => a.first === b.first && a.last === b.last;

const SETS_BY_RANK = [
  ["blocks", 0],
  ["block_ports", 0],
  ["overflow_1", 1],
  ["overflow_2", 2],
  ["overflow_3", 3],
  ["blocks_1", 1],
  ["blocks_2", 2],
  ["blocks_3", 3],
] as const;

/** What the kernel holds that the plan does not compute, by the text of our table. */
export function givenIn(listing: string, plan: BlockPlan): BlockGrant[] {
  return SETS_BY_RANK.flatMap(([set, rank]) =>
    [...elementsIn(listing, set)].flatMap(([key, value]) => {
      const holder = parseAddress(key);
      const [, first, last] = /(\d+)[-_](\d+)$/.exec(value) ?? [];
      const home = holder && homeOf(plan, holder);
      if (holder === undefined || home === undefined) return [];
      if (rank === 0 && blockOf(plan, holder) !== undefined) return [];
      const block = { address: home.address, ports: { first: Number(first), last: Number(last) } };
      return { holder, rank, block };
    }),
  );
}
