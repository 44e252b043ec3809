/**
 * Port blocks that are computed and not remembered (RFC 7422): which ports of which public address a private address
 * has follows from the configuration alone, and so does whose a port was.
 *
 * Private addresses are numbered in the order in which their ranges stand in the file, blocks pool by pool, address by
 * address, from the lowest port up. The private address of a number has the block of that number. So a range or a pool
 * address that is added at the end of its list moves nobody.
 *
 * The highest blocks of each pool address may be set aside: they are nobody's by computation, and given to whoever has
 * used up its own. Where there are fewer blocks than private addresses none is computed, and all are
 * given so. What is computed even then is the one pool address that all ports of a private address are of.
 */

import { type Address, ipv4, type Prefix } from "../bgp/net/address.ts";
import type { Nat, PortRange } from "./model.ts";

/** What all blocks follow from. */
export interface BlockPlan {
  /** IPv4, none within another. */
  readonly private: readonly Prefix[];
  readonly pools: readonly BlockPool[];
}

export interface BlockPool {
  /** Each once in all pools. */
  readonly addresses: readonly Address[];
  readonly ports: PortRange;
  /** Ports of a block, 1 up to all of `ports`; those that are left over above the last whole block are nobody's. */
  readonly blockSize: number;
  /** Blocks of each address that are set aside, the highest ones; none unless given. */
  readonly overflowBlocks?: number;
}

/** Ports, and ICMP identifiers, that are one private address's and no other's. */
export interface Block {
  readonly address: Address;
  readonly ports: PortRange;
}

/** 0: the address has no other block; 1..3: the first, second and third besides its own. */
export type Rank = 0 | 1 | 2 | 3;
export const RANKS: readonly Rank[] = [0, 1, 2, 3];
/** Of blocks that an address has besides its own. */
export type OverflowRank = Exclude<Rank, 0>;
export const OVERFLOW_RANKS: readonly OverflowRank[] = [1, 2, 3];

/** A block that a private address was given. */
export interface BlockGrant {
  readonly holder: Address;
  readonly rank: Rank;
  readonly block: Block;
}

/** Of pools that get new mappings: blocks of one that is draining are nobody's. Undefined: addresses share their ports. */
export function blockPlan(nat: Nat): BlockPlan | undefined {
  const pools = nat.pools.filter(({ blockSize, draining }) => blockSize > 0 && !draining);
  if (pools.length === 0) return undefined;
  return {
    private: nat.private.filter(({ family }) => family === 4),
    pools: pools.map(({ addresses, ports, blockSize, overflowBlocks }) => ({
      ...{ addresses, ports, blockSize },
      ...(overflowBlocks > 0 && { overflowBlocks }),
    })),
  };
}

type BlockShape = Omit<BlockPool, "addresses">;

/** All of an address, those that are set aside among them. */
export const wholeBlocks = ({ ports, blockSize }: BlockShape): number =>
  Math.floor((ports.last - ports.first + 1) / blockSize);

/** Those of an address that are not set aside. */
export const blocksPerAddress = (pool: BlockShape): number =>
  Math.max(0, wholeBlocks(pool) - (pool.overflowBlocks ?? 0));

/** How many blocks there are, those that are set aside left out. */
export const blockCount = ({ pools }: BlockPlan): number =>
  pools.reduce((sum, pool) => sum + pool.addresses.length * blocksPerAddress(pool), 0);

/** Every private address has a block by computation; otherwise none has, and all are given when they are asked for. */
export const isComputed = (plan: BlockPlan): boolean => privateCount(plan) <= blockCount(plan);

/** A plan like it, without the private addresses that have a block by computation: there may be thousands. */
export const withoutComputed = (plan: BlockPlan): BlockPlan =>
  isComputed(plan) ? { ...plan, private: [] } : plan;

/** How many private addresses there are, networks' first and last addresses among them. */
export const privateCount = (plan: BlockPlan): number =>
  plan.private.reduce((sum, prefix) => sum + sizeOf(prefix), 0);

/** Undefined: the address is in no private range, or none has a block by computation. */
export function blockOf(plan: BlockPlan, address: Address): Block | undefined {
  const seat = isComputed(plan) ? seatOf(plan, address) : undefined;
  return seat && { address: seat.address, ports: portsOf(seat.pool, seat.at) };
}

/** The pool address that all ports of a private one are of. Undefined: the address is in no private range. */
export function homeOf(plan: BlockPlan, address: Address): Home | undefined {
  return seatOf(plan, address);
}

/** How many blocks of a pool's address are nobody's by computation. */
export const spareCount = (plan: BlockPlan, pool: BlockPool): number =>
  isComputed(plan) ? wholeBlocks(pool) - blocksPerAddress(pool) : wholeBlocks(pool);

/** Which ones, the highest of the address. */
export function spareBlocks(plan: BlockPlan, pool: BlockPool): PortRange[] {
  const count = spareCount(plan, pool);
  const first = wholeBlocks(pool) - count;
  return Array.from({ length: count }, (_, i) => portsOf(pool, first + i));
}

/** Who has this port of a pool's address by computation; undefined: nobody. */
export function holderOf(plan: BlockPlan, address: Address, port: number): Address | undefined {
  if (!isComputed(plan)) return undefined;
  let before = 0;
  for (const pool of plan.pools) {
    const perAddress = blocksPerAddress(pool);
    const at = pool.addresses.findIndex((pooled) => address.family === 4 && pooled.w0 === address.w0);
    if (at >= 0) {
      const block = Math.floor((port - pool.ports.first) / pool.blockSize);
      return block < 0 || block >= perAddress ? undefined : privateAt(plan, before + at * perAddress + block);
    }
    before += pool.addresses.length * perAddress;
  }
  return undefined;
}

/** Every private address that has a block by computation, in order. */
export function* allBlocks(plan: BlockPlan): Generator<readonly [Address, Block]> {
  if (!isComputed(plan)) return;
  const blocks = blocksInOrder(plan);
  for (const prefix of plan.private) {
    for (let i = 0; i < sizeOf(prefix); i++) {
      const { done, value } = blocks.next();
      if (done === true) return;
      yield [ipv4(prefix.w0 + i), value];
    }
  }
}

function* blocksInOrder(plan: BlockPlan): Generator<Block> {
  for (const pool of plan.pools) {
    for (const address of pool.addresses) {
      for (let i = 0; i < blocksPerAddress(pool); i++) yield { address, ports: portsOf(pool, i) };
    }
  }
}

/** Private addresses that follow each other, as words, and the pool address that they share. */
export interface HomeStretch {
  readonly first: number;
  readonly last: number;
  readonly address: Address;
}

/** The homes of all private addresses, in order: some for each pool address, however many private ones there are. */
export function homeStretches(plan: BlockPlan): HomeStretch[] {
  const stretches: HomeStretch[] = [];
  const homes = homesInOrder(plan);
  let home = homes.next().value;
  let left = home?.seats ?? 0;
  for (const prefix of plan.private) {
    for (let done = 0; done < sizeOf(prefix) && home !== undefined; ) {
      const count = Math.min(left, sizeOf(prefix) - done);
      const first = prefix.w0 + done;
      if (count > 0) stretches.push({ first, last: first + count - 1, address: home.address });
      done += count;
      left -= count;
      if (left > 0) continue;
      home = homes.next().value;
      left = home?.seats ?? 0;
    }
  }
  return stretches;
}

function* homesInOrder(
  plan: BlockPlan,
): Generator<{ readonly address: Address; readonly seats: number }, undefined> {
  const seats = seatsIn(plan);
  for (const pool of plan.pools) for (const address of pool.addresses) yield { address, seats: seats(pool) };
  return undefined;
}

/** How many private addresses share each address of a pool. */
function seatsIn(plan: BlockPlan): (pool: BlockPool) => number {
  if (isComputed(plan)) return blocksPerAddress;
  const addresses = plan.pools.reduce((sum, pool) => sum + pool.addresses.length, 0);
  const each = Math.ceil(privateCount(plan) / addresses);
  return () => each;
}

interface Home {
  readonly pool: BlockPool;
  readonly address: Address;
}

interface Seat extends Home {
  /** Which of those that share the address. */
  readonly at: number;
}

function seatOf(plan: BlockPlan, address: Address): Seat | undefined {
  const number = numberOf(plan, address);
  if (number === undefined) return undefined;
  const seats = seatsIn(plan);
  let left = number;
  for (const pool of plan.pools) {
    const perAddress = seats(pool);
    const home = pool.addresses[Math.floor(left / perAddress)];
    if (home !== undefined) return { pool, address: home, at: left % perAddress };
    left -= pool.addresses.length * perAddress;
  }
  return undefined;
}

function numberOf(plan: BlockPlan, { family, w0 }: Address): number | undefined {
  let before = 0;
  for (const prefix of plan.private) {
    const offset = w0 - prefix.w0;
    if (family === 4 && offset >= 0 && offset < sizeOf(prefix)) return before + offset;
    before += sizeOf(prefix);
  }
  return undefined;
}

function privateAt(plan: BlockPlan, number: number): Address | undefined {
  let before = 0;
  for (const prefix of plan.private) {
    if (number - before < sizeOf(prefix)) return ipv4(prefix.w0 + number - before);
    before += sizeOf(prefix);
  }
  return undefined;
}

function portsOf({ ports, blockSize }: BlockPool, block: number): PortRange {
  const first = ports.first + block * blockSize;
  return { first, last: first + blockSize - 1 };
}

const sizeOf = ({ length }: Prefix): number => 2 ** (32 - length);
