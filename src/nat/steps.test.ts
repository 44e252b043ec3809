import fc from "fast-check";
import { expect, test } from "vitest";
import { addressKey } from "../bgp/net/text.ts";
import { diff, diffTables } from "./diff.ts";
import { stepsTo } from "./steps.ts";
import type { FloatingMapping, NatTable } from "./table.ts";
import { MemoryNft } from "./testing/memory-nft.ts";
import { natTables } from "./testing/tables.ts";

/** Of hundreds of tables: a busy machine takes half a minute. */
const LIMIT_MS = 120_000;

const most = fc.integer({ min: 1, max: 4 });

const mappings = ({ floating }: NatTable): ReadonlyMap<unknown, FloatingMapping> =>
  new Map(floating.map((mapping) => [addressKey(mapping.floating), mapping]));

test("any number of steps comes to the table of one go", { timeout: LIMIT_MS }, () => {
  fc.assert(
    fc.property(natTables, natTables, most, (a, b, size) => {
      const nft = new MemoryNft();
      nft.apply(diff(a, undefined));
      let at = a;
      for (const table of stepsTo(b, { floating: a.floating, table: a }, size)) {
        nft.apply(diffTables(at, table));
        // What lies there is all of a table, and not a part of its elements.
        expect(diff(table, nft.listing())).toBe("");
        at = table;
      }
      expect(at).toBe(b);
    }),
  );
});

test("and from what was found, of which nothing may go", { timeout: LIMIT_MS }, () => {
  fc.assert(
    fc.property(natTables, natTables, most, (a, b, size) => {
      const [nft, inOne] = [new MemoryNft(), new MemoryNft()];
      for (const each of [nft, inOne]) each.apply(diff(a, undefined));
      for (const table of stepsTo(b, { floating: a.floating, table: undefined }, size))
        nft.apply(diff(table, nft.listing(), { keep: true }));
      inOne.apply(diff(b, inOne.listing(), { keep: true }));
      for (const set of ["floating", "floating6", "self", "own", "egress", "stateless"])
        expect(new Map(nft.elements(set))).toEqual(new Map(inOne.elements(set)));
      nft.apply(diff(b, nft.listing()));
      expect(diff(b, nft.listing())).toBe("");
    }),
  );
});

test("no step brings or takes away more floating IPs than may be", () => {
  fc.assert(
    fc.property(natTables, natTables, most, (a, b, size) => {
      const [old, now] = [mappings(a), mappings(b)];
      let at = old;
      for (const table of stepsTo(b, { floating: a.floating, table: a }, size)) {
        const next = mappings(table);
        const come = [...next.keys()].filter((key) => !at.has(key));
        const gone = [...at.keys()].filter((key) => !next.has(key));
        expect(Math.max(come.length, gone.length)).toBeLessThanOrEqual(size);
        expect([...next.keys()].every((key) => old.has(key) || now.has(key))).toBe(true);
        at = next;
      }
    }),
  );
});
