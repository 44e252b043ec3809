import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, contains, ipv4, overlaps, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import { holderOf, isReachable, isUnicast, nested } from "./prefixes.ts";

const labelled = (text: string): { prefix: Prefix } => ({ prefix: parsePrefix(text)! });

/** Few enough addresses that prefixes meet often. */
const somePrefix = fc
  .tuple(fc.nat(255), fc.integer({ min: 20, max: 32 }), fc.constantFrom<4 | 6>(4, 6))
  .map(([bits, length, family]) => prefixOf({ ...ipv4((bits << 4) >>> 0), family }, length));

describe("prefixes that overlap", () => {
  test("the later of two is named", () => {
    const list = ["10.0.0.0/24", "10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"].map(labelled);
    const pairs = nested(list).map(({ inner, outer }) =>
      [inner, outer].map((entry) => formatPrefix(entry.prefix)),
    );
    expect(pairs).toEqual([
      ["10.0.0.0/8", "10.0.0.0/24"],
      ["10.1.0.0/16", "10.0.0.0/8"],
    ]);
  });

  test("some are found exactly when comparing all with all finds some", () => {
    fc.assert(
      fc.property(fc.array(somePrefix, { maxLength: 12 }), (prefixes) => {
        const list = prefixes.map((prefix) => ({ prefix }));
        const any = list.some((a, i) => list.some((b, k) => i < k && overlaps(a.prefix, b.prefix)));
        const found = nested(list);
        expect(found.length > 0).toBe(any);
        for (const { inner, outer } of found) {
          expect(overlaps(inner.prefix, outer.prefix)).toBe(true);
          expect(list.indexOf(outer)).toBeLessThan(list.indexOf(inner));
        }
      }),
    );
  });
});

test("the holder of an address is found as if all prefixes were asked", () => {
  fc.assert(
    fc.property(fc.array(somePrefix, { maxLength: 12 }), fc.nat(8191), (prefixes, bits) => {
      const list = prefixes.map((prefix) => ({ prefix }));
      fc.pre(nested(list).length === 0);
      const address: Address = ipv4(bits);
      expect(holderOf(list)(address)).toBe(list.find(({ prefix }) => contains(prefix, address)));
    }),
  );
});

test.each([
  ["192.0.2.1", true, true],
  ["127.0.0.1", true, false],
  ["0.0.0.0", false, false],
  ["0.1.2.3", false, false],
  ["224.0.0.5", false, false],
  ["239.255.255.255", false, false],
  ["255.255.255.255", false, false],
  ["2001:db8::1", true, true],
  ["::1", true, false],
  ["::", false, false],
  ["fe80::1", true, false],
  ["febf::1", true, false],
  ["fec0::1", true, true],
  ["ff02::1", false, false],
])("%s: unicast %s, reachable %s", (text, unicast, reachable) => {
  const address = parseAddress(text)!;
  expect([isUnicast(address), isReachable(address)]).toEqual([unicast, reachable]);
});
