import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { parseAddress, parsePrefix } from "../bgp/net/text.ts";
import { allBlocks, type BlockPlan } from "../model/blocks.ts";
import { blockChanges } from "./blocks.ts";
import { ipfix } from "./ipfix.ts";
import type { BlockRecord, Encoder, LimitRecord, LogRecord, Out, SessionRecord } from "./record.ts";
import { jsonLines, syslog } from "./text.ts";

const word = (text: string): number => (parseAddress(text) ?? ipv4(0)).w0;
const AT = Date.parse("2026-11-22T10:00:00.000Z");

const SESSION: SessionRecord = {
  ...{ kind: "session", atMs: AT, ended: false, outbound: true, protocol: 6 },
  ...{ private: word("10.65.0.13"), privatePort: 41_000 },
  ...{ public: word("198.51.100.10"), publicPort: 3127 },
  ...{ remote: word("192.0.2.80"), remotePort: 443 },
};
const BLOCK: BlockRecord = {
  ...{ kind: "block", atMs: AT, taken: false, private: word("10.65.0.2"), public: word("198.51.100.10") },
  ...{ first: 3072, last: 4095 },
};
const LIMIT: LimitRecord = {
  ...{ kind: "limit", atMs: AT, limit: "sessions", private: word("10.65.0.1"), most: 40 },
};

interface Piece {
  readonly octets: Uint8Array;
  readonly records: number;
}

function encoded(encoder: (out: Out) => Encoder, records: readonly LogRecord[]): Piece[] {
  const pieces: Piece[] = [];
  const made = encoder((octets, count) => pieces.push({ octets, records: count }));
  for (const record of records) made.add(record);
  made.flush();
  return pieces;
}

const text = (pieces: readonly Piece[]): string =>
  pieces.map(({ octets }) => new TextDecoder().decode(octets)).join("");
const timeText = (atMs: number): string => new Date(atMs).toISOString();

describe("JSON lines", () => {
  const lines = (destinations: boolean, ...records: readonly LogRecord[]): unknown[] =>
    text(encoded((out) => jsonLines({ destinations }, timeText, out), records))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const time = "2026-11-22T10:00:00.000Z";
  const sides = { private: "10.65.0.13:41000", public: "198.51.100.10:3127" };

  test.each<[string, LogRecord, object]>([
    ["a session", SESSION, { event: "session.created", protocol: "tcp", direction: "out", ...sides }],
    [
      "its end",
      { ...SESSION, ended: true, outbound: false, protocol: 47 },
      { event: "session.ended", protocol: "47", direction: "in", ...sides },
    ],
    [
      "a block",
      BLOCK,
      { event: "block.given", private: "10.65.0.2", public: "198.51.100.10", ports: "3072-4095" },
    ],
    ["a limit", LIMIT, { event: "limit.hit", limit: "sessions", private: "10.65.0.1", most: 40 }],
  ])("%s", (_, record, facts) => {
    expect(lines(false, record)).toEqual([{ time, ...facts }]);
  });

  test("RFC 6888 REQ-12: whom a session is with only where that is wanted", () => {
    expect(lines(true, SESSION)).toEqual([expect.objectContaining({ remote: "192.0.2.80:443" })]);
    expect(JSON.stringify(lines(false, SESSION))).not.toContain("192.0.2.80");
  });
});

describe("syslog", () => {
  const options = { destinations: false, hostname: "gw1", framed: false };

  test("RFC 5424 §6: a message a datagram", () => {
    const pieces = encoded((out) => syslog(options, timeText, out), [SESSION, LIMIT]);
    expect(pieces.map(({ records }) => records)).toEqual([1, 1]);
    const [session = "", limit = ""] = pieces.map((piece) => text([piece]));
    expect(session).toMatch(/^<134>1 2026-11-22T10:00:00\.000Z gw1 gatewayd - session\.created - \{.*\}$/);
    expect(limit).toMatch(/^<132>1 .* limit\.hit - \{.*\}$/);
  });

  test("RFC 6587 §3.4.1: over a stream each stands behind its length", () => {
    let stream = text(
      encoded((out) => syslog({ ...options, framed: true }, timeText, out), [SESSION, BLOCK]),
    );
    const messages: string[] = [];
    while (stream !== "") {
      const length = Number.parseInt(stream, 10);
      const from = stream.indexOf(" ") + 1;
      messages.push(stream.slice(from, from + length));
      stream = stream.slice(from + length);
    }
    expect(messages).toHaveLength(2);
    for (const message of messages) expect(message).toMatch(/^<134>1 .*\}$/);
  });
});

/** A decoder of its own (RFC 7011 §3): templates as they come, records as numbers by element. */
class Collector {
  readonly records: Map<number, number>[] = [];
  readonly sequences: number[] = [];
  readonly #fields = new Map<number, readonly (readonly [number, number])[]>();

  take(octets: Uint8Array): void {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    expect([view.getUint16(0), view.getUint16(2)]).toEqual([10, octets.length]);
    this.sequences.push(view.getUint32(8));
    for (let at = 16; at < octets.length; at += view.getUint16(at + 2)) {
      const [id, end] = [view.getUint16(at), at + view.getUint16(at + 2)];
      expect(end).toBeLessThanOrEqual(octets.length);
      if (id === 2) this.#templates(view, at + 4, end);
      else this.#data(view, at + 4, end, id);
    }
  }

  #templates(view: DataView, from: number, end: number): void {
    for (let at = from; at < end; ) {
      const [id, count] = [view.getUint16(at), view.getUint16(at + 2)];
      const fields = Array.from({ length: count }, (_, i): [number, number] => [
        view.getUint16(at + 4 + 4 * i),
        view.getUint16(at + 6 + 4 * i),
      ]);
      this.#fields.set(id, fields);
      at += 4 + 4 * count;
    }
  }

  #data(view: DataView, from: number, end: number, id: number): void {
    const fields = this.#fields.get(id);
    if (fields === undefined) throw new Error(`no template ${id}`);
    for (let at = from; at < end; ) {
      const record = new Map<number, number>();
      for (const [element, length] of fields) {
        let value = 0;
        for (let i = 0; i < length; i++) value = value * 256 + view.getUint8(at++);
        record.set(element, value);
      }
      this.records.push(record);
    }
  }
}

const OPTIONS = { destinations: true, domain: 7, messageOctets: 512, templatesMs: 60_000 };

function collected(records: readonly LogRecord[], options: typeof OPTIONS = OPTIONS): Collector {
  const collector = new Collector();
  for (const { octets } of encoded((out) => ipfix(options, out), records)) collector.take(octets);
  return collector;
}

describe("IPFIX", () => {
  test.each<[string, LogRecord, Record<number, number>]>([
    [
      "a session",
      SESSION,
      {
        ...{ 323: AT, 230: 4, 229: 1, 4: 6, 8: SESSION.private, 225: SESSION.public },
        ...{ 7: 41_000, 227: 3127, 12: SESSION.remote, 11: 443 },
      },
    ],
    [
      "a block",
      { ...BLOCK, taken: true },
      { 323: AT, 230: 17, 8: BLOCK.private, 225: BLOCK.public, 361: 3072, 362: 4095 },
    ],
    ["a limit", LIMIT, { 323: AT, 230: 13, 8: LIMIT.private, 466: 3, 473: 40 }],
  ])("RFC 8158: %s", (_, record, elements) => {
    expect(collected([record]).records.map((found) => Object.fromEntries(found))).toEqual([elements]);
  });

  test("RFC 6888 REQ-12: without destinations there is no element for them", () => {
    const [record] = collected([SESSION], { ...OPTIONS, destinations: false }).records;
    expect([...(record?.keys() ?? [])]).not.toContain(12);
  });

  const port = fc.integer({ min: 0, max: 65_535 });
  const some = fc.integer({ min: 0, max: 0xffffffff });
  const record: fc.Arbitrary<LogRecord> = fc.oneof(
    fc.record<SessionRecord>({
      ...{ kind: fc.constant("session"), atMs: fc.integer({ min: AT, max: AT + 200_000 }) },
      ...{ ended: fc.boolean(), outbound: fc.boolean(), protocol: fc.integer({ min: 0, max: 255 }) },
      ...{ private: some, privatePort: port, public: some, publicPort: port, remote: some, remotePort: port },
    }),
    fc.record<BlockRecord>({
      ...{ kind: fc.constant("block"), atMs: fc.constant(AT), taken: fc.boolean() },
      ...{ private: some, public: some, first: port, last: port },
    }),
    fc.record<LimitRecord>({
      ...{ kind: fc.constant("limit"), atMs: fc.constant(AT), limit: fc.constant("rate") },
      ...{ private: some, most: some },
    }),
  );

  test("whatever the records, a collector has all of them, in messages that are no longer than they may be", () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 200 }),
        fc.integer({ min: 512, max: 2000 }),
        (records, most) => {
          const pieces = encoded((out) => ipfix({ ...OPTIONS, messageOctets: most }, out), records);
          expect(pieces.every(({ octets }) => octets.length <= most)).toBe(true);
          const collector = new Collector();
          for (const { octets } of pieces) collector.take(octets);
          expect(collector.records.map((found) => found.get(8))).toEqual(records.map((r) => r.private));
          // RFC 7011 §3.1: the number of all data records before.
          let before = 0;
          for (const [i, { records: count }] of pieces.entries()) {
            expect(collector.sequences[i]).toBe(before);
            before += count;
          }
        },
      ),
    );
  });

  test("RFC 7011 §8.4: over datagrams the templates come again, over a stream they do not", () => {
    const minutes = Array.from({ length: 5 }, (_, i) => ({ ...SESSION, atMs: AT + i * 30_000 }));
    const templates = (templatesMs: number | undefined): number[] => {
      const pieces: Piece[] = [];
      const encoder = ipfix({ ...OPTIONS, templatesMs }, (octets, records) =>
        pieces.push({ octets, records }),
      );
      for (const each of minutes) {
        encoder.add(each);
        encoder.flush();
      }
      return pieces.map(({ octets }) => new DataView(octets.buffer).getUint16(16));
    };
    expect(templates(60_000)).toEqual([2, 257, 2, 257, 2]);
    expect(templates(undefined)).toEqual([2, 257, 257, 257, 257]);
  });
});

describe("blocks", () => {
  const plan = (ranges: readonly string[], blockSize = 512): BlockPlan => ({
    private: ranges.map((range) => parsePrefix(range)!),
    pools: [{ addresses: [parseAddress("198.51.100.10")!], ports: { first: 1024, last: 65_535 }, blockSize }],
  });
  const RANGES = ["10.65.0.0/28", "10.66.0.0/28", "10.67.0.0/29"];
  const anyPlan = fc
    .tuple(fc.shuffledSubarray(RANGES), fc.constantFrom(512, 1024))
    .map(([ranges, blockSize]) => (ranges.length === 0 ? undefined : plan(ranges, blockSize)));

  const textOf = (outer: number, first: number, last: number): string => `${ipv4(outer).w0} ${first}-${last}`;

  /** What a listener knows after one more change. */
  function heard(known: ReadonlyMap<number, string>, changes: Iterable<BlockRecord>): Map<number, string> {
    const after = new Map(known);
    for (const { private: inner, public: outer, first, last, taken } of changes) {
      const block = textOf(outer, first, last);
      expect(after.get(inner)).toBe(taken ? block : undefined);
      if (taken) after.delete(inner);
      else after.set(inner, block);
    }
    return after;
  }

  function blocksOf(of: BlockPlan | undefined): Map<number, string> {
    const blocks = of === undefined ? [] : [...allBlocks(of)];
    return new Map(
      blocks.map(([holder, { address, ports }]) => [holder.w0, textOf(address.w0, ports.first, ports.last)]),
    );
  }

  test("who heard of every change knows every block", () => {
    fc.assert(
      fc.property(fc.array(anyPlan, { maxLength: 5 }), (plans) => {
        let known = new Map<number, string>();
        for (const [i, after] of plans.entries()) {
          known = heard(known, blockChanges(plans[i - 1], after, 0));
          expect(known).toEqual(blocksOf(after));
        }
      }),
    );
  });

  test("nothing changes where nothing differs", () => {
    expect([...blockChanges(plan(RANGES), plan(RANGES), 0)]).toEqual([]);
  });
});
