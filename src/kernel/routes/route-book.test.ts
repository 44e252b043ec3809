import fc from "fast-check";
import { expect, test } from "vitest";
import { type Family, ipv4, ipv6, type Prefix, prefixOf } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import { RouteBook } from "./route-book.ts";
import { type Form, RTN_UNICAST } from "./route-message.ts";

const form = (nexthopId: number): Form => ({
  type: RTN_UNICAST,
  scope: 0,
  metric: 0,
  oif: 0,
  nexthopId,
  inline: [],
});

/** Few bits, spread over all words, so that prefixes meet again and fall into different parts of the book. */
const somePrefix: fc.Arbitrary<Prefix> = fc
  .tuple(fc.constantFrom<Family>(4, 6), fc.nat(15), fc.nat(32))
  .map(([family, bits, length]) => {
    const w0 = (bits * 0x1111_1111) >>> 0;
    return prefixOf(family === 4 ? ipv4(w0) : ipv6(w0, bits, 0, 0), length);
  });

test("any history leaves what a plain map says", () => {
  const step = fc.record({ prefix: somePrefix, nexthopId: fc.option(fc.nat(3)) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const book = new RouteBook();
      const plain = new Map<string, number>();
      for (const { prefix, nexthopId } of steps) {
        const text = formatPrefix(prefix);
        if (nexthopId === null) {
          book.delete(prefix);
          plain.delete(text);
        } else {
          book.set(prefix, book.intern(form(nexthopId)));
          plain.set(text, nexthopId);
        }
        const held = book.get(prefix);
        expect(held === undefined ? undefined : book.form(held).nexthopId).toBe(plain.get(text));
      }
      const entries = Array.from(book.entries(), ([prefix, { nexthopId }]) => [
        formatPrefix(prefix),
        nexthopId,
      ]);
      expect(entries.sort()).toEqual([...plain].sort());
      for (const [{ nexthopId }, routes] of book.routesByForm()) {
        expect(routes).toBe([...plain.values()].filter((id) => id === nexthopId).length);
      }
    }),
  );
});
