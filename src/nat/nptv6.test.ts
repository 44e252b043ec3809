import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, contains, ipv6, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { formatAddress, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import { diff, diffTables } from "./diff.ts";
import { adjustmentOf, arrivesAs, leavesAs, prefixSets } from "./nptv6.ts";
import { providedBy, providedByListing } from "./provided.ts";
import { EMPTY_NAT } from "./table.ts";
import { MemoryNft } from "./testing/memory-nft.ts";

const pairOf = (internal: string, external: string) => ({
  internal: parsePrefix(internal)!,
  external: parsePrefix(external)!,
});
const address = (text: string): Address => parseAddress(text)!;

/** RFC 1071, over the words of an address; 0 and ffff are one. */
function sum({ w0, w1, w2, w3 }: Address): number {
  const words = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
  return words.reduce((total, word) => total + word, 0) % 0xffff;
}

const word32 = fc.nat(0xffffffff);
const addresses = fc.tuple(word32, word32, word32, word32).map((words) => ipv6(...words));
const pairs = fc
  .tuple(addresses, addresses, fc.integer({ min: 16, max: 64 }))
  .map(([a, b, length]) => ({ internal: prefixOf(a, length), external: prefixOf(b, length) }));
/** An address of a prefix, often with words that are all ones. */
const hosts = fc.tuple(fc.constantFrom(0, 0xffff, undefined), word32, word32, word32);
const within = (prefix: Prefix, [edge, a, b, c]: [number | undefined, number, number, number]): Address => {
  const w1 = edge === undefined ? a : ((a & 0xffff0000) | edge) >>> 0;
  const w2 = edge === undefined ? b : ((edge << 16) | (b & 0xffff)) >>> 0;
  const keep = prefix.length >= 64 ? 0 : 0xffffffff >>> Math.max(0, prefix.length - 32);
  const high = prefix.length >= 32 ? 0 : 0xffffffff >>> prefix.length;
  return ipv6(prefix.w0 | (a & high), prefix.w1 | (w1 & keep), w2, c);
};

describe("an address that goes out", () => {
  test("has the same sum there, is in the other prefix, and comes back as what it was", () => {
    fc.assert(
      fc.property(pairs, hosts, (pair, host) => {
        const table = { ...EMPTY_NAT, prefixes: [pair] };
        const inner = within(pair.internal, host);
        const outer = leavesAs(table, inner);
        if (outer === undefined) {
          expect(formatAddress(inner)).toMatch(/ffff/);
          return;
        }
        expect(contains(pair.external, outer)).toBe(true);
        expect(sum(outer)).toBe(sum(inner));
        // All ones in the word that makes up for the change are never written, and so never read.
        expect(arrivesAs(table, outer)).toEqual(inner);
      }),
    );
  });

  // RFC 6296 section 2.1 has the first one, and says of its /48 that 0xd550 makes up for it.
  test.each([
    ["fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:1::1234", "2001:db8:1:d550::1234"],
    ["fd00:65::/48", "fd00:65::/48", "fd00:65:0:7::1", "fd00:65:0:7::1"],
    ["fd00::/64", "2001:db8::/64", "fd00::1", "2001:db8::cf47:0:0:1"],
    ["fd00::/64", "2001:db8::/64", "fd00::ffff:0:0:1", "2001:db8::ffff:cf47:0:1"],
  ])("from %s to %s: %s is %s", (internal, external, inner, outer) => {
    const table = { ...EMPTY_NAT, prefixes: [pairOf(internal, external)] };
    expect(formatAddress(leavesAs(table, address(inner))!)).toBe(outer);
  });

  test.each([
    ["fd00:65::/48", "2001:db8:1::/48", "fd00:65:0:ffff::1"],
    ["fd00::/64", "2001:db8::/64", "fd00::ffff:ffff:ffff:ffff"],
  ])("from %s to %s, %s has none", (internal, external, inner) => {
    expect(
      leavesAs({ ...EMPTY_NAT, prefixes: [pairOf(internal, external)] }, address(inner)),
    ).toBeUndefined();
  });
});

test.each([
  [[pairOf("fd00:65::/48", "2001:db8:f::/48")], [pairOf("fd00:65::/63", "2001:db8:f:2::/63")]],
  [[], [pairOf("fd00:60::/44", "2001:db8:10::/44"), pairOf("fd00:75::/64", "2001:db8:1f::/64")]],
])("a difference, applied, is none any more, and back again", (a, b) => {
  const [before, after] = [a, b].map((prefixes) => ({ ...EMPTY_NAT, prefixes }));
  const nft = new MemoryNft();
  nft.apply(diff(before!, undefined));
  nft.apply(diffTables(before!, after!));
  expect(diff(after!, nft.listing())).toBe("");
  expect(providedByListing(nft.listing()!, after!)).toEqual(providedBy(after!));
  nft.apply(diff(before!, nft.listing()));
  expect(diff(before!, nft.listing())).toBe("");
});

test("the sums are those of the constants that rules add, and of no others", () => {
  const pair = pairOf("fd01:203:405::/48", "2001:db8:1::/48");
  expect(adjustmentOf({ from: pair.internal, to: pair.external })).toBe(0xd54f);
  const { sums } = prefixSets({ prefixes: [pair] });
  expect(sums.get("0xd5 . 0x40")).toBe("0x15");
  expect(sums.size % 256).toBe(0);
  expect(sums.size / 256).toBeLessThanOrEqual(10);
});
