import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPrefix } from "../net/text.ts";
import {
  decodePdu,
  encodeErrorReport,
  encodeResetQuery,
  encodeSerialQuery,
  MOST_PDU_OCTETS,
  type Pdu,
  type PduFault,
} from "./pdu.ts";
import { PduReader } from "./pdu-reader.ts";
import {
  cacheReset,
  endOfData,
  errorReport,
  notify,
  pdu,
  response,
  routerKey,
  vrp,
} from "./testing/cache-octets.ts";

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

describe("what a cache sends is read", () => {
  test.each<[string, Uint8Array, object]>([
    ["notify", notify(1, 0x1234, 7), { version: 1, type: "notify", sessionId: 0x1234, serial: 7 }],
    ["response", response(0, 9), { version: 0, type: "response", sessionId: 9 }],
    [
      "end, version 1",
      endOfData(1, 9, 0xffff_ffff, [1, 2, 3]),
      {
        type: "end",
        serial: 0xffff_ffff,
        intervals: { refreshSeconds: 1, retrySeconds: 2, expireSeconds: 3 },
      },
    ],
    ["end, version 0", endOfData(0, 9, 1), { version: 0, type: "end", serial: 1, intervals: undefined }],
    ["reset", cacheReset(1), { type: "cache-reset" }],
    ["router key", routerKey(1), { type: "router-key" }],
    ["error", errorReport(1, 2, "wait\0"), { type: "error", code: 2, text: "wait" }],
    // A cache of a later version says in that version that it knows no other.
    ["error of version 3", errorReport(3, 4, ""), { version: 1, type: "error", code: 4 }],
  ])("%s", (_what, octets, expected) => {
    expect(decodePdu(octets)).toMatchObject(expected);
  });

  test.each([
    ["10.1.0.0/16-24 AS65001", "10.1.0.0/16", true],
    ["!10.1.0.0/16-24 AS65001", "10.1.0.0/16", false],
    ["2001:db8:0:0:0:0:0:0/32-48 AS4294967295", "2001:db8::/32", true],
    // Bits behind the length mean nothing.
    ["10.1.2.3/16-16 AS0", "10.1.0.0/16", true],
  ])("%s", (text, prefix, announces) => {
    const read = decodePdu(vrp(1, text)) as Pdu & { readonly type: "prefix" };
    expect([read.type, formatPrefix(read.vrp.prefix), read.announces]).toEqual(["prefix", prefix, announces]);
    expect(`-${read.vrp.maxLength} AS${read.vrp.asn}`).toBe(text.slice(text.indexOf("-")));
  });
});

describe("what is wrong has its code (RFC 8210 §12)", () => {
  test.each<[string, Uint8Array, number | undefined]>([
    ["unknown version", response(2, 1), 4],
    ["unknown type", pdu(1, 11, 0, []), 5],
    ["router key in version 0", routerKey(0), 5],
    ["a query", pdu(1, 2, 0, []), 3],
    ["end of version 0 in version 1", pdu(1, 7, 1, [0, 0, 0, 1]), 0],
    ["maximum below the length", vrp(1, "10.0.0.0/16-15 AS1"), 0],
    ["maximum of 33", vrp(1, "10.0.0.0/16-33 AS1"), 0],
    ["length of 129", vrp(1, "0:0:0:0:0:0:0:0/129-129 AS1"), 0],
    ["a router key that is cut", pdu(1, 9, 0, [1, 2, 3]), 0],
    // RFC 8210 §5.11: an Error Report is never answered by one.
    ["an error report that is cut", pdu(1, 10, 0, [0, 0, 0, 9, 1]), undefined],
    ["its text is cut", pdu(1, 10, 0, [0, 0, 0, 0, 0, 0, 0, 9, 1]), undefined],
  ])("%s", (_what, octets, code) => {
    const fault = decodePdu(octets) as PduFault;
    expect([fault.code, typeof fault.why]).toEqual([code, "string"]);
  });
});

test("what a router sends (RFC 8210 §5.3, §5.4, §5.11)", () => {
  expect(hex(encodeResetQuery(1))).toBe("0102000000000008");
  expect(hex(encodeSerialQuery(0, 0x1234, 0xfffffffe))).toBe("000112340000000cfffffffe");
  expect(hex(encodeErrorReport(1, 5, "no", Uint8Array.of(1, 9)))).toBe(
    "010a000500000014000000020109000000026e6f",
  );
});

describe("the reader", () => {
  const sent = [
    notify(1, 1, 2),
    response(1, 1),
    vrp(1, "10.0.0.0/8-24 AS1"),
    endOfData(1, 1, 2),
    errorReport(1, 2, "x"),
  ];
  const whole = Uint8Array.from(sent.flatMap((octets) => [...octets]));

  test("any cut of the stream gives the same PDUs", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (cuts) => {
        const reader = new PduReader();
        const read: unknown[] = [];
        for (let at = 0; at < whole.length; ) {
          const end = Math.min(whole.length, at + (cuts.shift() ?? whole.length));
          reader.push(whole.slice(at, end), (one) => read.push(one) > 0);
          at = end;
        }
        expect(read).toEqual(sent.map(decodePdu));
      }),
    );
  });

  test.each([0, 7, MOST_PDU_OCTETS + 1, 0xffff_ffff])(
    "a length of %i ends it, with its header quoted",
    (length) => {
      const read: unknown[] = [];
      const header = Uint8Array.of(1, 4, 0, 0, length >>> 24, length >>> 16, length >>> 8, length);
      new PduReader().push(
        Uint8Array.of(...header, 1, 2, 3),
        (one, octets) => read.push(one, octets.length) < 0,
      );
      expect(read).toEqual([{ code: 0, why: `a PDU of ${length} octets` }, 8]);
    },
  );

  test("no octets make it throw", () => {
    const mutated = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(mutated, ([at, octet, more]) => {
        const octets = Uint8Array.from([...whole, ...more]);
        octets[at] = octet;
        const reader = new PduReader();
        reader.push(octets, (one) => !("why" in one));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), (octets) => void decodePdu(octets)),
    );
  });
});
