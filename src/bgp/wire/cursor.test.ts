import { expect, test } from "vitest";
import { Cursor } from "./cursor.ts";

test("reads numbers in network order and says what is left", () => {
  const cursor = new Cursor(Uint8Array.of(1, 2, 3, 4, 5, 6, 0xff, 0xff, 0xff, 0xff, 7, 8));
  expect([cursor.peek(), cursor.u8(), cursor.u16(), cursor.u24()]).toEqual([1, 1, 0x0203, 0x040506]);
  expect([cursor.u32(), cursor.left]).toEqual([0xffff_ffff, 2]);
  expect(cursor.copy()).toEqual(Uint8Array.of(7, 8));
});

test("a window cannot read its parent's octets, nor a parent the pool that it lies in", () => {
  const message = new Cursor(new Uint8Array(64).subarray(8, 13));
  const attribute = message.window(2);
  expect(() => attribute.window(3)).toThrow(RangeError);
  expect(() => attribute.u32()).toThrow(RangeError);
  expect(() => message.copy(4)).toThrow(RangeError);
  expect(message.left).toBe(3);
  expect(() => new Cursor(new Uint8Array(0)).peek()).toThrow(RangeError);
});

test.each([
  [-1, 2],
  [3, 2],
  [0, 5],
])("no window is opened from %d to %d of four octets", (start, end) => {
  expect(() => new Cursor(new Uint8Array(4), start, end)).toThrow(RangeError);
});

test("what is copied does not change with the buffer", () => {
  const buffer = Uint8Array.of(1, 2, 3);
  const copy = new Cursor(buffer).copy();
  buffer.fill(9);
  expect(copy).toEqual(Uint8Array.of(1, 2, 3));
});
