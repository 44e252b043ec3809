/**
 * Port blocks that are computed and not remembered (RFC 7422): which ports of which public address a private address
 * has follows from the configuration alone, and so does whose a port was.
 *
 * Private addresses are numbered in the order in which their ranges stand in the file, blocks pool by pool, address by
 * address, from the lowest port up. The private address of a number has the block of that number. So a range or a pool
 * address that is added at the end of its list moves nobody.
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
}

/** Ports, and ICMP identifiers, that are one private address's and no other's. */
export interface Block {
  readonly address: Address;
  readonly ports: PortRange;
}

/** Undefined: addresses share their ports. */
export function blockPlan(nat: Nat): BlockPlan | undefined {
  const pools = nat.pools.filter((pool) => pool.blockSize > 0);
  if (pools.length === 0) return undefined;
  return {
    private: nat.private.filter(({ family }) => family === 4),
    pools: pools.map(({ addresses, ports, blockSize }) => ({ addresses, ports, blockSize })),
  };
}

export const blocksPerAddress = ({ ports, blockSize }: Omit<BlockPool, "addresses">): number =>
  Math.floor((ports.last - ports.first + 1) / blockSize);

/** How many blocks there are. */
export const blockCount = ({ pools }: BlockPlan): number =>
  pools.reduce((sum, pool) => sum + pool.addresses.length * blocksPerAddress(pool), 0);

/** How many private addresses there are, networks' first and last addresses among them. */
export const privateCount = (plan: BlockPlan): number =>
  plan.private.reduce((sum, prefix) => sum + sizeOf(prefix), 0);

/** Undefined: the address is in no private range, or there is no block left for it. */
export function blockOf(plan: BlockPlan, address: Address): Block | undefined {
  const number = numberOf(plan, address);
  return number === undefined ? undefined : blockAt(plan, number);
}

/** Who has this port of a pool's address; undefined: nobody. */
export function holderOf(plan: BlockPlan, address: Address, port: number): Address | undefined {
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

/** Every private address that has a block, in order. */
export function* allBlocks(plan: BlockPlan): Generator<readonly [Address, Block]> {
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

function blockAt(plan: BlockPlan, number: number): Block | undefined {
  let left = number;
  for (const pool of plan.pools) {
    const perAddress = blocksPerAddress(pool);
    const address = pool.addresses[Math.floor(left / perAddress)];
    if (address !== undefined) return { address, ports: portsOf(pool, left % perAddress) };
    left -= pool.addresses.length * perAddress;
  }
  return undefined;
}

function portsOf({ ports, blockSize }: BlockPool, block: number): PortRange {
  const first = ports.first + block * blockSize;
  return { first, last: first + blockSize - 1 };
}

const sizeOf = ({ length }: Prefix): number => 2 ** (32 - length);
