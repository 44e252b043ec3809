import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4, ipv6 } from "../net/address.ts";
import { type AttributeBlock, decodeAttributes } from "./attribute-block.ts";
import { encodeAttributes } from "./attribute-encode.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "./context.ts";
import { originatedAttributes, type PathAttributes } from "./path-attributes.ts";
import { isPlain, nextHopIn } from "./plain-block.ts";

const u32 = fc.integer({ min: 1, max: 0xffffffff });
const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const segment = fc.record({
  type: fc.constant("sequence" as const),
  asns: fc.array(u32, { minLength: 1, maxLength: 4 }),
});
const unknown = fc.record({
  code: fc.constantFrom(60, 200),
  flags: fc.constantFrom(0xc0, 0xe0),
  value: fc.uint8Array({ maxLength: 300 }),
});

/** What an internal peer may say, in AS numbers of four octets. */
const ordinary: fc.Arbitrary<PathAttributes> = fc
  .record({
    origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
    asPath: fc.array(segment, { maxLength: 3 }),
    med: option(u32),
    localPref: option(u32),
    atomicAggregate: fc.boolean(),
    aggregator: option(fc.record({ asn: u32, address: u32 })),
    communities: fc.array(u32, { maxLength: 70 }),
    extendedCommunities: fc.array(fc.tuple(u32, u32), { maxLength: 2 }),
    largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32), { maxLength: 4, selector: String }),
    originatorId: option(u32),
    clusterList: fc.array(u32, { maxLength: 2 }),
    onlyToCustomer: option(u32),
    unknown: fc.uniqueArray(unknown, { maxLength: 2, selector: ({ code }) => code }),
  })
  .map((given) => ({ ...originatedAttributes(ipv4(0x0a000001)), ...given }));

const NEXT_HOPS = { body: ipv4(0x0a000001), mp: ipv6(0x20010db8, 0, 0, 1) };
const kinds = fc.constantFrom("body" as const, "mp" as const);
const INTERNAL: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, external: false };

/** As `decodeUpdate` puts it together: MP_REACH_NLRI without NLRI in front. */
function blockOf(attributes: PathAttributes, of: "body" | "mp"): AttributeBlock {
  const nextHop = NEXT_HOPS[of];
  const { octets, mpNextHop } = encodeAttributes({ ...attributes, nextHop }, nextHop.family, INTERNAL);
  const reach =
    mpNextHop === undefined
      ? []
      : [0x90, 14, 0, 4 + mpNextHop.length, 0, 2, 1, mpNextHop.length, ...mpNextHop];
  const whole = Uint8Array.from([...reach, ...octets]);
  return { octets: whole, start: 0, end: whole.length, of };
}

const contexts: fc.Arbitrary<DecodeContext> = fc.record({
  as4: fc.boolean(),
  external: fc.boolean(),
  addPath: fc.constant([]),
  extendedNextHop: fc.constant(true),
  extendedMessage: fc.constant(true),
  enhancedRefresh: fc.constant(true),
});

test("what an ordinary router says is plain", () => {
  fc.assert(
    fc.property(ordinary, kinds, (attributes, of) => {
      const block = blockOf(attributes, of);
      expect(isPlain(block, INTERNAL)).toBe(true);
      expect(nextHopIn(block, undefined)).toEqual(NEXT_HOPS[of]);
    }),
  );
});

/** Some octets of the block are others, and some are gone. */
const mutations = fc.record({
  at: fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 255))), { maxLength: 3 }),
  cut: fc.nat(3),
});

test("in what is plain nothing is wrong, and nothing is left out", () => {
  fc.assert(
    fc.property(ordinary, kinds, contexts, mutations, (attributes, of, context, { at, cut }) => {
      const whole = blockOf(attributes, of);
      const octets = whole.octets.slice(0, Math.max(0, whole.end - cut));
      // The structure of MP_REACH_NLRI is checked before (`update.ts`).
      const free = of === "mp" ? 8 : 0;
      for (const [place, value] of at) octets[free + (place % (octets.length - free))] = value;
      const block = { ...whole, octets, end: octets.length };
      if (!isPlain(block, context)) return;
      const decoded = decodeAttributes(block, context);
      expect(decoded.faults).toEqual([]);
      expect(decoded.literal).toBe(true);
      expect(nextHopIn(block, undefined)).toEqual(decoded.attributes?.nextHop);
    }),
    { numRuns: 3000 },
  );
});

describe("not plain", () => {
  const ORIGIN = [0x40, 1, 1, 0];
  const AS_PATH = [0x40, 2, 0];
  const NEXT_HOP = [0x40, 3, 4, 10, 0, 0, 1];
  const LARGE = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
  test.each<[string, number[]]>([
    ["no attributes", []],
    ["no ORIGIN", [...AS_PATH, ...NEXT_HOP]],
    ["no AS_PATH", [...ORIGIN, ...NEXT_HOP]],
    ["no next hop", [...ORIGIN, ...AS_PATH]],
    ["out of order", [...AS_PATH, ...ORIGIN, ...NEXT_HOP]],
    ["repeated", [...ORIGIN, ...AS_PATH, ...NEXT_HOP, ...NEXT_HOP]],
    ["a next hop that is no host", [...ORIGIN, ...AS_PATH, 0x40, 3, 4, 224, 0, 0, 1]],
    ["an AS_SET", [...ORIGIN, 0x40, 2, 6, 1, 1, 0, 0, 0, 1, ...NEXT_HOP]],
    ["AS 0", [...ORIGIN, 0x40, 2, 6, 2, 1, 0, 0, 0, 0, ...NEXT_HOP]],
    ["a segment that is cut", [...ORIGIN, 0x40, 2, 5, 2, 1, 0, 0, 1, ...NEXT_HOP]],
    ["a large community twice", [...ORIGIN, ...AS_PATH, ...NEXT_HOP, 0xc0, 32, 24, ...LARGE, ...LARGE]],
    ["well-known and unknown", [...ORIGIN, ...AS_PATH, ...NEXT_HOP, 0x40, 99, 0]],
    ["AS4_PATH", [...ORIGIN, ...AS_PATH, ...NEXT_HOP, 0xc0, 17, 6, 2, 1, 0, 0, 0, 1]],
  ])("%s", (_, octets) => {
    const block = { octets: Uint8Array.from(octets), start: 0, end: octets.length, of: "body" as const };
    expect(isPlain(block, INTERNAL)).toBe(false);
  });

  test("LOCAL_PREF of an external peer", () => {
    const octets = Uint8Array.from([...ORIGIN, ...AS_PATH, ...NEXT_HOP, 0x40, 5, 4, 0, 0, 0, 1]);
    const block = { octets, start: 0, end: octets.length, of: "body" as const };
    expect(isPlain(block, INTERNAL)).toBe(true);
    expect(isPlain(block, { ...INTERNAL, external: true })).toBe(false);
  });
});
