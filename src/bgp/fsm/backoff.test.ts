import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffSeconds } from "./backoff.ts";

test.each([
  [0, 0, 0.75],
  [0, 1, 1],
  [3, 1, 8],
  [7, 1, 120],
  [2000, 0, 90],
])("%i failures, unit %d: %d s", (failures, unit, seconds) => {
  expect(backoffSeconds(failures, 120, unit)).toBe(seconds);
});

test("never longer than the cap, never shorter than three quarters of a second", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, unit) => {
      const seconds = backoffSeconds(failures, 120, unit);
      expect(seconds).toBeGreaterThanOrEqual(0.75);
      expect(seconds).toBeLessThanOrEqual(120);
    }),
  );
});

test.each([-1, 0.5, Number.NaN])("%d failures is our own error", (failures) => {
  expect(() => backoffSeconds(failures, 120, 0)).toThrow(RangeError);
});
