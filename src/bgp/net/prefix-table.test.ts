import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contains, type Family, type Prefix, prefixOf } from "./address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "./prefix-table.ts";
import { formatPrefix, parseAddress } from "./text.ts";

/** Few bits, so that prefixes meet each other. */
const prefixes = (family: Family): fc.Arbitrary<Prefix> =>
  fc
    .record({
      low: fc.nat(63),
      length: fc.constantFrom(...(family === 4 ? [0, 8, 24, 30, 32] : [0, 33, 64, 128])),
    })
    .map(({ low, length }) => prefixOf({ family, w0: 0x0a000000 + low, w1: low * 3, w2: 0, w3: low }, length))
    .map((prefix) => (family === 4 ? { ...prefix, w1: 0, w2: 0, w3: 0 } : prefix));

const idOf = (table: PrefixTable, { w0, w1, w2, w3, length }: Prefix): PrefixId =>
  table.find(w0, w1, w2, w3, length);
const addTo = (table: PrefixTable, { w0, w1, w2, w3, length }: Prefix): PrefixId =>
  table.findOrAdd(w0, w1, w2, w3, length);

describe.each<Family>([4, 6])("IPv%i", (family) => {
  test("behaves as a map from prefix to id, through any adding and removing", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), prefixes(family)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (list) => {
        const table = new PrefixTable(family);
        const known = new Map<string, PrefixId>();
        for (const [adds, prefix] of list) {
          const text = formatPrefix(prefix);
          if (adds) {
            const id = addTo(table, prefix);
            expect(known.get(text) ?? id).toBe(id);
            known.set(text, id);
          } else if (known.has(text)) {
            table.remove(known.get(text)!);
            known.delete(text);
          } else expect(idOf(table, prefix)).toBe(NO_PREFIX);
        }
        expect(table.size).toBe(known.size);
        expect(new Set(known.values()).size).toBe(known.size);
        for (const [text, id] of known) expect(formatPrefix(table.prefix(id))).toBe(text);
        const live = Array.from({ length: table.extent }, (_, id) => id).filter((id) => table.has(id));
        expect(live.length).toBe(known.size);
      }),
    );
  });

  test("the longest match is the longest of those that contain the address", () => {
    fc.assert(
      fc.property(fc.array(prefixes(family), { maxLength: 40 }), prefixes(family), (list, probe) => {
        const table = new PrefixTable(family);
        for (const prefix of list) addTo(table, prefix);
        const holding = list.filter((prefix) =>
          contains(prefix, { ...probe, length: family === 4 ? 32 : 128 }),
        );
        const longest = holding.reduce<Prefix | undefined>(
          (best, each) => (best === undefined || each.length > best.length ? each : best),
          undefined,
        );
        const found = table.longestMatch(probe);
        expect(found === NO_PREFIX ? undefined : formatPrefix(table.prefix(found))).toBe(
          longest && formatPrefix(longest),
        );
      }),
    );
  });
});

test("200 000 host routes come, go and come again in the same rows", () => {
  const table = new PrefixTable(4);
  const count = 200_000;
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < count; i++) table.findOrAdd(0x14000000 + i, 0, 0, 0, 32);
    expect(table.size).toBe(count);
    for (let i = 0; i < count; i++) table.remove(table.find(0x14000000 + i, 0, 0, 0, 32));
    expect(table.size).toBe(0);
  }
  expect(table.extent).toBe(count);
});

test("removing what is not there is our bug, and said so", () => {
  const table = new PrefixTable(4);
  const id = table.findOrAdd(0x0a000000, 0, 0, 0, 8);
  table.remove(id);
  expect(() => table.remove(id)).toThrow(RangeError);
  expect(table.longestMatch(parseAddress("10.0.0.1")!)).toBe(NO_PREFIX);
});
