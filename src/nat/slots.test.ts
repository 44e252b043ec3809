import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4 } from "../bgp/net/address.ts";
import { slotsFor, slotTable } from "./slots.ts";

const pools = (maxLength: number): fc.Arbitrary<Address[]> =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength })
    .map((list) => list.map((low) => ipv4(0xc6330000 + low)));

const sharesOf = (table: readonly Address[]): number[] => {
  const counts = new Map<number, number>();
  for (const { w0 } of table) counts.set(w0, (counts.get(w0) ?? 0) + 1);
  return [...counts.values()];
};

test("all addresses have equally many slots, whatever the order in which they are given", () => {
  fc.assert(
    fc.property(pools(300), (addresses) => {
      const table = slotTable(addresses);
      const shares = sharesOf(table);
      expect(shares).toHaveLength(addresses.length);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      expect(slotTable(addresses.toReversed())).toEqual(table);
    }),
    { numRuns: 50 },
  );
});

test("a table of the most addresses that there may be has one slot for each", () => {
  const addresses = Array.from({ length: 65_536 }, (_, i) => ipv4(0xc6330000 + i));
  expect(new Set(slotTable(addresses).map(({ w0 }) => w0)).size).toBe(65_536);
});

describe("an address that comes or goes moves a few times its own share at most", () => {
  test.each([2, 3, 8, 16, 100, 256])("of %d", (count) => {
    const all = Array.from({ length: count }, (_, i) => ipv4(0xc6336400 + i * 7));
    const without = all.filter((_, i) => i !== count >> 1);
    const [before, after] = [slotTable(without), slotTable(all)];
    expect(before).toHaveLength(slotsFor(without.length));
    const moved = after.filter((address, slot) => before[slot]?.w0 !== address.w0).length;
    expect(moved).toBeLessThanOrEqual(6 * (after.length / count));
  });
});
