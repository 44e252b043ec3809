import fc from "fast-check";
import { expect, test } from "vitest";
import { type Family, type Prefix, prefixOf, widthOf } from "../net/address.ts";
import { addressOctets } from "../net/text.ts";
import { decodeNlri, encodeNlri } from "./nlri.ts";
import { PrefixBatch } from "./prefix-batch.ts";

interface Entry {
  prefix: Prefix;
  pathId: number;
}

const u32 = fc.nat(0xffff_ffff);
const entryOf = (family: Family): fc.Arbitrary<Entry> =>
  fc.record({
    prefix: fc.tuple(u32, u32, u32, u32, fc.nat(widthOf(family))).map(([w0, a, b, c, length]) => {
      const [w1, w2, w3] = family === 6 ? [a, b, c] : [0, 0, 0];
      return prefixOf({ family, w0, w1, w2, w3 }, length);
    }),
    pathId: u32,
  });
const scene = fc
  .record({ family: fc.constantFrom<Family>(4, 6), addPath: fc.boolean() })
  .chain(({ family, addPath }) =>
    fc.record({
      family: fc.constant(family),
      addPath: fc.constant(addPath),
      entries: fc.array(entryOf(family), { maxLength: 30 }),
    }),
  );

/** NLRI as RFC 4271 §4.3 and RFC 7911 §3 describe them, built octet by octet. */
function built(entries: readonly Entry[], addPath: boolean): Uint8Array {
  return Uint8Array.from(
    entries.flatMap(({ prefix, pathId }) => [
      ...(addPath ? [pathId >>> 24, (pathId >>> 16) & 255, (pathId >>> 8) & 255, pathId & 255] : []),
      prefix.length,
      ...addressOctets(prefix).subarray(0, Math.ceil(prefix.length / 8)),
    ]),
  );
}

const rows = (batch: PrefixBatch): Entry[] =>
  Array.from({ length: batch.count }, (_, row) => ({ prefix: batch.at(row), pathId: batch.pathId[row]! }));

test("prefixes are what the RFC's octets say, both ways, in a batch that was used before", () => {
  const batch = new PrefixBatch(1);
  fc.assert(
    fc.property(scene, ({ family, addPath, entries }) => {
      const octets = built(entries, addPath);
      const expected = entries.map(({ prefix, pathId }) => ({ prefix, pathId: addPath ? pathId : 0 }));
      batch.reset(family);
      expect(decodeNlri(octets, 0, octets.length, addPath, batch)).toBe(true);
      expect(rows(batch)).toEqual(expected);

      const out = new Uint8Array(octets.length);
      const position = { at: 0 };
      expect(encodeNlri(out, position, out.length, batch, 0, addPath)).toBe(entries.length);
      expect(position.at).toBe(octets.length);
      expect(out).toEqual(octets);
    }),
  );
});

test("bits after the prefix do not matter", () => {
  fc.assert(
    fc.property(scene, fc.nat(255), ({ family, addPath, entries }, noise) => {
      const octets = built(entries, addPath);
      let at = 0;
      for (const { prefix } of entries) {
        at += (addPath ? 5 : 1) + Math.ceil(prefix.length / 8);
        if (prefix.length % 8 !== 0) octets[at - 1]! |= noise & (0xff >> (prefix.length % 8));
      }
      const batch = new PrefixBatch();
      batch.reset(family);
      expect(decodeNlri(octets, 0, octets.length, addPath, batch)).toBe(true);
      expect(rows(batch).map(({ prefix }) => prefix)).toEqual(entries.map(({ prefix }) => prefix));
    }),
  );
});

test("a cut within a prefix is found, one between two is not there", () => {
  fc.assert(
    fc.property(scene, fc.nat(), ({ family, addPath, entries }, nat) => {
      const octets = built(entries, addPath);
      const cut = nat % (octets.length + 1);
      const ends = entries.map((_, i) => built(entries.slice(0, i + 1), addPath).length);
      const batch = new PrefixBatch();
      batch.reset(family);
      expect(decodeNlri(octets, 0, cut, addPath, batch)).toBe(cut === 0 || ends.includes(cut));
    }),
  );
});

test("whatever the octets, it neither throws nor reads beyond its window", () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.boolean(),
      (octets, after, addPath) => {
        for (const family of [4, 6] as const) {
          const [alone, amid] = [new PrefixBatch(), new PrefixBatch()];
          alone.reset(family);
          amid.reset(family);
          const whole = decodeNlri(octets, 0, octets.length, addPath, alone);
          const wider = Uint8Array.of(...after, ...octets, ...after);
          expect(decodeNlri(wider, 40, 40 + octets.length, addPath, amid)).toBe(whole);
          expect(rows(amid)).toEqual(rows(alone));
        }
      },
    ),
  );
});

test("the encoder stops before the limit, and goes on where it stopped", () => {
  fc.assert(
    fc.property(scene, fc.integer({ min: 21, max: 80 }), ({ family, addPath, entries }, room) => {
      const batch = new PrefixBatch();
      batch.reset(family);
      for (const { prefix, pathId } of entries) batch.push(prefix, addPath ? pathId : 0);
      const written: number[] = [];
      for (let from = 0; from < batch.count; ) {
        const out = new Uint8Array(room + 1).fill(0xee);
        const position = { at: 0 };
        const next = encodeNlri(out, position, room, batch, from, addPath);
        expect(next).toBeGreaterThan(from);
        expect(position.at).toBeLessThanOrEqual(room);
        expect(out[room]).toBe(0xee);
        written.push(...out.subarray(0, position.at));
        from = next;
      }
      expect(Uint8Array.from(written)).toEqual(built(entries, addPath));
    }),
  );
});
