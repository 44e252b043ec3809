import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distance, suggestion } from "./suggest.ts";

test.each([
  ["", "abc", 3],
  ["peers", "peers", 0],
  ["peer", "peers", 1],
  ["holdtmie", "holdtime", 1],
  ["ca", "abc", 3],
  ["kitten", "sitting", 3],
])("from %s to %s: %i", (a, b, expected) => {
  expect(distance(a, b)).toBe(expected);
});

test("a distance is symmetric, and zero only between equals", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      expect(distance(a, b)).toBe(distance(b, a));
      expect(distance(a, b) === 0).toBe(a === b);
      expect(distance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

describe("did you mean", () => {
  test.each([
    ["networks", "network", "did you mean networks?"],
    ["holdTime", "hold_time", "did you mean holdTime?"],
    ["holdTime", "HOLDTIME", "did you mean holdTime?"],
    ["asn", "as", "did you mean asn?"],
    ["asn", "xyz", undefined],
    ["asn", "a".repeat(100_000), undefined],
  ])("%s for %s", (known, word, expected) => {
    expect(suggestion(word, ["zzzzzzzz", known])).toBe(expected);
  });
});
