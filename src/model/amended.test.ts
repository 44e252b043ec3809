import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amended, differing } from "./amended.ts";

const byNumber = (a: number, b: number): number => a - b;
const numbers = fc.uniqueArray(fc.nat(30));

describe("a sorted list that changes a little", () => {
  test("is what a set that changes so comes to", () => {
    fc.assert(
      fc.property(numbers, numbers, numbers, (list, gone, come) => {
        const set = new Set(list);
        for (const item of gone) set.delete(item);
        for (const item of come) set.add(item);
        expect(amended(list.toSorted(byNumber), byNumber, gone, come)).toEqual([...set].sort(byNumber));
      }),
    );
  });

  test("is as it was, and what it was made from too, when nothing changes", () => {
    const list = [1, 2, 3];
    expect(amended(list, byNumber, [], [])).toBe(list);
    expect(amended(list, byNumber, [2], [4])).toEqual([1, 3, 4]);
    expect(list).toEqual([1, 2, 3]);
  });
});

test("what differs between two lists is what takes one to the other", () => {
  const objects = Array.from({ length: 12 }, (_, id) => ({ id }));
  const lists = fc.shuffledSubarray(objects);
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const { gone, come } = differing(a, b);
      expect(new Set([...a.filter((item) => !gone.includes(item)), ...come])).toEqual(new Set(b));
      expect(gone.every((item) => a.includes(item) && !b.includes(item))).toBe(true);
      expect(come.every((item) => b.includes(item) && !a.includes(item))).toBe(true);
    }),
  );
});
