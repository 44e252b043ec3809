import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, type Family, ipv4, ipv6, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { decodeAdvertisements, decodeInterfaces, encodeAdvertisements } from "./advertisement-commands.ts";
import {
  decodeLinkChanges,
  decodeRows,
  decodeSettings,
  decodeTranslation,
  encodeJson,
  encodePrefixes,
  encodeRoutes,
  type KernelRoute,
  prefixAt,
  ROW_OCTETS,
  routesOf,
  type Target,
} from "./commands.ts";
import { InvalidCommand, parseJson } from "./fields.ts";

const word = fc.nat(0xffffffff);
const address: fc.Arbitrary<Address> = fc.oneof(
  word.map(ipv4),
  fc.tuple(word, word, word, word).map((words) => ipv6(...words)),
);
const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(address, fc.nat(128))
  .map(([one, length]) => prefixOf(one, one.family === 4 ? length % 33 : length));
const name = fc
  .stringMatching(/^[a-z][a-z0-9.@-]{0,14}$/)
  .filter((text) => !["all", "default"].includes(text));
const members = <Member>(of: fc.Arbitrary<Member>): fc.Arbitrary<Member[]> =>
  fc.uniqueArray(of, { minLength: 1, maxLength: 4, selector: (member) => JSON.stringify(member) });
const target: fc.Arbitrary<Target> = fc.oneof(
  fc.record({ to: fc.constant("link" as const), interface: name }),
  fc.record({
    to: fc.constant("discard" as const),
    how: fc.constantFrom("blackhole" as const, "unreachable" as const),
  }),
  fc.record({
    to: fc.constant("via" as const),
    nextHops: members(fc.record({ address, interface: name })),
    resilient: fc.boolean(),
  }),
  fc.record({ to: fc.constant("links" as const), interfaces: members(name) }),
);
const routes: fc.Arbitrary<KernelRoute[]> = fc.array(fc.record({ prefix, target }), { maxLength: 20 });

test("routes come out as they went in", () => {
  fc.assert(
    fc.property(routes, (sent) => {
      expect(routesOf(decodeRows(encodeRoutes(sent, 0, sent.length), true))).toEqual(sent);
    }),
  );
});

test("a range of routes is that range, and equal targets are sent once", () => {
  const to: Target = { to: "link", interface: "tap0" };
  const all = [1, 2, 3, 4].map((i) => ({ prefix: prefixOf(ipv4(i), 32), target: { ...to } }));
  const rows = decodeRows(encodeRoutes(all, 1, 2), true);
  expect(routesOf(rows)).toEqual(all.slice(1, 3));
  expect(rows.targets).toHaveLength(1);
});

test("prefixes come out as they went in", () => {
  fc.assert(
    fc.property(fc.array(prefix), (sent) => {
      const { count, rows } = decodeRows(encodePrefixes(sent, 0, sent.length), false);
      expect(Array.from({ length: count }, (_, i) => prefixAt(rows, i))).toEqual(sent);
    }),
  );
});

describe("a router advertisement is one, and no other packet goes out", () => {
  const message = Uint8Array.from([134, ...new Array<number>(15).fill(0)]);
  const asked = (changed: Uint8Array): Buffer =>
    encodeAdvertisements([{ interface: "tap1", message: changed }]);

  test("as it was given", () => {
    expect(decodeAdvertisements(asked(message))).toEqual([
      { interface: "tap1", message: Buffer.from(message) },
    ]);
  });

  test.each<[string, Buffer]>([
    ["another type", asked(Uint8Array.from([136, ...message.slice(1)]))],
    ["too short", asked(message.slice(1))],
    ["more than a link carries", asked(Uint8Array.from([...message, ...new Array<number>(1225).fill(0)]))],
    ["none", encodeJson([["tap1"]])],
    ["over no interface", encodeJson([["tap/1", Buffer.from(message).toString("base64")]])],
  ])("%s", (_name, payload) => {
    expect(() => decodeAdvertisements(payload)).toThrow(InvalidCommand);
  });
});

describe("what is not as it must be is an InvalidCommand and nothing else", () => {
  const decoders: readonly [string, (octets: Buffer) => unknown][] = [
    ["rows with targets", (octets) => decodeRows(octets, true)],
    ["rows", (octets) => decodeRows(octets, false)],
    ["translation", decodeTranslation],
    ["interfaces", decodeInterfaces],
    ["advertisements", decodeAdvertisements],
    ["settings", (octets) => decodeSettings(octets.toString("latin1"))],
    ["links", (octets) => decodeLinkChanges(parseJson(octets))],
  ];
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.tuple(routes, fc.nat(), fc.nat(255)).map(([sent, at, value]) => {
      const payload = encodeRoutes(sent, 0, sent.length);
      payload[at % payload.length] = value;
      return payload;
    }),
  );
  test.each(decoders)("%s", (_name, decode) => {
    fc.assert(
      fc.property(octets, (payload) => {
        try {
          decode(Buffer.from(payload));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidCommand);
        }
      }),
    );
  });
});

function oneRow(change: (row: Buffer) => void): Buffer {
  const payload = encodePrefixes([prefixOf(ipv4(0x0a000000), 8)], 0, 1);
  change(payload.subarray(payload.length - ROW_OCTETS));
  return payload;
}

test.each<[string, (row: Buffer) => void, string]>([
  ["a family that is none", (row) => row.writeUInt8(5, 0), "family 5"],
  ["a length beyond the family's", (row) => row.writeUInt8(33, 1), "length 33"],
  ["host bits", (row) => row.writeUInt8(1, 11), "host bits"],
  ["words that IPv4 has not", (row) => row.writeUInt8(1, 23), "host bits"],
  ["a target that is not there", (row) => row.writeUInt8(1, 7), "no target 1"],
])("a row with %s is refused", (_name, change, message) => {
  expect(() => decodeRows(oneRow(change), true)).toThrow(message);
});

const hop = (weight: number): object => ({ address: "192.0.2.1", interface: "d0", weight });

test.each<[unknown, string]>([
  [{ to: "nowhere" }, "target to nowhere"],
  [{ to: "link", interface: "a/b" }, "name of an interface"],
  [{ to: "link", interface: "a b" }, "name of an interface"],
  [{ to: "link", interface: "sixteen-letters-" }, "name of an interface"],
  [{ to: "link", interface: ".." }, "name of an interface"],
  [{ to: "discard", how: "softly" }, "how softly"],
  [{ to: "via", nextHops: [], resilient: true }, "without members"],
  [{ to: "via", nextHops: [{ address: "1.2.3", interface: "d0" }], resilient: true }, "not an address"],
  [{ to: "via", nextHops: [{ address: "1.2.3.4", interface: "d0" }] }, "resilient"],
  [{ to: "links", interfaces: ["a", "a"] }, "twice"],
  [{ to: "via", nextHops: [hop(1), hop(2)], resilient: false }, "twice"],
  [{ to: "via", nextHops: [hop(0)], resilient: false }, "from 1 to 256"],
  [{ to: "via", nextHops: [hop(257)], resilient: false }, "from 1 to 256"],
  ["via", "not an object"],
])("the target %j stands alone with its fault", (wrong, message) => {
  const targets = Buffer.from(JSON.stringify([wrong, { to: "discard", how: "blackhole" }]));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(targets.length);
  const [fault, good] = decodeRows(Buffer.concat([length, targets]), true).targets;
  expect(fault).toBeInstanceOf(InvalidCommand);
  expect(String(fault)).toContain(message);
  expect(good).toEqual({ to: "discard", how: "blackhole" });
});

test("addresses travel as text", () => {
  const family: Family = 4;
  const sent = { public: { ...ipv4(0x01020304), family }, private: ipv4(0x0a000001) };
  expect(encodeJson(sent).toString()).toBe('{"public":"1.2.3.4","private":"10.0.0.1"}');
  expect(decodeTranslation(encodeJson(sent))).toEqual(sent);
  const ports = { protocol: "udp", first: 53, last: 54 } as const;
  expect(decodeTranslation(encodeJson({ ...sent, ports }))).toEqual({ ...sent, ports });
});
