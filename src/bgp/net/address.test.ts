import fc from "fast-check";
import ipnum from "ip-num";
import { describe, expect, test } from "vitest";
import {
  type Address,
  compareAddresses,
  comparePrefixes,
  contains,
  hostPrefix,
  ipv4,
  ipv6,
  overlaps,
  type Prefix,
  prefixOf,
  sameAddress,
  samePrefix,
  unzoned,
  widthOf,
} from "./address.ts";
import {
  addressAt,
  addressOctets,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  parseScopedAddress,
} from "./text.ts";

const word = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 1, 0xffff, 0xffff_0000));
const address: fc.Arbitrary<Address> = fc.oneof(
  word.map(ipv4),
  fc.tuple(word, word, word, word).map((words) => ipv6(...words)),
);
const prefix: fc.Arbitrary<Prefix> = address.chain((each) =>
  fc.integer({ min: 0, max: widthOf(each.family) }).map((length) => prefixOf(each, length)),
);

describe("text that is written down", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // RFC 5952 §4.2.3: the longest run
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // the first of equals
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // RFC 5952 §4.2.2: not for one group
    ["::", "::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("%s is printed as %s", (text, printed) => {
    expect(formatAddress(parseAddress(text)!)).toBe(printed);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "0x1.2.3.4",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "12345::",
    "::g",
    "1.2.3.4::",
    "::1.2.3.256",
    "fe80::1%eth0",
    ":1:2:3:4:5:6:7",
  ])("%j is no address", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each([
    "10.0.0.1/8",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/+8",
    "::/129",
    "2001:db8::1/64",
    "/8",
  ])("%j is no prefix", (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });
});

describe("any text", () => {
  test("what is printed is what was parsed", () => {
    fc.assert(
      fc.property(address, prefix, (one, other) => {
        expect(parseAddress(formatAddress(one))).toEqual(one);
        expect(parsePrefix(formatPrefix(other))).toEqual(other);
        expect(parsePrefix(formatAddress(one))).toEqual(hostPrefix(one));
        expect(addressAt(addressOctets(one), 0, one.family)).toEqual(one);
      }),
    );
  });

  test("no text makes it throw", () => {
    const alike = fc.string({ unit: fc.constantFrom(..."0123456789abf:./ ") });
    fc.assert(
      fc.property(fc.oneof(fc.string(), alike), (text) => {
        const parsed = parsePrefix(text);
        if (parsed !== undefined) expect(parsePrefix(formatPrefix(parsed))).toEqual(parsed);
      }),
    );
  });
});

describe("ip-num is of the same opinion", () => {
  const numberOf = ({ family, w0, w1, w2, w3 }: Address): bigint =>
    family === 4 ? BigInt(w0) : [w0, w1, w2, w3].reduce((sum, each) => (sum << 32n) | BigInt(each), 0n);
  const groups = (word: number): string => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  // It reads no IPv4 address at the end of an IPv6 prefix, which is how we print ::ffff:0:0/96.
  const rangeOf = (each: Prefix) =>
    each.family === 4
      ? ipnum.IPv4CidrRange.fromCidr(formatPrefix(each))
      : ipnum.IPv6CidrRange.fromCidr(
          `${[each.w0, each.w1, each.w2, each.w3].map(groups).join(":")}/${each.length}`,
        );

  test("on what an address is", () => {
    fc.assert(
      fc.property(address, (one) => {
        const text = formatAddress(one);
        const theirs = one.family === 4 ? new ipnum.IPv4(text) : new ipnum.IPv6(text);
        expect(theirs.getValue()).toBe(numberOf(one));
        expect(parseAddress(theirs.toString())).toEqual(one);
      }),
    );
  });

  test("on what a prefix contains", () => {
    // Lengths close to each other, of addresses that share their beginning: else nothing contains anything.
    const related = fc
      .tuple(prefix, fc.nat(128), fc.nat(128))
      .map(
        ([one, a, b]) => [prefixOf(one, a % (one.length + 1)), prefixOf(one, b % (one.length + 1))] as const,
      );
    const pairs = fc.oneof(related, fc.tuple(prefix, prefix)).filter(([a, b]) => a.family === b.family);
    fc.assert(
      fc.property(pairs, ([outer, inner]) => {
        const theirs =
          rangeOf(outer).contains(rangeOf(inner) as never) ||
          rangeOf(outer).isEquals(rangeOf(inner) as never);
        expect(contains(outer, inner)).toBe(theirs);
      }),
    );
  });
});

describe("prefixes", () => {
  test("one contains its network and all longer ones of it", () => {
    fc.assert(
      fc.property(prefix, fc.nat(128), (outer, extra) => {
        const inner = prefixOf(outer, Math.min(widthOf(outer.family), outer.length + extra));
        expect(contains(outer, inner)).toBe(true);
        expect(contains(inner, outer)).toBe(samePrefix(inner, outer));
        expect(overlaps(outer, inner) && overlaps(inner, outer)).toBe(true);
      }),
    );
  });

  test("IPv4 and IPv6 never contain each other", () => {
    expect(contains(parsePrefix("::/0")!, parsePrefix("0.0.0.0/0")!)).toBe(false);
    expect(overlaps(parsePrefix("0.0.0.0/0")!, parsePrefix("::/0")!)).toBe(false);
  });

  test("their order is total", () => {
    fc.assert(
      fc.property(prefix, prefix, prefix, (a, b, c) => {
        expect(Math.sign(comparePrefixes(a, b)) + Math.sign(comparePrefixes(b, a))).toBe(0);
        expect(comparePrefixes(a, b) === 0).toBe(samePrefix(a, b));
        if (comparePrefixes(a, b) <= 0 && comparePrefixes(b, c) <= 0) {
          expect(comparePrefixes(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
    expect(compareAddresses(ipv4(0xffff_ffff), ipv6(0, 0, 0, 0))).toBeLessThan(0);
  });
});

describe("an address behind an interface", () => {
  test.each([
    ["fe80::1%eth0", "fe80::1%eth0"],
    ["FE80:0::1%swp1.100", "fe80::1%swp1.100"],
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
  ])("%s is printed as %s", (text, printed) => {
    expect(formatAddress(parseScopedAddress(text)!)).toBe(printed);
  });

  test.each([
    "2001:db8::1%eth0",
    "192.0.2.1%eth0",
    "fe81::1%eth0",
    "fe80::1%",
    "fe80::1%a b",
    "fe80::1%a%b",
    "fe80::1%sixteen-letters1",
    "eth0",
  ])("%j is none", (text) => {
    expect(parseScopedAddress(text)).toBeUndefined();
  });

  test("is another one than the same address elsewhere", () => {
    const [one, other] = ["fe80::1%eth0", "fe80::1%eth1"].map((text) => parseScopedAddress(text)!);
    expect(sameAddress(one!, other!)).toBe(false);
    expect(sameAddress(one!, { ...one! })).toBe(true);
    expect(Math.sign(compareAddresses(one!, other!))).toBe(-1);
    expect(Math.sign(compareAddresses(other!, one!))).toBe(1);
    expect(sameAddress(unzoned(one!), unzoned(other!))).toBe(true);
    expect(hostPrefix(one!)).toEqual(hostPrefix(other!));
  });
});
