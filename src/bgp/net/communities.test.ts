import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCommunity, formatLargeCommunity, parseCommunity, parseLargeCommunity } from "./communities.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

test.each([
  ["64512:100", 64512 * 65536 + 100],
  ["0:0", 0],
  ["65535:65535", 0xffff_ffff],
  ["no-export", 0xffff_ff01],
  ["no-advertise", 0xffff_ff02],
  ["graceful-shutdown", 0xffff_0000],
  ["blackhole", 0xffff_029a],
])("%s", (text, community) => {
  expect(parseCommunity(text)).toBe(community);
  expect(formatCommunity(community)).toBe(text);
});

test.each([
  "",
  "1",
  "1:",
  ":1",
  "1:2:3",
  "65536:0",
  "0:65536",
  "01:1",
  "1: 2",
  "NO-EXPORT",
  "constructor",
  "-1:1",
])("%j is no community", (text) => {
  expect(parseCommunity(text)).toBeUndefined();
});

test.each(["", "1:2", "1:2:3:4", "4294967296:0:0", "1:02:3", "1:2:x", "1:2:"])(
  "%j is no large community",
  (text) => {
    expect(parseLargeCommunity(text)).toBeUndefined();
  },
);

test("what is printed is what was parsed", () => {
  fc.assert(
    fc.property(u32, fc.tuple(u32, u32, u32), (community, large) => {
      expect(parseCommunity(formatCommunity(community))).toBe(community);
      expect(parseLargeCommunity(formatLargeCommunity(large))).toEqual(large);
    }),
  );
});
