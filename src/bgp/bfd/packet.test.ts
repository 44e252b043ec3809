import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BfdPacket, decodeBfd, encodeBfd } from "./packet.ts";

/** What bfdd of FRR 8.4 sends while Down: written down octet by octet from RFC 5880 §4.1. */
const DOWN = "20400318 11223344 00000000 000f4240 0000c350 00000000";
/** Up, Poll and C set, diagnostic 1. */
const UP = "21e80518 11223344 aabbccdd 0000c350 000186a0 00000000";

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const changed = (hex: string, at: number, value: number): Uint8Array => octets(hex).with(at, value);

const up: BfdPacket = {
  diagnostic: 1,
  state: "up",
  poll: true,
  final: false,
  independent: true,
  demand: false,
  multiplier: 5,
  myDiscriminator: 0x11223344,
  yourDiscriminator: 0xaabbccdd,
  desiredMinTxUs: 50_000,
  requiredMinRxUs: 100_000,
};

test("a packet means what RFC 5880 §4.1 says, both ways", () => {
  expect(decodeBfd(octets(UP))).toEqual(up);
  expect(encodeBfd(up)).toEqual(octets(UP));
  expect(decodeBfd(octets(DOWN))).toMatchObject({
    state: "down",
    yourDiscriminator: 0,
    desiredMinTxUs: 1_000_000,
  });
});

describe("RFC 5880 §6.8.6: discarded", () => {
  test.each<[string, Uint8Array]>([
    ["another version", changed(UP, 0, 0x41)],
    ["a length less than 24", changed(UP, 3, 23)],
    ["a length of more than there is", changed(UP, 3, 25)],
    ["fewer octets than a header", octets(UP).subarray(0, 23)],
    ["a multiplier of zero", changed(UP, 2, 0)],
    ["multipoint", changed(UP, 1, 0xe9)],
    ["authentication, which is not in use", changed(UP, 1, 0xec)],
    ["my discriminator zero", octets(UP.replace("11223344", "00000000"))],
    ["your discriminator zero while Up", octets(UP.replace("aabbccdd", "00000000"))],
    ["your discriminator zero while Init", changed(DOWN, 1, 0x80)],
  ])("%s", (_, packet) => {
    expect(decodeBfd(packet)).toBeUndefined();
  });
});

test("no octets make the decoder throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (any) => {
      const decoded = decodeBfd(any);
      expect(decoded === undefined || decoded.multiplier > 0).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("what is encoded is decoded to the same", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const packet = fc.record({
    diagnostic: fc.integer({ min: 0, max: 31 }),
    state: fc.constantFrom("admin-down", "down", "init", "up"),
    poll: fc.boolean(),
    final: fc.boolean(),
    independent: fc.boolean(),
    demand: fc.boolean(),
    multiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    yourDiscriminator: fc.integer({ min: 1, max: 0xffff_ffff }),
    desiredMinTxUs: u32,
    requiredMinRxUs: u32,
  });
  fc.assert(
    fc.property(packet, (any) => {
      expect(decodeBfd(encodeBfd(any))).toEqual(any);
    }),
  );
});
