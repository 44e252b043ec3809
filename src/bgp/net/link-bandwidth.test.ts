import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ExtendedCommunity,
  formatExtendedCommunity,
  includesPattern,
  parseAnyCommunity,
  parseCommunityPattern,
} from "./communities.ts";
import { linkBandwidthOf } from "./link-bandwidth.ts";

// 1.0, 1 250 000 000 and 2 000 000 000 as IEEE 754 says them, calculated by hand.
const ONE = 0x3f80_0000;
const TEN_GIGABIT = 0x4e95_02f9;

test.each<[string, ExtendedCommunity]>([
  ["lb:65000:1250000000", [0x4004_fde8, TEN_GIGABIT]],
  ["lb:0:1", [0x4004_0000, ONE]],
])("%s", (text, words) => {
  expect(parseAnyCommunity(text)).toEqual(words);
  expect(formatExtendedCommunity(words)).toBe(text);
});

test.each(["lb:65536:1", "lb:65000:0", "lb:65000:-1", "lb:65000:1e9", "lb:65000:", "lb:x:1", "lb:1:2:3"])(
  "%s is none",
  (text) => {
    expect(parseCommunityPattern(text)).toBeUndefined();
  },
);

test("a pattern fits the transitive type too, and no other community", () => {
  const any = parseCommunityPattern("lb:65000:*")!;
  expect(includesPattern([any], [0x0004_fde8, ONE])).toBe(true);
  expect(includesPattern([any], [0x4004_fde8, TEN_GIGABIT])).toBe(true);
  expect(includesPattern([any], [0x4004_fde9, ONE])).toBe(false);
  expect(includesPattern([any], [0x0002_fde8, ONE])).toBe(false);
});

test.each<[string, ExtendedCommunity[], number | undefined]>([
  ["none", [], undefined],
  ["another kind", [[0x0002_fde8, ONE]], undefined],
  [
    "of several the least",
    [
      [0x4004_fde8, TEN_GIGABIT],
      [0x0004_0001, ONE],
    ],
    1,
  ],
  ["not a number", [[0x4004_fde8, 0x7fc0_0000]], undefined],
  ["infinite", [[0x4004_fde8, 0x7f80_0000]], undefined],
  ["nothing", [[0x4004_fde8, 0]], undefined],
  ["less than nothing", [[0x4004_fde8, 0xbf80_0000]], undefined],
])("the bandwidth of a path: %s", (_, communities, expected) => {
  expect(linkBandwidthOf(communities)).toBe(expected);
});

test("any bandwidth in whole octets comes back within what a float can say", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e15 - 1 }), fc.nat(65_535), (octets, asn) => {
      const words = parseAnyCommunity(`lb:${asn}:${octets}`) as unknown as ExtendedCommunity;
      expect(linkBandwidthOf([words])).toBe(Math.fround(octets));
    }),
  );
});
