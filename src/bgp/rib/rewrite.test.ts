import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, type Family, ipv4, ipv6, isLinkLocal } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { ROLES } from "../wire/roles.ts";
import { AttributePool } from "./attribute-pool.ts";
import { type ExportClass, type Origination, outgoingAttributes, takesOurs } from "./outgoing.ts";
import { SOURCE, type Source } from "./peer-table.ts";
import { Rewriter } from "./rewrite.ts";
import { attributes, option, u32 } from "./testing/arbitrary-attributes.ts";
import { attributesWith, exportClassWith, OUR_ASN } from "./testing/lab.ts";

const withOtc = fc.record({ onlyToCustomer: u32, partial: fc.constantFrom([], [35], [8, 35]) });
const paths = fc
  .tuple(attributes, option(withOtc))
  .map(([plain, otc]): Partial<PathAttributes> => ({ ...plain, ...otc }));

const sources = fc.constantFrom<Source>(...Object.values(SOURCE));
const passesUnknown = fc.boolean();
const internal = fc.record({ external: fc.constant(false), nextHopSelf: fc.boolean(), passesUnknown });
const external = fc.record({
  external: fc.constant(true),
  routeServerClient: fc.boolean(),
  role: option(fc.constantFrom(...ROLES)),
  passesUnknown,
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
  const kind = { six: path.nextHop.family === 6, onLink: isLinkLocal(path.nextHop) };
  const input = { to, from, family, ours: takesOurs(kind, source, to) };
  const length = rewriter.rewrite(pool.block(pool.intern(path)), input);
  const {
    out: { octets },
    of,
  } = rewriter;
  const fast = length < 0 ? undefined : [...octets.subarray(0, length)];
  if (fast !== undefined) expect(pool.internOctets(octets, length, family, to, of)).toBe(slow);
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

describe("IPv4 prefixes with IPv6 next hops (RFC 8950)", () => {
  const global = ipv6(0x20010db8, 0, 0, 0xfe);
  const linkLocal = ipv6(0xfe800000, 0, 0, 0xfe);
  const nextHops = fc.constantFrom(ipv4(0x0a000001), ipv6(0x20010db8, 0, 0, 1), ipv6(0xfe800000, 0, 0, 1));
  const own = fc.constantFrom(
    { localAddress: global },
    { localAddress: linkLocal },
    { localAddress: global, linkLocal },
  );
  const families = fc.constantFrom<Family>(4, 6);

  test("octet for octet what the slow way gives, with one next hop or two", () => {
    fc.assert(
      fc.property(
        attributes,
        sources,
        classes,
        nextHops,
        own,
        families,
        (path, source, kind, nextHop, ours, family) => {
          fc.pre(family === 4 || nextHop.family === 6);
          const to = exportClassWith({ ...kind, ...ours });
          const { fast, slow } = bothWays(attributesWith({ ...path, nextHop }), source, to, family);
          expect(fast).toEqual(slow);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a peer that does not know them, or is on another link, is given our own", () => {
    const kinds = (nextHop: Address, to: Partial<ExportClass>, source: Source): string => {
      const path = attributesWith({ nextHop });
      const sent = outgoingAttributes(path, originationOf(source), exportClassWith(to), undefined);
      return formatAddress(sent.nextHop);
    };
    const internal = { external: false, nextHopSelf: false };
    const plain = { ...internal, localAddress: ipv4(0x0a0000fe), sixNextHop: false };
    expect(kinds(ipv6(0x20010db8, 0, 0, 1), plain, SOURCE.client)).toBe("10.0.0.254");
    expect(kinds(ipv6(0x20010db8, 0, 0, 1), { ...internal, localAddress: global }, SOURCE.client)).toBe(
      "2001:db8::1",
    );
    expect(kinds(ipv6(0xfe800000, 0, 0, 1), { ...internal, localAddress: global }, SOURCE.client)).toBe(
      "2001:db8::fe",
    );
    expect(kinds(ipv6(0x20010db8, 0, 0, 1), plain, SOURCE.local)).toBe("10.0.0.254");
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
    ["IPv4 prefixes over IPv6 that go out over IPv4", { nextHop: ipv6(1, 2, 3, 4) }, to],
    ["AS numbers that are not shown", {}, exportClassWith({ asView: VIEW })],
  ])("%s", (_, path, kind) => {
    expect(bothWays(attributesWith(path), SOURCE.external, kind, 4).fast).toBeUndefined();
  });

  test("attributes out of order", () => {
    const block = { octets: Uint8Array.of(0x40, 2, 0, 0x40, 1, 1, 0), start: 0, end: 7, of: "body" as const };
    const input = { to, from: originationOf(SOURCE.external), family: 4 as const, ours: true };
    expect(new Rewriter().rewrite(block, input)).toBe(-1);
  });
});
