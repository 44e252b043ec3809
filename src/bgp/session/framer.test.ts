import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Refusal } from "../wire/fault.ts";
import { Framer } from "./framer.ts";

/** A message of `length` octets and a body that tells it from others; written by hand, not by our encoder. */
function message(type: number, length: number, fill = 0): Uint8Array {
  const octets = new Uint8Array(length).fill(fill);
  octets.fill(0xff, 0, 16);
  octets[16] = length >> 8;
  octets[17] = length;
  octets[18] = type;
  return octets;
}

const KEEPALIVE = message(4, 19);

function framed(
  framer: Framer,
  chunks: readonly Uint8Array[],
): { messages: Uint8Array[]; refusal?: Refusal } {
  const messages: Uint8Array[] = [];
  for (const chunk of chunks) {
    const refusal = framer.push(chunk, (octets) => {
      messages.push(octets.slice());
      return true;
    });
    if (refusal !== undefined) return { messages, refusal };
  }
  return { messages };
}

const anyMessage = fc.oneof(
  fc.constant(KEEPALIVE),
  fc.tuple(fc.integer({ min: 23, max: 4096 }), fc.nat(255)).map(([length, fill]) => message(2, length, fill)),
  fc.tuple(fc.integer({ min: 21, max: 60 }), fc.nat(255)).map(([length, fill]) => message(3, length, fill)),
);

test("any cut of the stream gives the same messages", () => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 8 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 3000 })),
      (sent, cuts) => {
        const stream = Buffer.concat(sent);
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < stream.length; ) {
          const length = cuts.next().value;
          chunks.push(stream.subarray(at, at + length));
          at += length;
        }
        const framer = new Framer();
        expect(framed(framer, chunks).messages.map((m) => Buffer.from(m))).toEqual(
          sent.map((m) => Buffer.from(m)),
        );
        expect(framer.heldOctets).toBe(0);
      },
    ),
  );
});

test("octet by octet", () => {
  const sent = [KEEPALIVE, message(2, 23, 1), KEEPALIVE];
  const chunks = [...Buffer.concat(sent)].map((octet) => Uint8Array.of(octet));
  expect(framed(new Framer(), chunks).messages).toHaveLength(3);
});

test("a whole message is a window of what came, not a copy", () => {
  const chunk = Uint8Array.from([...KEEPALIVE, ...message(2, 23)]);
  const buffers = new Set<ArrayBufferLike>();
  new Framer().push(chunk, (octets) => {
    buffers.add(octets.buffer);
    return true;
  });
  expect([...buffers]).toEqual([chunk.buffer]);
});

test("no message is handed on after one that was answered with false", () => {
  let taken = 0;
  const framer = new Framer();
  framer.push(Uint8Array.from([...KEEPALIVE, ...KEEPALIVE]), () => ++taken > 1);
  expect(taken).toBe(1);
});

describe("a wrong header is refused before anything is kept for it", () => {
  test.each<[string, Uint8Array, boolean, [number, number]]>([
    ["marker", message(4, 19).fill(0, 3, 4), false, [1, 1]],
    ["4097 octets", message(2, 4097).subarray(0, 19), false, [1, 2]],
    ["type 6", message(6, 23), false, [1, 3]],
    ["a KEEPALIVE of 20", message(4, 20), false, [1, 2]],
  ])("%s", (_, octets, extended, [code, subcode]) => {
    for (const cut of [1, 18, octets.length]) {
      const framer = new Framer();
      framer.extendedMessage = extended;
      const { messages, refusal } = framed(
        framer,
        [octets.subarray(0, cut), octets.subarray(cut)].filter((c) => c.length > 0),
      );
      expect(messages).toEqual([]);
      expect(refusal).toBeInstanceOf(Refusal);
      expect(refusal?.notification).toMatchObject({ code, subcode });
      expect(framer.heldOctets).toBeLessThanOrEqual(19);
    }
  });
});

test("65535 octets with RFC 8654", () => {
  const framer = new Framer();
  framer.extendedMessage = true;
  const long = message(2, 65535, 7);
  const { messages } = framed(framer, [long.subarray(0, 40_000), long.subarray(40_000)]);
  expect(messages.map((m) => m.length)).toEqual([65535]);
});
