import fc from "fast-check";
import { expect, test } from "vitest";
import { STEP, sorted } from "./turns.ts";

test("sorting step by step is sorting at once, and what is alike keeps its order", () => {
  const rows = fc
    .array(fc.nat(9), { maxLength: 4 * STEP, size: "max" })
    .map((keys) => keys.map((key, place) => ({ key, place })));
  fc.assert(
    fc.property(rows, (items) => {
      const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
      const steps = sorted(items, compare);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      expect(step.value).toEqual(items.toSorted(compare));
    }),
    { numRuns: 30 },
  );
});
