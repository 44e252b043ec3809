import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, ipv6 } from "../net/address.ts";
import { decodeAttributes } from "./attribute-block.ts";
import { type EncodedAttributes, encodeAttributes } from "./attribute-encode.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "./context.ts";
import { type AsPathSegment, originatedAttributes, type PathAttributes } from "./path-attributes.ts";

const u32 = fc.nat(0xffff_ffff);
const asn = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 0xffff_ffff }));
const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const segments = (...types: AsPathSegment["type"][]): fc.Arbitrary<AsPathSegment[]> =>
  fc.array(
    fc.record({ type: fc.constantFrom(...types), asns: fc.array(asn, { minLength: 1, maxLength: 255 }) }),
    { maxLength: 4 },
  );
const host4 = fc.integer({ min: 0x0100_0000, max: 0x7eff_ffff }).map(ipv4);
const host6 = fc.tuple(u32, u32, u32).map(([a, b, c]) => ipv6(0x2001_0db8, a, b, c));
const linkLocal = fc.tuple(u32, u32).map(([a, b]) => ipv6(0xfe80_0000, 0, a, b));

const pathAttributes = (nextHop: fc.Arbitrary<Address>, path: fc.Arbitrary<AsPathSegment[]>) =>
  fc.record<PathAttributes>({
    origin: fc.constantFrom(0, 1, 2),
    asPath: path,
    nextHop,
    linkLocalNextHop: fc.constant(undefined),
    med: option(u32),
    localPref: option(u32),
    atomicAggregate: fc.boolean(),
    aggregator: option(fc.record({ asn, address: u32 })),
    communities: fc.array(u32, { maxLength: 80 }),
    extendedCommunities: fc.array(fc.tuple(u32, u32), { maxLength: 4 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, u32), { maxLength: 30 }),
    ipv6ExtendedCommunities: fc.array(fc.tuple(u32, u32, u32, u32, u32), { maxLength: 3 }),
    originatorId: option(u32),
    clusterList: fc.array(u32, { maxLength: 4 }),
    onlyToCustomer: option(u32),
    unknown: fc.uniqueArray(
      fc.record({
        code: fc.integer({ min: 36, max: 255 }),
        flags: fc.constant(0xe0),
        value: fc.uint8Array({ maxLength: 300 }),
      }),
      { selector: ({ code }) => code, maxLength: 3 },
    ),
    partial: fc.constant([]),
  });

const every = segments("sequence", "set", "confed-sequence", "confed-set");
const internal: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, external: false };

/** The block that a receiver makes of them: MP_REACH_NLRI without NLRI goes first. */
function decoded({ octets, mpNextHop }: EncodedAttributes, context: DecodeContext) {
  const reach = mpNextHop ? [0x90, 14, 0, mpNextHop.length + 4, 0, 2, 1, mpNextHop.length, ...mpNextHop] : [];
  const block = Uint8Array.of(...reach, ...octets);
  return decodeAttributes(
    { octets: block, start: 0, end: block.length, of: mpNextHop ? "mp" : "body" },
    context,
  );
}

const byCode = (attributes: PathAttributes): PathAttributes => ({
  ...attributes,
  unknown: [...attributes.unknown].sort((a, b) => a.code - b.code),
});

test("attributes survive the wire to an internal peer", () => {
  fc.assert(
    fc.property(pathAttributes(host4, every), (attributes) => {
      const { attributes: again, faults } = decoded(encodeAttributes(attributes, 4, internal), internal);
      expect(faults).toEqual([]);
      expect(again).toEqual(byCode(attributes));
    }),
  );
});

test("so do those of IPv6, and both next hops", () => {
  fc.assert(
    fc.property(pathAttributes(host6, every), option(linkLocal), (rest, linkLocalNextHop) => {
      const attributes = { ...rest, linkLocalNextHop };
      expect(decoded(encodeAttributes(attributes, 6, internal), internal).attributes).toEqual(
        byCode(attributes),
      );
    }),
  );
});

test("an external peer gets all but what is iBGP's, and would not believe that either", () => {
  const external = { ...internal, external: true };
  fc.assert(
    fc.property(pathAttributes(host4, segments("sequence", "set")), (attributes) => {
      const public_ = {
        ...byCode(attributes),
        localPref: undefined,
        originatorId: undefined,
        clusterList: [],
      };
      expect(decoded(encodeAttributes(attributes, 4, external), external)).toEqual({
        attributes: public_,
        reaction: undefined,
        faults: [],
      });
      const told = decoded(encodeAttributes(attributes, 4, internal), external);
      expect(told.attributes).toEqual(public_);
    }),
  );
});

test("a speaker with 2-octet AS numbers passes the path on whole (RFC 6793 §4.2)", () => {
  const old = { ...internal, as4: false };
  // Sequences that touch become one in the merge: AS numbers and their order are what must survive.
  const flat = (path: readonly AsPathSegment[]): (number | readonly number[])[] =>
    path.flatMap(({ type, asns }): (number | readonly number[])[] =>
      type === "sequence" ? [...asns] : [asns],
    );
  fc.assert(
    fc.property(pathAttributes(host4, segments("sequence", "set")), (attributes) => {
      const again = decoded(encodeAttributes(attributes, 4, old), old).attributes!;
      // Without a 4-octet aggregator beside it, one of 2 octets says that the 4-octet path is of before it.
      expect(again.aggregator).toEqual(attributes.aggregator);
      expect(flat(again.asPath)).toEqual(flat(attributes.asPath));
    }),
  );
});

test("a segment of more than 255 AS numbers becomes two", () => {
  const asns = Array.from({ length: 300 }, (_, i) => i + 1);
  const attributes = {
    ...originatedAttributes(ipv4(0x0a000001)),
    asPath: [{ type: "sequence" as const, asns }],
  };
  const again = decoded(encodeAttributes(attributes, 4, internal), internal).attributes!;
  expect(again.asPath.map((segment) => segment.asns.length)).toEqual([255, 45]);
  expect(again.asPath.flatMap((segment) => segment.asns)).toEqual(asns);
});

test("the Partial bit of a known attribute is passed on", () => {
  const attributes = {
    ...originatedAttributes(ipv4(0x0a000001)),
    communities: [1],
    partial: [8],
  };
  const { octets } = encodeAttributes(attributes, 4, internal);
  expect([...octets.subarray(-7)]).toEqual([0xe0, 8, 4, 0, 0, 0, 1]);
  expect(decoded({ octets, family: 4, mpNextHop: undefined }, internal).attributes).toEqual(attributes);
});

test("IPv6 prefixes cannot have an IPv4 next hop", () => {
  expect(() => encodeAttributes(originatedAttributes(ipv4(0x0a000001)), 6, internal)).toThrow(RangeError);
});

test("an IPv4 prefix may have an IPv6 next hop, which goes to MP_REACH_NLRI (RFC 8950)", () => {
  const { octets, mpNextHop } = encodeAttributes(
    originatedAttributes(ipv6(0x20010db8, 0, 0, 1)),
    4,
    internal,
  );
  expect([...octets]).toEqual([0x40, 1, 1, 0, 0x40, 2, 0]);
  expect(mpNextHop).toHaveLength(16);
});

describe("what no next hop can be", () => {
  test.each([
    ["0.0.0.1", ipv4(1)],
    ["127.0.0.1", ipv4(0x7f000001)],
    ["224.0.0.5", ipv4(0xe0000005)],
    ["255.255.255.255", ipv4(0xffffffff)],
    ["::", ipv6(0, 0, 0, 0)],
    ["::1", ipv6(0, 0, 0, 1)],
    ["ff02::1", ipv6(0xff020000, 0, 0, 1)],
  ])("%s", (_, nextHop) => {
    const encoded = encodeAttributes(originatedAttributes(nextHop), nextHop.family, internal);
    expect(decoded(encoded, internal).reaction).toBe("treat-as-withdraw");
  });
});

test("a second IPv6 next hop that is not link-local is not used", () => {
  const attributes = {
    ...originatedAttributes(ipv6(0x20010db8, 0, 0, 1)),
    linkLocalNextHop: ipv6(0, 0, 0, 0),
  };
  const again = decoded(encodeAttributes(attributes, 6, internal), internal);
  expect(again.attributes?.linkLocalNextHop).toBeUndefined();
  expect(again.faults).toEqual([]);
});

describe("next hops of a session over one link", () => {
  const onLink = { ...internal, zone: "eth0" };
  const global = ipv6(0x20010db8, 0, 0, 1);
  const linkLocal = ipv6(0xfe800000, 0, 0, 1);
  const behind = { ...linkLocal, zone: "eth0" };
  test.each<[string, Address, Address | undefined, Address | undefined]>([
    ["link-local alone, as FRR and we", linkLocal, undefined, behind],
    ["none and link-local, as BIRD", ipv6(0, 0, 0, 0), linkLocal, behind],
    ["link-local twice", linkLocal, linkLocal, behind],
    ["global and link-local (RFC 2545 §3)", global, linkLocal, behind],
    ["global alone", global, undefined, global],
    ["none at all", ipv6(0, 0, 0, 0), undefined, undefined],
  ])("%s", (_, nextHop, linkLocalNextHop, expected) => {
    const attributes = { ...originatedAttributes(nextHop), linkLocalNextHop };
    for (const family of [4, 6] as const) {
      const again = decoded(encodeAttributes(attributes, family, internal), onLink);
      expect(again.attributes?.nextHop).toEqual(expected);
      expect(again.attributes?.linkLocalNextHop).toBeUndefined();
    }
  });

  test("elsewhere the global one counts", () => {
    const attributes = { ...originatedAttributes(global), linkLocalNextHop: linkLocal };
    expect(decoded(encodeAttributes(attributes, 4, internal), internal).attributes).toMatchObject({
      nextHop: global,
      linkLocalNextHop: linkLocal,
    });
  });
});

test("confederation segments are an error from an external peer alone (RFC 5065 §5)", () => {
  const asPath = [{ type: "confed-sequence" as const, asns: [65001] }];
  const encoded = encodeAttributes({ ...originatedAttributes(ipv4(0x0a000001)), asPath }, 4, internal);
  expect(decoded(encoded, internal).reaction).toBeUndefined();
  expect(decoded(encoded, { ...internal, external: true }).reaction).toBe("treat-as-withdraw");
});
