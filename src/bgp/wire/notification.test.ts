import fc from "fast-check";
import { expect, test } from "vitest";
import {
  cease,
  decodeNotification,
  describeNotification,
  encodeNotification,
  hardReset,
  shutdownCommunication,
  unwrapHardReset,
} from "./notification.ts";

const notification = fc.record({
  code: fc.nat(255),
  subcode: fc.nat(255),
  data: fc.uint8Array({ maxLength: 300 }),
});

test("a NOTIFICATION survives the wire, a hard reset gives back its reason, and all can be said in words", () => {
  fc.assert(
    fc.property(notification, (each) => {
      expect(decodeNotification(encodeNotification(each))).toEqual(each);
      expect(unwrapHardReset(hardReset(each))).toEqual(each);
      expect(describeNotification(each).length).toBeGreaterThan(0);
      expect(typeof shutdownCommunication(each)).toMatch(/string|undefined/);
    }),
  );
});

test.each([
  [1, 1, "Message Header Error: Connection Not Synchronized"],
  [2, 6, "OPEN Message Error: Unacceptable Hold Time"],
  [3, 11, "UPDATE Message Error: Malformed AS_PATH"],
  [4, 0, "Hold Timer Expired"],
  [5, 3, "Finite State Machine Error: Receive Unexpected Message in Established State"],
  [6, 2, "Cease: Administrative Shutdown"],
  [6, 77, "Cease: subcode 77"],
  [7, 1, "ROUTE-REFRESH Message Error: Invalid Message Length"],
  [99, 1, "code 99, subcode 1"],
])("%d/%d is %s", (code, subcode, words) => {
  expect(describeNotification({ code, subcode, data: new Uint8Array(0) })).toBe(words);
});

test("a hard reset is told with its reason", () => {
  expect(describeNotification(hardReset(cease(2, "maintenance")))).toBe(
    "Cease: Hard Reset (Cease: Administrative Shutdown)",
  );
});

test("words for the other side are cut between characters at 255 octets", () => {
  const { data } = cease(2, "é".repeat(200));
  expect(data.length).toBe(1 + 254);
  expect(shutdownCommunication(cease(2, "é".repeat(200)))).toBe("é".repeat(127));
});

test("only shutdown and reset carry words", () => {
  expect(cease(4, "back at 4").data.length).toBe(10);
  expect(cease(3, "never said").data.length).toBe(0);
  expect(shutdownCommunication({ ...cease(2, "x"), subcode: 3 })).toBeUndefined();
});

test.each([
  ["nothing", []],
  ["a length beyond the end", [3, 65]],
  ["octets that are not UTF-8", [1, 0xff]],
])("%s is no communication", (_, octets) => {
  expect(shutdownCommunication({ code: 6, subcode: 2, data: Uint8Array.from(octets) })).toBeUndefined();
});
