import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAsn } from "./asn.ts";

test.each([
  ["1", 1],
  ["64512", 64512],
  ["4294967295", 4294967295],
  ["0.1", 1],
  ["1.10", 65546],
  ["65535.65535", 4294967295],
])("%s is AS %d", (text, asn) => {
  expect(parseAsn(text)).toBe(asn);
});

test.each([
  "",
  "0",
  "0.0",
  "4294967296",
  "01",
  "1.",
  ".1",
  "1.010",
  "1.65536",
  "65536.0",
  "1.2.3",
  "-1",
  " 1",
  "1e3",
  "AS1",
])("%j is none", (text) => {
  expect(parseAsn(text)).toBeUndefined();
});

test("asplain and asdot of one number are the same AS", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (asn) => {
      expect(parseAsn(String(asn))).toBe(asn);
      expect(parseAsn(`${Math.floor(asn / 65536)}.${asn % 65536}`)).toBe(asn);
    }),
  );
});

test("what it accepts is in range, whatever the text", () => {
  const alike = fc.string({ unit: fc.constantFrom(..."0123456789. "), maxLength: 12 });
  fc.assert(
    fc.property(fc.oneof(fc.string(), alike), (text) => {
      const asn = parseAsn(text) ?? 1;
      expect(Number.isInteger(asn) && asn >= 1 && asn <= 0xffff_ffff).toBe(true);
    }),
  );
});
