import fc from "fast-check";
import { expect, test } from "vitest";
import { contextOf, malformed, octetsOf, valid } from "../../../test/vectors/vectors.ts";
import type { Family } from "../net/address.ts";
import { formatPrefix, parseAddress, parsePrefix } from "../net/text.ts";
import { type AttributeBlock, attributeContextKey, decodeAttributes } from "./attribute-block.ts";
import { encodeAttributes } from "./attribute-encode.ts";
import { decodeMessage } from "./codec.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "./context.ts";
import { isUsable, Refusal } from "./fault.ts";
import { checkHeader, HEADER_OCTETS, messageLengthAt, writeHeader } from "./header.ts";
import { originatedAttributes } from "./path-attributes.ts";
import { PrefixBatch } from "./prefix-batch.ts";
import { decodeUpdate, Update } from "./update.ts";
import { type Packing, packAnnounced } from "./update-pack.ts";

const context: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, extendedNextHop: true };
const plain: Packing = { addPath: false, maxOctets: 4096 };

const anyContext: fc.Arbitrary<DecodeContext> = fc.record({
  as4: fc.boolean(),
  external: fc.boolean(),
  addPath: fc.subarray<Family>([4, 6]),
  extendedNextHop: fc.boolean(),
  extendedMessage: fc.constant(true),
  enhancedRefresh: fc.boolean(),
});

/** All vectors, with some octets behind the header changed, cut or added, and the length made right again. */
const mutated: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom(...[...valid, ...malformed].map(({ hex }) => hex)),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
    fc.uint8Array({ maxLength: 8 }),
    fc.nat(8),
  )
  .map(([hex, changes, more, fewer]) => {
    const original = octetsOf(hex);
    const end = Math.max(HEADER_OCTETS, original.length - fewer);
    const octets = Uint8Array.from([...original.subarray(0, end), ...more]);
    for (const [at, octet] of changes) {
      const span = octets.length - HEADER_OCTETS;
      if (span > 0) octets[HEADER_OCTETS + (at % span)] = octet;
    }
    writeHeader(octets, 0, octets.length, octets[18]!);
    return octets;
  });

/** What a message says, whole and in plain values. */
function read(octets: Uint8Array, negotiated: DecodeContext): unknown {
  if (checkHeader(octets, 0, true) instanceof Refusal) return "refused";
  const message = decodeMessage(octets, negotiated);
  if (message instanceof Refusal) return message;
  if (message.type !== "update") return message;
  const update = new Update();
  const reaction = decodeUpdate(octets, negotiated, update);
  if (reaction === "session-reset") return update.faults;
  return {
    reaction,
    withdrawn: update.withdrawn.map(texts),
    announced: update.announced
      .filter(({ prefixes }) => prefixes.count > 0)
      .map(({ prefixes, block }) => [texts(prefixes), decodeAttributes(block, negotiated)]),
    endOfRib: update.endOfRib,
  };
}

const texts = (batch: PrefixBatch): string[] =>
  Array.from({ length: batch.count }, (_, row) => `${formatPrefix(batch.at(row))} ${batch.pathId[row]}`);

test("no octets make a decoder throw, and none reads what is not its message", () => {
  fc.assert(
    fc.property(mutated, anyContext, fc.nat(255), (octets, negotiated, around) => {
      const pool = new Uint8Array(octets.length + 80).fill(around);
      pool.set(octets, 40);
      const pooled = pool.subarray(40, 40 + octets.length);
      expect(read(pooled, negotiated)).toEqual(read(octets, negotiated));
    }),
    { numRuns: 2000 },
  );
});

test("no attribute is read beyond its block", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      anyContext,
      fc.constantFrom("body", "mp", "nothing"),
      (octets, negotiated, of) => {
        const wider = Uint8Array.of(
          ...new Uint8Array(300).fill(0xff),
          ...octets,
          ...new Uint8Array(300).fill(1),
        );
        // A cut attribute is `decodeUpdate`'s to find; here it ends the walk.
        const alone = decodeAttributes({ octets, start: 0, end: octets.length, of }, negotiated);
        // What cannot be used has a fault that says so.
        const isUsed = alone.attributes !== undefined || of === "nothing";
        if (!isUsed && of === "body") expect(isUsable(alone.reaction)).toBe(false);
        expect(
          decodeAttributes({ octets: wider, start: 300, end: 300 + octets.length, of }, negotiated),
        ).toEqual(alone);
      },
    ),
  );
});

test("what one message leaves behind is not seen in the next", () => {
  const used = new Update();
  fc.assert(
    fc.property(mutated, anyContext, (octets, negotiated) => {
      if (octets[18] !== 2 || octets.length < 23) return;
      const fresh = new Update();
      expect(decodeUpdate(octets, negotiated, used)).toBe(decodeUpdate(octets, negotiated, fresh));
      expect(used.faults).toEqual(fresh.faults);
      if (fresh.faults.length > 0) return;
      expect(used.withdrawn.map(texts)).toEqual(fresh.withdrawn.map(texts));
      expect(used.announced.map(({ prefixes }) => texts(prefixes))).toEqual(
        fresh.announced.map(({ prefixes }) => texts(prefixes)),
      );
    }),
  );
});

function batchOf(family: Family, ...prefixes: string[]): PrefixBatch {
  const batch = new PrefixBatch();
  batch.reset(family);
  for (const text of prefixes) batch.push(parsePrefix(text)!);
  return batch;
}

function announcement(nextHop: string, ...prefixes: string[]): Uint8Array {
  const family = prefixes[0]!.includes(":") ? 6 : 4;
  const out = new Uint8Array(4096);
  const attributes = { ...originatedAttributes(parseAddress(nextHop)!), med: 7 };
  packAnnounced(
    out,
    0,
    encodeAttributes(attributes, family, context),
    batchOf(family, ...prefixes),
    0,
    plain,
  );
  return out.slice(0, messageLengthAt(out, 0));
}

function blockOf(message: Uint8Array): number[] {
  const update = new Update();
  decodeUpdate(message, context, update);
  const { block } = update.announced.find(({ prefixes }) => prefixes.count > 0)!;
  return octetsIn(block);
}

const octetsIn = ({ octets, start, end }: AttributeBlock): number[] => [...octets.subarray(start, end)];

test.each([
  ["IPv4", "192.0.2.1", "192.0.2.2", "10.0.0.0/8", "10.1.0.0/16"],
  ["IPv6", "2001:db8::1", "2001:db8::2", "2001:db8:1::/48", "::/0"],
  ["IPv4 by IPv6", "2001:db8::1", "2001:db8::2", "10.0.0.0/8", "10.1.0.0/16"],
])("%s: a block tells attributes and next hop, not prefixes", (_, hop, other, one, two) => {
  expect(blockOf(announcement(hop, one))).toEqual(blockOf(announcement(hop, two, one)));
  expect(blockOf(announcement(hop, one))).not.toEqual(blockOf(announcement(other, one)));
});

test("a block does not depend on where in it the MP attributes stand", () => {
  // ORIGIN, AS_PATH; MP_REACH_NLRI of 2001:db8:1::/48; MP_UNREACH_NLRI of 2001:db8:2::/48.
  const origin = [0x40, 1, 1, 0];
  const path = [0x40, 2, 0];
  const hop = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const reach = [0x80, 14, 28, 0, 2, 1, 16, ...hop, 0, 48, 0x20, 1, 0xd, 0xb8, 0, 1];
  const unreach = [0x80, 15, 10, 0, 2, 1, 48, 0x20, 1, 0xd, 0xb8, 0, 2];
  const orders = [
    [reach, unreach, origin, path],
    [origin, reach, path, unreach],
    [unreach, origin, path, reach],
  ];
  const blocks = orders.map((parts) => {
    const attributes = parts.flat();
    const body = [0, 0, attributes.length >> 8, attributes.length & 255, ...attributes];
    const message = Uint8Array.from([...new Uint8Array(HEADER_OCTETS), ...body]);
    writeHeader(message, 0, message.length, 2);
    const update = new Update();
    expect(decodeUpdate(message, context, update)).toBeUndefined();
    expect(update.withdrawn.map(texts)).toEqual([[], ["2001:db8:2::/48 0"]]);
    expect(texts(update.announced[1].prefixes)).toEqual(["2001:db8:1::/48 0"]);
    return octetsIn(update.announced[1].block);
  });
  expect(blocks[0]).toEqual([0x90, 14, 0, 20, 0, 2, 1, 16, ...hop, ...origin, ...path]);
  expect(blocks[1]).toEqual(blocks[0]);
  expect(blocks[2]).toEqual(blocks[0]);
});

test("the key of a context tells apart what decodes differently", () => {
  const keys = [true, false].flatMap((as4) =>
    [true, false].map((external) => attributeContextKey({ ...context, as4, external })),
  );
  expect(new Set(keys).size).toBe(4);
});

test("an IPv6 next hop for IPv4 prefixes costs the session where it was not negotiated (RFC 8950 §4)", () => {
  const update = new Update();
  const message = announcement("2001:db8::1", "10.0.0.0/8");
  expect(decodeUpdate(message, { ...context, extendedNextHop: false }, update)).toBe("session-reset");
  expect(decodeUpdate(message, context, update)).toBeUndefined();
});

test("a family that we do not speak is skipped, whatever its attributes", () => {
  // MP_REACH_NLRI of AFI 25, SAFI 70 with a next hop of four octets; ORIGIN 9.
  const attributes = [0x80, 14, 11, 0, 25, 70, 4, 192, 0, 2, 1, 0, 99, 99, 0x40, 1, 1, 9];
  const message = Uint8Array.from([...new Uint8Array(19), 0, 0, 0, attributes.length, ...attributes]);
  const update = new Update();
  expect(decodeUpdate(message, context, update)).toBeUndefined();
  expect(update.announced.map(({ prefixes }) => prefixes.count)).toEqual([0, 0]);
});

test("every vector is as long as its header says, or refused", () => {
  for (const { hex, ctx } of valid) {
    expect(checkHeader(octetsOf(hex), 0, contextOf(ctx).extendedMessage)).toBe(hex.length / 2);
  }
  expect(() => checkHeader(new Uint8Array(18), 0, false)).toThrow(RangeError);
});
