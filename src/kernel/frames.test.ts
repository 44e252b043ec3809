import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, type Frame, FrameReader, MAX_FRAME_OCTETS } from "./frames.ts";

const shown = ({ id, code, payload }: Frame): string => `${id} ${code} ${payload.toString("hex")}`;

const frames = fc.array(
  fc.record({ id: fc.nat(0xffffffff), code: fc.nat(255), payload: fc.uint8Array({ maxLength: 50 }) }),
  { maxLength: 8 },
);
/** Octets in which no frame begins, and behind which none can seem to: the magic's first octet is not among them. */
const garbage = fc.uint8Array({ maxLength: 30, max: 0x66 });

test("frames come out as they went in, whatever the cuts and the garbage between them", () => {
  fc.assert(
    fc.property(frames, fc.array(garbage), fc.array(fc.nat(40)), (sent, noise, cuts) => {
      const parts = sent.flatMap((frame, i) => [
        noise[i] ?? Buffer.alloc(0),
        encodeFrame(frame.id, frame.code, frame.payload),
      ]);
      let stream: Buffer = Buffer.concat(parts);
      const reader = new FrameReader();
      const got: string[] = [];
      for (const cut of [...cuts, stream.length]) {
        for (const frame of reader.push(stream.subarray(0, cut))) got.push(shown(frame));
        stream = stream.subarray(cut);
      }
      for (const frame of reader.push(stream)) got.push(shown(frame));
      expect(got).toEqual(sent.map((frame) => shown({ ...frame, payload: Buffer.from(frame.payload) })));
    }),
  );
});

test("no octets make the reader throw", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
      const reader = new FrameReader();
      for (const chunk of chunks) for (const frame of reader.push(Buffer.from(chunk))) shown(frame);
    }),
  );
});

test.each([0, MAX_FRAME_OCTETS + 1, 0xffffffff])(
  "a length of %d is no frame; the next one is read",
  (length) => {
    const broken = encodeFrame(1, 2, Buffer.alloc(0));
    broken.writeUInt32BE(length, 4);
    const reader = new FrameReader();
    const good = encodeFrame(3, 4, Buffer.from("x"));
    const got = [...reader.push(Buffer.concat([broken, good]))];
    expect(got.map(shown)).toEqual(["3 4 78"]);
    expect(reader.discarded).toBe(broken.length);
  },
);

test("a payload that no frame can hold is our bug", () => {
  expect(() => encodeFrame(1, 2, Buffer.alloc(MAX_FRAME_OCTETS))).toThrow(RangeError);
});
