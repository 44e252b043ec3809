import fc from "fast-check";
import { expect, test } from "vitest";
import { octetsOf } from "../../../test/vectors/vectors.ts";
import { type Family, type Prefix, prefixOf, widthOf } from "../net/address.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../net/text.ts";
import { type EncodedAttributes, encodeAttributes } from "./attribute-encode.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "./context.ts";
import { checkHeader, messageLengthAt } from "./header.ts";
import { originatedAttributes } from "./path-attributes.ts";
import { PrefixBatch } from "./prefix-batch.ts";
import { decodeUpdate, Update } from "./update.ts";
import { encodeEndOfRib, type Packing, packAnnounced, packWithdrawn } from "./update-pack.ts";

const context: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, extendedNextHop: true };
const plain: Packing = { addPath: false, maxOctets: 4096 };
const u32 = fc.nat(0xffff_ffff);

function batchOf(family: Family, prefixes: readonly Prefix[]): PrefixBatch {
  const batch = new PrefixBatch();
  batch.reset(family);
  for (const prefix of prefixes) batch.push(prefix);
  return batch;
}

const prefixIn = (family: Family): fc.Arbitrary<Prefix> =>
  fc.tuple(u32, u32, u32, u32, fc.nat(widthOf(family))).map(([w0, a, b, c, length]) => {
    const [w1, w2, w3] = family === 6 ? [a, b, c] : [0, 0, 0];
    return prefixOf({ family, w0, w1, w2, w3 }, length);
  });

interface Scene {
  batch: PrefixBatch;
  attributes: EncodedAttributes;
  packing: Packing;
  /** Where in the buffer the message begins. */
  at: number;
}

const scene: fc.Arbitrary<Scene> = fc
  .constantFrom<[Family, string]>([4, "192.0.2.1"], [4, "2001:db8::1"], [6, "2001:db8::1"])
  .chain(([family, nextHop]) =>
    fc.record({
      batch: fc
        .array(prefixIn(family), { minLength: 1, maxLength: 100 })
        .map((prefixes) => batchOf(family, prefixes)),
      attributes: fc.constant(
        encodeAttributes(originatedAttributes(parseAddress(nextHop)!), family, context),
      ),
      packing: fc.record({ addPath: fc.boolean(), maxOctets: fc.integer({ min: 90, max: 4096 }) }),
      at: fc.nat(10),
    }),
  );

const texts = (batch: PrefixBatch): string[] =>
  Array.from({ length: batch.count }, (_, row) => `${formatPrefix(batch.at(row))} ${batch.pathId[row]}`);

type Pack = (out: Uint8Array, from: number) => number;

/** Packs until all is written; returns each message, having checked that it stays within its bounds. */
function packAll({ batch, packing, at }: Scene, pack: Pack): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let from = 0; from < batch.count; ) {
    const out = new Uint8Array(at + packing.maxOctets + 4).fill(0xee);
    const next = pack(out, from);
    expect(next).toBeGreaterThan(from);
    const length = messageLengthAt(out, at);
    expect(checkHeader(out, at, false)).toBe(length);
    expect(length).toBeLessThanOrEqual(packing.maxOctets);
    expect(out.subarray(0, at).every((octet) => octet === 0xee)).toBe(true);
    expect(out.subarray(at + packing.maxOctets).every((octet) => octet === 0xee)).toBe(true);
    messages.push(out.slice(at, at + length));
    from = next;
  }
  return messages;
}

/** What the messages announce and withdraw, in order. */
function readAll(messages: readonly Uint8Array[], { batch, packing }: Scene) {
  const update = new Update();
  const negotiated = { ...context, addPath: packing.addPath ? [batch.family] : [] };
  const [announced, withdrawn]: [string[], string[]] = [[], []];
  for (const message of messages) {
    expect(decodeUpdate(message, negotiated, update)).toBeUndefined();
    announced.push(...update.announced.flatMap(({ prefixes }) => texts(prefixes)));
    withdrawn.push(...update.withdrawn.flatMap(texts));
  }
  return { announced, withdrawn };
}

test("packed messages announce every prefix once, in order, within their bounds", () => {
  fc.assert(
    fc.property(scene, (each) => {
      const { batch, attributes, packing, at } = each;
      const messages = packAll(each, (out, from) => packAnnounced(out, at, attributes, batch, from, packing));
      expect(readAll(messages, each)).toEqual({ announced: texts(batch), withdrawn: [] });
    }),
  );
});

test("and withdraw them likewise", () => {
  fc.assert(
    fc.property(scene, (each) => {
      const { batch, packing, at } = each;
      const messages = packAll(each, (out, from) => packWithdrawn(out, at, batch, from, packing));
      expect(readAll(messages, each)).toEqual({ announced: [], withdrawn: texts(batch) });
    }),
  );
});

test.each<[Family, string]>([
  [4, `${"ff".repeat(16)}00170200000000`],
  [6, `${"ff".repeat(16)}001d0200000006800f03000201`],
])("End-of-RIB of IPv%d", (family, hex) => {
  const message = encodeEndOfRib(family);
  expect(message).toEqual(octetsOf(hex));
  const update = new Update();
  expect(decodeUpdate(message, context, update)).toBeUndefined();
  expect(update.endOfRib).toBe(family);
});

test("what does not fit beside its attributes is not written", () => {
  const out = new Uint8Array(4096);
  const unknown = [{ code: 200, flags: 0xe0, value: new Uint8Array(4060) }];
  for (const [family, hop, prefix] of [
    [4, "192.0.2.1", "10.0.0.0/8"],
    [6, "2001:db8::1", "::/0"],
  ] as const) {
    const attributes = { ...originatedAttributes(parseAddress(hop)!), unknown };
    const encoded = encodeAttributes(attributes, family, context);
    expect(packAnnounced(out, 0, encoded, batchOf(family, [parsePrefix(prefix)!]), 0, plain)).toBe(0);
    expect(() => packAnnounced(out, 0, encoded, batchOf(family === 4 ? 6 : 4, []), 0, plain)).toThrow(
      RangeError,
    );
  }
  expect(out.every((octet) => octet === 0)).toBe(true);
});
