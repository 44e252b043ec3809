import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Family, ipv4, ipv6 } from "../net/address.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { ROLES } from "../wire/roles.ts";
import { AttributePool } from "./attribute-pool.ts";
import { type ExportClass, type Origination, outgoingAttributes } from "./outgoing.ts";
import { SOURCE, type Source } from "./peer-table.ts";
import { Rewriter } from "./rewrite.ts";
import { attributesWith, exportClassWith, OUR_ASN } from "./testing/lab.ts";

const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const u32 = fc.integer({ min: 1, max: 0xffffffff });
const segment = fc.record({
  type: fc.constantFrom("sequence" as const, "sequence" as const, "set" as const),
  asns: fc.oneof(
    fc.array(u32, { minLength: 1, maxLength: 4 }),
    fc.constant(new Array<number>(255).fill(7)),
    fc.constant(new Array<number>(254).fill(7)),
  ),
});
const unknown = fc
  .tuple(fc.constantFrom(60, 200), fc.uint8Array({ maxLength: 300 }))
  .map(([code, value]) => ({ code, flags: 0xe0, value }));

const attributes: fc.Arbitrary<Partial<PathAttributes>> = fc.record({
  origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
  asPath: fc.array(segment, { maxLength: 3 }),
  med: option(u32),
  localPref: option(u32),
  atomicAggregate: fc.boolean(),
  aggregator: option(fc.record({ asn: u32, address: u32 })),
  communities: fc.array(u32, { maxLength: 80 }),
  largeCommunities: fc.array(fc.tuple(u32, u32, u32), { maxLength: 2 }),
  originatorId: option(u32),
  clusterList: fc.array(u32, { maxLength: 2 }),
  unknown: fc.uniqueArray(unknown, { maxLength: 2, selector: ({ code }) => code }),
  partial: fc.constantFrom([], [8]),
});

const withOtc = fc.record({ onlyToCustomer: u32, partial: fc.constantFrom([], [35], [8, 35]) });
const paths = fc
  .tuple(attributes, option(withOtc))
  .map(([plain, otc]): Partial<PathAttributes> => ({ ...plain, ...otc }));

const sources = fc.constantFrom<Source>(...Object.values(SOURCE));
const internal = fc.record({ external: fc.constant(false), nextHopSelf: fc.boolean() });
const external = fc.record({
  external: fc.constant(true),
  routeServerClient: fc.boolean(),
  role: option(fc.constantFrom(...ROLES)),
});
const classes: fc.Arbitrary<Partial<ExportClass>> = fc.oneof(internal, external);

const originationOf = (source: Source): Origination => ({
  asn: OUR_ASN,
  source,
  originatorId: 0xc0000207,
  clusterId: 0x0a0000fe,
});

/** Both ways, as the pool holds what comes out. */
function bothWays(
  path: PathAttributes,
  source: Source,
  to: ExportClass,
  family: Family,
): { fast: number[] | undefined; slow: number[] } {
  const pool = new AttributePool({ asn: OUR_ASN, routerId: 1, clusterId: 1 });
  const octetsOf = (id: ReturnType<typeof pool.intern>): number[] => {
    const { octets, start, end } = pool.block(id);
    return [...octets.subarray(start, end)];
  };
  const from = originationOf(source);
  const slow = pool.internFor(outgoingAttributes(path, from, to, undefined), family, to);
  const rewriter = new Rewriter();
  const input = { to, from, family };
  const length = rewriter.rewrite(pool.block(pool.intern(path)), input);
  const fast = length < 0 ? undefined : [...rewriter.octets.subarray(0, length)];
  if (fast !== undefined) expect(pool.internOctets(rewriter.octets, length, family, to)).toBe(slow);
  return { fast, slow: octetsOf(slow) };
}

describe.each<Family>([4, 6])("IPv%i", (family) => {
  const ours = family === 4 ? ipv4(0x0a0000fe) : ipv6(0x20010db8, 0, 0, 0xfe);
  const theirs = family === 4 ? ipv4(0x0a000001) : ipv6(0x20010db8, 0, 0, 1);

  test("octet for octet what the slow way gives, and never left to it without need", () => {
    fc.assert(
      fc.property(paths, sources, classes, (path, source, kind) => {
        const to = exportClassWith({ ...kind, localAddress: ours });
        const { fast, slow } = bothWays(attributesWith({ ...path, nextHop: theirs }), source, to, family);
        expect(fast).toEqual(slow);
      }),
      { numRuns: 500 },
    );
  });
});

const VIEW = {
  remoteAsn: 1,
  localAsn: OUR_ASN,
  hidesOwnAsn: false,
  removePrivateAs: "all",
  asOverride: false,
} as const;

describe("left to the slow way", () => {
  const to = exportClassWith({});
  test.each<[string, Partial<PathAttributes>, ExportClass]>([
    ["confederation segments", { asPath: [{ type: "confed-sequence", asns: [1] }] }, to],
    ["IPv4 prefixes over IPv6", { nextHop: ipv6(1, 2, 3, 4) }, to],
    ["AS numbers that are not shown", {}, exportClassWith({ asView: VIEW })],
    ["our own address of another family", {}, exportClassWith({ localAddress: ipv6(1, 2, 3, 4) })],
  ])("%s", (_, path, kind) => {
    expect(bothWays(attributesWith(path), SOURCE.external, kind, 4).fast).toBeUndefined();
  });

  test("attributes out of order", () => {
    const block = { octets: Uint8Array.of(0x40, 2, 0, 0x40, 1, 1, 0), start: 0, end: 7, of: "body" as const };
    const input = { to, from: originationOf(SOURCE.external), family: 4 as const };
    expect(new Rewriter().rewrite(block, input)).toBe(-1);
  });
});
