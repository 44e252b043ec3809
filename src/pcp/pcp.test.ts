/** Both protocols as their RFCs draw them: octets are written here by hand, field by field. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { decodeNatPmp, encodeNatPmp } from "./nat-pmp.ts";
import { decodePcp, encodeAnnouncement, encodePcp, RESULT, type Result } from "./pcp.ts";

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
const hexOf = (of: Uint8Array): string => Buffer.from(of).toString("hex");

/** 10.65.0.13. */
const CLIENT = "00000000000000000000ffff0a41000d";
const ANY = "00000000000000000000ffff00000000";
const NONCE = "000102030405060708090a0b";
const MAP = `02 01 0000 00000e10 ${CLIENT} ${NONCE} 11 000000 1b58 1bbc ${ANY}`;

describe("a MAP request", () => {
  test("is read as figures 2 and 9 of RFC 6887 draw it", () => {
    expect(decodePcp(octets(MAP))).toEqual({
      client: ipv4(0x0a41000d),
      request: {
        opcode: "map",
        lifetimeSeconds: 3600,
        nonce: NONCE,
        protocol: 17,
        internalPort: 7000,
        suggestedPort: 7100,
        suggestedAddress: undefined,
        preferFailure: false,
      },
    });
  });

  test.each<[string, string, Result]>([
    ["another version", MAP.replace("02", "01"), "unsupportedVersion"],
    ["a header that is cut short", "02010000", "malformedRequest"],
    ["no whole words", `${MAP}00`, "malformedRequest"],
    ["more than 1100 octets", `${MAP}${"80000000".repeat(300)}`, "malformedRequest"],
    ["no room for what MAP says", `02010000 00000e10 ${CLIENT} 00000000`, "malformedRequest"],
    ["an opcode that is none", MAP.replace("02 01", "02 03"), "unsupportedOpcode"],
    ["PEER", MAP.replace("02 01", "02 02"), "unsupportedOpcode"],
    ["an option that must be understood", `${MAP} 7f000000`, "unsupportedOption"],
    ["THIRD_PARTY", `${MAP} 01000010 ${CLIENT}`, "unsupportedOption"],
    ["FILTER", `${MAP} 03000014 00800000 ${CLIENT}`, "unsupportedOption"],
    ["an option longer than the rest", `${MAP} 80000005 00000000`, "malformedOption"],
    ["PREFER_FAILURE with something in it", `${MAP} 02000004 00000000`, "malformedOption"],
    ["PREFER_FAILURE twice", `${MAP} 02000000 02000000`, "malformedOption"],
    ["PREFER_FAILURE for no port", `${MAP.replace("1bbc", "0000")} 02000000`, "malformedOption"],
    ["PREFER_FAILURE to delete", `${MAP.replace("00000e10", "00000000")} 02000000`, "malformedOption"],
    ["PREFER_FAILURE in an announcement", `02000000 00000000 ${CLIENT} 02000000`, "malformedOption"],
  ])("with %s is refused", (_, request, fault) => {
    expect(decodePcp(octets(request))).toEqual({ fault });
  });

  test("may have options that nobody has to understand", () => {
    expect(decodePcp(octets(`${MAP} 80000005 0102030405000000 02000000`))).toMatchObject({
      request: { preferFailure: true },
    });
  });

  test("to all protocols has no port", () => {
    const all = octets(MAP.replace("11 000000", "00 000000"));
    expect(decodePcp(all)).toMatchObject({ request: { protocol: 0, internalPort: 0 } });
  });

  test.each([
    ["an answer", "0281"],
    ["one octet", "02"],
    ["nothing", ""],
  ])("%s deserves none", (_, hex) => {
    expect(decodePcp(octets(hex))).toBeUndefined();
  });
});

describe("an answer", () => {
  test("says what was assigned where the request suggested it (figure 10)", () => {
    const external = { address: ipv4(0xc633640a), port: 7100 };
    const answer = encodePcp(octets(`${MAP} 80000000`), {
      ...{ result: "success", lifetimeSeconds: 7200, epochSeconds: 5, external },
    });
    const data = `${NONCE} 11 000000 1b58 1bbc 00000000000000000000ffff c633640a`;
    // The option was not understood, and is not said.
    expect(hexOf(answer)).toBe(hexOf(octets(`02 81 00 00 00001c20 00000005 ${"00".repeat(12)} ${data}`)));
  });

  test("to a fault is the request with its header changed", () => {
    const answer = encodePcp(octets(`${MAP} 03000000`), {
      ...{ result: "unsupportedOption", lifetimeSeconds: 1800, epochSeconds: 5 },
    });
    expect(hexOf(answer.subarray(0, 12))).toBe("028100050000070800000005");
    expect(hexOf(answer.subarray(24))).toBe(hexOf(octets(`${MAP} 03000000`).subarray(24)));
  });

  test("whatever the request was: whole words, 1100 octets at most, and nobody answers it", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1300 }),
        fc.constantFrom(...(Object.keys(RESULT) as Result[])),
        (request, result) => {
          fc.pre(request.length >= 2);
          const answer = encodePcp(request, { result, lifetimeSeconds: 30, epochSeconds: 1 });
          expect(answer.length % 4).toBe(0);
          expect(answer.length).toBeGreaterThanOrEqual(24);
          expect(answer.length).toBeLessThanOrEqual(1100);
          expect(decodePcp(answer)).toBeUndefined();
        },
      ),
    );
  });

  test("to nobody: mappings were lost (section 14.1.1)", () => {
    expect(hexOf(encodeAnnouncement(3))).toBe(`0280000000000000${"00000003"}${"00".repeat(12)}`);
  });
});

test("no octets make a decoder throw", () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 1300 }),
    // A request that begins well.
    fc
      .tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 120 }))
      .map(([opcode, rest]) => Uint8Array.from([2, opcode, ...rest])),
  );
  fc.assert(
    fc.property(hostile, (request) => {
      decodePcp(request);
      decodeNatPmp(request);
    }),
  );
});

describe("NAT-PMP", () => {
  const request = "00 01 0000 1b58 1bbc 00000e10";

  test("is read and answered as RFC 6886 section 3.3 draws it", () => {
    expect(decodeNatPmp(octets(request))).toEqual({
      opcode: "map",
      protocol: 17,
      internalPort: 7000,
      suggestedPort: 7100,
      lifetimeSeconds: 3600,
    });
    const mapped = { port: 7101, lifetimeSeconds: 7200 };
    const answer = encodeNatPmp(octets(request), { result: "success", epochSeconds: 9, mapped });
    expect(hexOf(answer)).toBe("00810000000000091b581bbd00001c20");
  });

  test("the external address (section 3.2)", () => {
    expect(decodeNatPmp(octets("0000"))).toEqual({ opcode: "address" });
    const answer = { result: "success", epochSeconds: 9, address: ipv4(0xc633640a) } as const;
    expect(hexOf(encodeNatPmp(octets("0000"), answer))).toBe("0080000000000009c633640a");
  });

  test.each<[string, string, unknown]>([
    ["an answer", "0080", undefined],
    ["a mapping that is cut short", "0001 0000 1b58", undefined],
    ["an operation that is none", "0003", { opcode: "unsupported" }],
  ])("%s", (_, hex, expected) => {
    expect(decodeNatPmp(octets(hex))).toEqual(expected);
  });
});
