import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, ipv6, prefixOf } from "../net/address.ts";
import { parseAddress, parsePrefix } from "../net/text.ts";
import { encodeMessage } from "../wire/codec.ts";
import { originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import { decodeRecord } from "./decode.ts";
import { encodeRecord } from "./encode.ts";
import { MOST_RECORD_OCTETS, MrtReader } from "./reader.ts";
import type { MrtFault, MrtRecord } from "./record.ts";
import { ribAttributeOctets, ribAttributes } from "./rib-attributes.ts";
import { type MrtRow, MrtRows } from "./rows.ts";
import { tableDump } from "./table-dump.ts";

const u32 = fc.nat(0xffff_ffff);
const u16 = fc.nat(0xffff);
const octets = fc.uint8Array({ maxLength: 80 });
const address: fc.Arbitrary<Address> = fc.oneof(
  u32.map(ipv4),
  fc.tuple(u32, u32, u32, u32).map((words) => ipv6(...words)),
);
const addressOf = (family: 4 | 6): fc.Arbitrary<Address> =>
  address.filter((candidate) => candidate.family === family);
const prefix = fc
  .tuple(address, fc.nat(128))
  .map(([host, length]) => prefixOf(host, Math.min(length, host.family === 4 ? 32 : 128)));
const plain = fc.record({ seconds: u32, microseconds: fc.constant(undefined) });
const timed = fc.record({ seconds: u32, microseconds: fc.option(u32, { nil: undefined }) });

const session = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
  fc.boolean().chain((as4) =>
    fc.record({
      peerAsn: as4 ? u32 : u16,
      localAsn: as4 ? u32 : u16,
      interfaceIndex: u16,
      peer: addressOf(family),
      local: addressOf(family),
      as4: fc.constant(as4),
    }),
  ),
);
const rib = fc.boolean().chain((addPath) =>
  fc.record({
    sequence: u32,
    prefix,
    addPath: fc.constant(addPath),
    entries: fc.array(
      fc.record({
        peer: u16,
        originatedSeconds: u32,
        pathId: addPath ? u32 : fc.constant(0),
        attributes: octets,
      }),
      { maxLength: 4 },
    ),
  }),
);
const record: fc.Arbitrary<MrtRecord> = fc.oneof(
  fc
    .tuple(
      plain,
      fc.record({
        collectorId: u32,
        viewName: fc.string({ unit: "grapheme", maxLength: 12 }),
        peers: fc.array(fc.record({ routerId: u32, address, asn: u32 }), { maxLength: 5 }),
      }),
    )
    .map(([time, table]): MrtRecord => ({ ...time, is: "peer-index-table", ...table })),
  fc.tuple(plain, rib).map(([time, of]): MrtRecord => ({ ...time, is: "rib", ...of })),
  fc
    .tuple(timed, session, fc.boolean(), octets)
    .map(([time, of, addPath, message]): MrtRecord => ({ ...time, is: "message", ...of, addPath, message })),
  fc
    .tuple(timed, session, u16, u16)
    .map(([time, of, before, after]): MrtRecord => ({ ...time, is: "state-change", ...of, before, after })),
  fc
    .tuple(plain, fc.integer({ min: 32, max: 47 }), u16, octets)
    .map(([time, type, subtype, body]): MrtRecord => ({ ...time, is: "unknown", type, subtype, body })),
);

describe("laws", () => {
  test("what is written is read", () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(decodeRecord(encodeRecord(one))).toEqual(one);
      }),
    );
  });

  test("a file reads the same, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 4 }), fc.integer({ min: 1, max: 50 }), (records, step) => {
        const file = joined(records.map(encodeRecord));
        expect(read(file, step)).toEqual(records);
      }),
    );
  });

  test("no octets make the reader throw, and it ends", () => {
    const damaged = fc
      .tuple(fc.array(record, { minLength: 1, maxLength: 3 }), fc.array(fc.tuple(fc.nat(), fc.nat(255))))
      .map(([records, damages]) => {
        const file = joined(records.map(encodeRecord));
        for (const [at, octet] of damages) file[at % file.length] = octet;
        return file;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (file) => {
        const rows = new MrtRows();
        for (const one of read(file, 17))
          for (const row of rows.of(one)) expect(row.what).toBeTypeOf("string");
      }),
      { numRuns: 2000 },
    );
  });

  test("any attributes of a path in a table are read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom<4 | 6>(4, 6), (any, family) => {
        const read = ribAttributes(any, family);
        expect(read === undefined || read.nextHop.family > 0).toBe(true);
      }),
    );
  });
});

function read(file: Uint8Array, step: number): (MrtRecord | MrtFault)[] {
  const reader = new MrtReader();
  const records: (MrtRecord | MrtFault)[] = [];
  for (let at = 0; at < file.length; at += step) records.push(...reader.push(file.subarray(at, at + step)));
  const fault = reader.end();
  return fault === undefined ? records : [...records, fault];
}

function joined(pieces: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from([...pieces].flatMap((piece) => [...piece]));
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

function rowsOf(file: Uint8Array): MrtRow[] {
  const rows = new MrtRows();
  return read(file, 4096).flatMap((one) => [...rows.of(one)]);
}

/** By hand, field by field, from RFC 6396 §4.3. */
const TABLE = `
  00000064 000d 0001 00000017   c0000201 0002 7678 0001   02 c6336402 c6336402 0000fc00
  00000064 000d 0002 00000029   00000000 18 cb0071 0001
    0000 00000032 0017          40 01 01 00   40 02 06 02 01 0000fc00   40 03 04 c6336402   80 04 00`;

describe("octets", () => {
  test("a table built by hand is read; its last attribute is wrong, and is said to be", () => {
    const rows = rowsOf(hex(TABLE));
    expect(rows).toEqual([
      { seconds: 100, what: "peer", peer: "198.51.100.2", asn: 64512 },
      expect.objectContaining({ seconds: 50, prefix: "203.0.113.0/24" }),
    ]);
  });

  const v6 = { ...originatedAttributes(parseAddress("2001:db8::1")!), localPref: 200, med: 5 };
  const paths: readonly (readonly [string, 4 | 6, PathAttributes])[] = [
    ["IPv4", 4, { ...originatedAttributes(parseAddress("192.0.2.9")!), communities: [0xfc00_0064] }],
    ["IPv6", 6, { ...v6, asPath: [{ type: "sequence", asns: [4_200_000_000, 64512] }] }],
    ["IPv6 with a link-local next hop", 6, { ...v6, linkLocalNextHop: parseAddress("fe80::1")! }],
    ["IPv4 over IPv6", 4, v6],
  ];
  test.each(paths)("attributes of %s come back", (_name, family, attributes) => {
    expect(ribAttributes(ribAttributeOctets(attributes, family)!, family)).toEqual(attributes);
  });

  test("a whole MP_REACH_NLRI, as some write it, is read too", () => {
    const whole = hex("400101 00 400200 800e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8");
    const wrongLength = hex("400101 00 400200 800e 05 10 20010db8");
    expect(ribAttributes(whole, 6)?.nextHop).toEqual(parseAddress("2001:db8::1"));
    expect(ribAttributes(wrongLength, 6)).toBeUndefined();
  });

  test("LOCAL_PREF without its Transitive bit, as BIRD writes it, is read", () => {
    expect(ribAttributes(hex("400101 00 400200 400304 c0000201 000504 00000064"), 4)?.localPref).toBe(100);
  });

  test("a length beyond all measure ends the reading, and nothing is kept for it", () => {
    const reader = new MrtReader();
    const head = hex("00000064 000d 0001 ffffffff");
    expect([...reader.push(head)]).toEqual([
      expect.objectContaining({ is: "malformed", why: expect.stringContaining(String(MOST_RECORD_OCTETS)) }),
    ]);
    expect([...reader.push(head)]).toEqual([]);
    expect(reader.end()).toBeUndefined();
  });
});

describe("rows", () => {
  const peer = { routerId: 7, address: parseAddress("198.51.100.2")!, asn: 64512, sinceSeconds: 40 };

  test("a dump is one index, then a path per peer; strangers are left out", () => {
    const attributes = originatedAttributes(parseAddress("198.51.100.2")!);
    const own = originatedAttributes(ipv4(0));
    const dump = tableDump({
      self: { routerId: parseAddress("192.0.2.1")!, asn: 65000 },
      seconds: 100,
      viewName: "gw1",
      peers: [peer],
      routes: [
        {
          prefix: parsePrefix("203.0.113.0/24")!,
          paths: [
            { peer: peer.address, pathId: 0, attributes },
            { peer: parseAddress("198.51.100.99")!, pathId: 0, attributes },
            { peer: undefined, pathId: 0, attributes: own },
          ],
        },
        {
          prefix: parsePrefix("2001:db8::/32")!,
          paths: [{ peer: undefined, pathId: 0, attributes: originatedAttributes(ipv6(0, 0, 0, 0)) }],
        },
        {
          prefix: parsePrefix("203.0.113.9/32")!,
          paths: [7, 4_000_000_000].map((pathId) => ({ peer: peer.address, pathId, attributes })),
        },
      ],
    });
    const rows = rowsOf(joined(dump)).map(({ seconds, what, peer: from, prefix: to, pathId, nextHop }) =>
      [seconds, what, from, to, nextHop, pathId].join(" ").trim(),
    );
    expect(rows).toEqual([
      "100 peer 0.0.0.0",
      "100 peer 198.51.100.2",
      "40 path 198.51.100.2 203.0.113.0/24 198.51.100.2",
      "100 path 0.0.0.0 203.0.113.0/24 192.0.2.1",
      "100 path 0.0.0.0 2001:db8::/32 ::ffff:192.0.2.1",
      "40 path 198.51.100.2 203.0.113.9/32 198.51.100.2 7",
      "40 path 198.51.100.2 203.0.113.9/32 198.51.100.2 4000000000",
    ]);
  });

  test("messages and states", () => {
    const base = {
      seconds: 9,
      microseconds: 1,
      peerAsn: 64512,
      localAsn: 65000,
      interfaceIndex: 0,
      peer: peer.address,
      local: parseAddress("198.51.100.1")!,
      as4: true,
    };
    const message = (of: Uint8Array): MrtRecord => ({ ...base, is: "message", addPath: false, message: of });
    const update = hex(`${"ff".repeat(16)} 0033 02 0004 18 c00002 0014
      40010100 4002060201 0000fc00 400304 c6336402 18 cb0071`);
    const told = [
      { ...base, is: "state-change" as const, before: 5, after: 6 },
      message(encodeMessage({ type: "keepalive" })),
      message(update.slice(0, 21)),
      message(update),
    ].map((one) => [...new MrtRows().of(one)].map((row) => `${row.what} ${row.prefix ?? row.text}`));
    expect(told[0]).toEqual(["state OpenConfirm -> Established"]);
    expect(told[1]).toEqual(["message keepalive"]);
    expect(told[2]).toEqual([expect.stringContaining("malformed")]);
    expect(told[3]).toEqual(["withdraw 192.0.2.0/24", "announce 203.0.113.0/24"]);
  });
});
