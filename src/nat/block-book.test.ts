import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, prefixOf } from "../bgp/net/address.ts";
import { type BlockGrant, type BlockPlan, blockOf, holderOf, homeOf } from "../model/blocks.ts";
import { BlockBook, givenIn } from "./block-book.ts";
import { diff } from "./diff.ts";
import { EMPTY_NAT, type NatTable } from "./table.ts";
import { MemoryNft } from "./testing/memory-nft.ts";

const PRIVATE = 0x0a410000;
const holder = (n: number): Address => ipv4(PRIVATE + n);

/** 8 private addresses; with two pool addresses of 8 blocks each, of which some are set aside; or of 2, so that all are given. */
const plan = (blocks: number, overflowBlocks: number): BlockPlan => ({
  private: [prefixOf(ipv4(PRIVATE), 29)],
  pools: [
    {
      addresses: [ipv4(0xc6336401), ipv4(0xc6336402)],
      ports: { first: 1024, last: 1023 + blocks * 16 },
      ...{ blockSize: 16, overflowBlocks },
    },
  ],
});

const plans = fc.constantFrom(plan(8, 0), plan(8, 3), plan(8, 4), plan(2, 0), plan(3, 1));
type Step = { readonly do: "give" | "back" | "free"; readonly who: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ do: fc.constantFrom("give", "give", "back", "free"), who: fc.nat(9) }),
  { maxLength: 60 },
);

/** What is given after each step, and what rests. */
function walk(
  of: BlockPlan,
  list: readonly Step[],
  each: (book: BlockBook, resting: readonly BlockGrant[]) => void,
): void {
  const book = new BlockBook(of, [], []);
  let resting: BlockGrant[] = [];
  for (const step of list) {
    const last = book.grants.at(-1);
    if (step.do === "give") book.give(holder(step.who), Number.POSITIVE_INFINITY);
    else if (step.do === "back" && last !== undefined) {
      book.takeBack(last);
      resting.push(last);
    } else if (step.do === "free") {
      for (const { block } of resting) book.free(block);
      resting = [];
    }
    each(book, resting);
  }
}

describe("whatever is asked for and given back, in any order", () => {
  test("no two private addresses share a block, and none is given that is computed, or rests", () => {
    fc.assert(
      fc.property(plans, steps, (of, list) => {
        walk(of, list, (book, resting) => {
          const all = [...book.grants, ...resting].map(
            ({ block }) => `${block.address.w0}:${block.ports.first}`,
          );
          expect(new Set(all).size).toBe(all.length);
          for (const { block } of book.grants)
            for (const port of [block.ports.first, block.ports.last])
              expect(holderOf(of, block.address, port)).toBeUndefined();
        });
      }),
    );
  });

  test("all blocks of a private address are of one pool address, in ranks without a gap", () => {
    fc.assert(
      fc.property(plans, steps, (of, list) => {
        walk(of, list, (book) => {
          for (const { holder: who, block, rank } of book.grants) {
            expect(block.address).toEqual(homeOf(of, who)?.address);
            expect(rank).toBeGreaterThanOrEqual(blockOf(of, who) === undefined ? 0 : 1);
          }
        });
      }),
    );
  });

  test("what the kernel holds says what is given", () => {
    fc.assert(
      fc.property(plans, steps, fc.boolean(), (of, list, isIndependent) => {
        const mapping = isIndependent ? "endpointIndependent" : "addressAndPortDependent";
        walk(of, list.slice(0, 12), (book) => {
          const grants = book.grants.filter(({ rank }) => isIndependent || rank === 0);
          const nft = new MemoryNft();
          nft.apply(diff(tableOf(of, mapping, grants), undefined));
          const found = new BlockBook(of, givenIn(nft.listing()!, of), []).grants;
          const text = (list: readonly BlockGrant[]): string[] =>
            list.map((grant) => JSON.stringify(grant)).sort();
          expect(text(found)).toEqual(text(grants));
        });
      }),
      { numRuns: 20 },
    );
  });
});

const tableOf = (
  of: BlockPlan,
  mapping: NatTable["pools"][number]["mapping"],
  givenBlocks: readonly BlockGrant[],
): NatTable => ({
  ...EMPTY_NAT,
  private: of.private,
  pools: of.pools.map(({ addresses, ports }) => ({
    ...{ name: "default", addresses, private: [], draining: false, ports },
    ...{ mapping, filtering: "addressAndPortDependent" },
  })),
  ...{ blocks: of, givenBlocks },
});

test("an address has four blocks at most, fewer where its ports are limited, and those of one address run out", () => {
  const book = new BlockBook(plan(8, 4), [], []);
  const give = (who: number, most = Number.POSITIVE_INFINITY): number | undefined =>
    book.give(holder(who), most)?.rank;
  expect([give(0, 40), give(0, 40), give(0), give(0), give(0)]).toEqual([1, undefined, 2, 3, undefined]);
  expect([give(1), give(1)]).toEqual([1, undefined]);
  expect(give(7)).toBe(1);
  expect(give(8)).toBeUndefined();
});
