import fc from "fast-check";
import { expect, test } from "vitest";
import { address } from "./testing/values.ts";
import { weightsOf } from "./weights.ts";

const pathsOf = (bandwidths: readonly (number | undefined)[], hopOf = (i: number): number => i) =>
  bandwidths.map((bandwidth, i) => ({
    peer: address("192.168.8.9"),
    nextHop: address(`192.168.8.${hopOf(i) + 1}`),
    external: false,
    bandwidth,
  }));
const weights = (...bandwidths: (number | undefined)[]): number[] | undefined => {
  const found = weightsOf(pathsOf(bandwidths));
  return found && [...found.values()];
};

test.each<[string, number[] | undefined, (number | undefined)[]]>([
  ["ten times the other", [128, 13], [1_250_000_000, 125_000_000]],
  ["whole ratios are small numbers", [1, 2, 4], [1e9, 2e9, 4e9]],
  ["far apart: nobody is without a share", [256, 1], [1e12, 1]],
  ["equal ones need none", undefined, [5, 5, 5]],
  ["one does not say: all alike", undefined, [5, undefined, 10]],
  ["one alone needs none", undefined, [5]],
  ["none", undefined, []],
])("%s", (_, expected, bandwidths) => {
  expect(weights(...bandwidths)).toEqual(expected);
});

test("two paths over one next hop are one link", () => {
  const paths = pathsOf([1, 4, 2], (i) => Math.min(i, 1));
  expect([...weightsOf(paths)!]).toEqual([
    ["192.168.8.1", 1],
    ["192.168.8.2", 4],
  ]);
});

test("whatever is said: 1 to 256, and more bandwidth is never less weight", () => {
  const bandwidth = fc.double({ min: 1e-30, max: 3e38, noNaN: true });
  fc.assert(
    fc.property(fc.array(bandwidth, { minLength: 2, maxLength: 20 }), (bandwidths) => {
      const found = weights(...bandwidths) ?? bandwidths.map(() => 1);
      for (const [i, weight] of found.entries()) {
        expect(Number.isInteger(weight) && weight >= 1 && weight <= 256).toBe(true);
        for (const [j, other] of found.entries()) {
          if (bandwidths[i]! > bandwidths[j]!) expect(weight).toBeGreaterThanOrEqual(other);
        }
      }
    }),
  );
});
