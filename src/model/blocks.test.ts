import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, prefixOf, sameAddress } from "../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../bgp/net/text.ts";
import {
  allBlocks,
  type BlockPlan,
  blockCount,
  blockOf,
  holderOf,
  homeOf,
  homeStretches,
  isComputed,
  privateCount,
  spareBlocks,
  spareCount,
} from "./blocks.ts";

const address = (text: string): Address => parseAddress(text)!;

/** Ranges and pools by chance, disjoint by construction; ranges are larger than what there is for them now and then. */
const plans: fc.Arbitrary<BlockPlan> = fc.record({
  private: fc
    .uniqueArray(fc.tuple(fc.nat(30), fc.integer({ min: 26, max: 32 })), {
      maxLength: 4,
      selector: ([place]) => place,
    })
    .map((ranges) => ranges.map(([place, length]) => prefixOf(ipv4(0x0a410000 + place * 64), length))),
  pools: fc
    .array(
      fc.record({
        count: fc.nat(4),
        first: fc.constantFrom(1, 1024, 60_000, 65_535),
        span: fc.nat(5000),
        blockSize: fc.integer({ min: 1, max: 900 }),
        overflowBlocks: fc.nat(2),
      }),
      { maxLength: 3 },
    )
    .map((pools) =>
      pools.map(({ count, first, span, blockSize, overflowBlocks }, at) => ({
        addresses: Array.from({ length: count }, (_, i) => ipv4(0xc6336400 + at * 16 + i)),
        ports: { first, last: Math.min(65_535, first + span) },
        ...{ blockSize, overflowBlocks },
      })),
    ),
});

describe("the blocks of any plan", () => {
  test("no two private addresses share a port, and every port lies within its pool's", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const places = [...allBlocks(plan)].map(([, { address: at, ports }]) => ({ at: at.w0, ...ports }));
        const sorted = places.toSorted((a, b) => a.at - b.at || a.first - b.first);
        const clashes = sorted.filter(
          (block, i) => sorted[i - 1]?.at === block.at && sorted[i - 1]!.last >= block.first,
        );
        expect(clashes).toEqual([]);
        const strays = places.filter(({ at, first, last }) => {
          const pool = plan.pools.find(({ addresses }) => addresses.some(({ w0 }) => w0 === at));
          return pool === undefined || first < pool.ports.first || last > pool.ports.last;
        });
        expect(strays).toEqual([]);
      }),
    );
  });

  test("whoever has a port is found by it, and nobody by a port that nobody has", () => {
    fc.assert(
      fc.property(plans, fc.nat(65_535), (plan, port) => {
        const holders = [...allBlocks(plan)];
        for (const [holder, block] of holders) {
          expect(blockOf(plan, holder)).toEqual(block);
          const { first, last } = block.ports;
          for (const held of [first, last, first + (port % (last - first + 1))]) {
            expect(holderOf(plan, block.address, held)).toEqual(holder);
          }
        }
        for (const { addresses } of plan.pools) {
          for (const pooled of addresses) {
            const found = holders.find(
              ([, { address: at, ports }]) =>
                sameAddress(at, pooled) && ports.first <= port && port <= ports.last,
            );
            expect(holderOf(plan, pooled, port)).toEqual(found?.[0]);
          }
        }
      }),
    );
  });

  test("there is one for each, or none by computation", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const wanted = privateCount(plan);
        expect([...allBlocks(plan)]).toHaveLength(wanted <= blockCount(plan) ? wanted : 0);
      }),
    );
  });

  test("what is added at the end of a list moves nobody", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const more: BlockPlan = {
          private: [...plan.private, prefixOf(ipv4(0x0a420000), 28)],
          pools: [
            ...plan.pools,
            { addresses: [ipv4(0xc6336500)], ports: { first: 1, last: 900 }, blockSize: 9 },
          ],
        };
        fc.pre(isComputed(more));
        for (const [holder, block] of allBlocks(plan)) expect(blockOf(more, holder)).toEqual(block);
      }),
    );
  });
});

describe("what is not computed of any plan", () => {
  test("those that are set aside lie behind those that are computed", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        for (const pool of plan.pools) {
          const spare = spareBlocks(plan, pool);
          expect(spare).toHaveLength(spareCount(plan, pool));
          expect(spare.every(({ last }) => last <= pool.ports.last)).toBe(true);
          const ends = spare.flatMap(({ first, last }) => [first, last]);
          const holders = pool.addresses.flatMap((pooled) =>
            ends.map((port) => holderOf(plan, pooled, port)),
          );
          expect(holders.filter((holder) => holder !== undefined)).toEqual([]);
        }
      }),
    );
  });

  test("all ports of a private address are of one pool address, whether they are computed or not", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const stretches = homeStretches(plan);
        const homes = new Map(
          stretches.flatMap(({ first, last, address: home }) =>
            Array.from({ length: last - first + 1 }, (_, i) => [first + i, home] as const),
          ),
        );
        const hasPools = plan.pools.some(({ addresses }) => addresses.length > 0);
        expect(homes.size).toBe(hasPools ? privateCount(plan) : 0);
        for (const [holder, home] of homes) expect(homeOf(plan, ipv4(holder))?.address).toEqual(home);
        for (const [holder, block] of allBlocks(plan)) expect(homes.get(holder.w0)).toEqual(block.address);
      }),
    );
  });
});

const plan: BlockPlan = {
  private: [parsePrefix("10.65.0.0/24")!, parsePrefix("10.1.0.0/30")!],
  pools: [
    {
      addresses: ["198.51.100.10", "198.51.100.11"].map(address),
      ports: { first: 1024, last: 65_535 },
      blockSize: 1024,
    },
    { addresses: [address("203.0.113.9")], ports: { first: 1024, last: 65_535 }, blockSize: 400 },
  ],
};

test.each([
  ["10.65.0.0", "198.51.100.10", 1024, 2047],
  ["10.65.0.2", "198.51.100.10", 3072, 4095],
  ["10.65.0.62", "198.51.100.10", 64_512, 65_535],
  ["10.65.0.63", "198.51.100.11", 1024, 2047],
  ["10.65.0.126", "203.0.113.9", 1024, 1423],
])("%s has %s:%i-%i", (holder, pooled, first, last) => {
  expect(blockOf(plan, address(holder))).toEqual({ address: address(pooled), ports: { first, last } });
  expect(holderOf(plan, address(pooled), last)).toEqual(address(holder));
});

test.each([
  ["below the pool's ports", "198.51.100.10", 1023],
  ["above the last whole block", "203.0.113.9", 65_535],
  ["not in a pool", "198.51.100.12", 1024],
  ["of another family", "2001:db8::1", 1024],
  ["of a block for which there is no private address", "203.0.113.9", 1024 + 134 * 400],
])("a port %s is nobody's", (_, pooled, port) => {
  expect(holderOf(plan, address(pooled), port)).toBeUndefined();
});

test("an address that is not private has no block", () => {
  expect(blockOf(plan, address("10.66.0.1"))).toBeUndefined();
  expect(blockOf(plan, address("2001:db8::1"))).toBeUndefined();
});
