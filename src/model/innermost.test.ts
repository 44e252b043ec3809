import fc from "fast-check";
import { expect, test } from "vitest";
import { contains, ipv4, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { innermost } from "./innermost.ts";

/** Dense, so that they nest and touch. */
const prefixes: fc.Arbitrary<Prefix[]> = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 31 }), fc.integer({ min: 27, max: 32 }))
    .map(([low, length]) => prefixOf(ipv4(0x0a000000 + low), length)),
  { maxLength: 8 },
);

test("every address belongs to the longest prefix that holds it, and of equal ones to the last", () => {
  fc.assert(
    fc.property(prefixes, (list) => {
      const found = innermost(list.map((prefix, i) => ({ prefix, i })));
      for (let low = -1; low <= 32; low++) {
        const word = 0x0a000000 + low;
        const stretch = found.filter(({ first, last }) => first <= word && word <= last);
        const holders = [...list.entries()].filter(([, prefix]) => contains(prefix, ipv4(word)));
        const longest = Math.max(...holders.map(([, { length }]) => length));
        const expected = holders.findLast(([, { length }]) => length === longest)?.[0];
        expect(stretch.map(({ of }) => of.i)).toEqual(expected === undefined ? [] : [expected]);
      }
    }),
  );
});

test("stretches come in order and never overlap, up to the last address there is", () => {
  const all = prefixOf(ipv4(0), 0);
  const inner = prefixOf(ipv4(0xffffff00), 24);
  expect(innermost([{ prefix: inner }, { prefix: all }]).map(({ first, last }) => [first, last])).toEqual([
    [0, 0xfffffeff],
    [0xffffff00, 0xffffffff],
  ]);
});
