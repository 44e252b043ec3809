import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Refusal } from "./fault.ts";
import type { Capability, Open } from "./messages.ts";
import { asnOf, capability, decodeOpen, encodeOpen, familiesOf } from "./open.ts";
import { checkOpen } from "./open-check.ts";
import { ROLES, type Role } from "./roles.ts";

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const family = { afi: u16, safi: u8 };
const text = fc.string({ unit: "grapheme-ascii", maxLength: 60 });

const anyCapability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ is: fc.constant("multiprotocol" as const), ...family }),
  fc.constantFrom<Capability>(
    { is: "route-refresh" },
    { is: "extended-message" },
    { is: "enhanced-route-refresh" },
  ),
  fc.record({
    is: fc.constant("extended-next-hop" as const),
    tuples: fc.array(fc.record({ afi: u16, safi: u16, nextHopAfi: u16 }), { maxLength: 5 }),
  }),
  fc.record({ is: fc.constant("role" as const), role: u8 }),
  fc.record({
    is: fc.constant("graceful-restart" as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    restartSeconds: fc.nat(4095),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean() }), { maxLength: 5 }),
  }),
  fc.record({ is: fc.constant("four-octet-as" as const), asn: u32 }),
  fc.record({
    is: fc.constant("add-path" as const),
    families: fc.array(
      fc.record({ ...family, mode: fc.constantFrom("receive" as const, "send" as const, "both" as const) }),
      { maxLength: 5 },
    ),
  }),
  fc.record({
    is: fc.constant("long-lived-graceful-restart" as const),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean(), staleSeconds: fc.nat(0xff_ffff) }), {
      maxLength: 5,
    }),
  }),
  fc.record({ is: fc.constant("fqdn" as const), hostname: text, domain: text }),
  fc.record({
    is: fc.constant("unknown" as const),
    code: fc.integer({ min: 128, max: 255 }),
    value: fc.uint8Array({ maxLength: 255 }),
  }),
);

const anyOpen: fc.Arbitrary<Open> = fc.record({
  asn: u16,
  holdSeconds: u16,
  routerId: u32,
  capabilities: fc.array(anyCapability, { maxLength: 12 }),
});

test("an OPEN survives the wire, in the extended format too", () => {
  fc.assert(
    fc.property(anyOpen, (open) => {
      const message = encodeOpen(open);
      expect(message[16]! * 256 + message[17]!).toBe(message.length);
      expect(decodeOpen(message)).toEqual(open);
    }),
  );
});

test("no octets make the decoder throw", () => {
  const body = fc.uint8Array({ minLength: 10, maxLength: 300 });
  // A version and a capability parameter, so that the octets get past the first checks.
  const likely = fc
    .tuple(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.uint8Array({ maxLength: 250 }))
    .map(([fixed, rest]) => Uint8Array.of(4, ...fixed, rest.length + 2, 2, rest.length, ...rest));
  fc.assert(
    fc.property(fc.oneof(body, likely), (octets) => {
      const open = decodeOpen(Uint8Array.of(...new Uint8Array(19), ...octets));
      if (open instanceof Refusal) expect(open.notification.code).toBe(2);
      else expect(decodeOpen(encodeOpen(open))).toEqual(open);
    }),
  );
});

test("more than 255 octets of capabilities go out in the format of RFC 9072", () => {
  const value = new Uint8Array(200).fill(7);
  const capabilities: Capability[] = [1, 2].map((code) => ({ is: "unknown", code: 200 + code, value }));
  const message = encodeOpen({ asn: 64512, holdSeconds: 90, routerId: 0xc0000201, capabilities });
  expect([...message.subarray(19, 37)]).toEqual([
    4,
    0xfc,
    0x00,
    0,
    90,
    192,
    0,
    2,
    1,
    255,
    255,
    407 >> 8,
    407 & 255,
    2,
    404 >> 8,
    404 & 255,
    201,
    200,
  ]);
});

const bare: Open = { asn: 64512, holdSeconds: 90, routerId: 0xc0000201, capabilities: [] };

test("the capability tells the AS number, else the field does", () => {
  expect(asnOf(bare)).toBe(64512);
  expect(asnOf({ ...bare, asn: 23456, capabilities: [{ is: "four-octet-as", asn: 70000 }] })).toBe(70000);
});

test("families are those offered and understood; IPv4 when none is offered", () => {
  const offers = (...pairs: [number, number][]): Open => ({
    ...bare,
    capabilities: pairs.map(([afi, safi]) => ({ is: "multiprotocol", afi, safi })),
  });
  expect(familiesOf(bare)).toEqual([4]);
  expect(familiesOf(offers([2, 1], [2, 1], [1, 128]))).toEqual([6]);
  expect(familiesOf(offers([25, 70]))).toEqual([]);
  expect(capability(offers([2, 1]), "multiprotocol")?.afi).toBe(2);
  expect(capability(bare, "add-path")).toBeUndefined();
});

describe("an OPEN is judged by what is configured", () => {
  const expected = { localAsn: 65000, remoteAsn: 64512, localRouterId: 0x0a000001 };
  test.each<[string, Partial<Open>, Partial<typeof expected>, number | undefined]>([
    ["as expected", {}, {}, undefined],
    ["hold time 0", { holdSeconds: 0 }, {}, undefined],
    ["hold time 3", { holdSeconds: 3 }, {}, undefined],
    ["hold time 2", { holdSeconds: 2 }, {}, 6],
    ["another AS", { asn: 64513 }, {}, 2],
    ["AS 0 in the field", { asn: 0, capabilities: [{ is: "four-octet-as", asn: 64512 }] }, {}, 2],
    ["identifier 0", { routerId: 0 }, {}, 3],
    ["our identifier, another AS", { routerId: 0x0a000001 }, {}, undefined],
    ["our identifier, our AS", { routerId: 0x0a000001 }, { localAsn: 64512 }, 3],
  ])("%s", (_, open, differing, subcode) => {
    const refusal = checkOpen({ ...bare, ...open }, { ...expected, ...differing });
    expect(refusal?.notification.subcode).toBe(subcode);
  });
});

describe("roles (RFC 9234 §4.2)", () => {
  const CODES = { provider: 0, rs: 1, "rs-client": 2, customer: 3, peer: 4 } as const;
  const PAIRS = ["provider customer", "customer provider", "rs rs-client", "rs-client rs", "peer peer"];
  const expected = { localAsn: 65000, remoteAsn: 64512, localRouterId: 0x0a000001 };
  const subcodeFor = (role: Role | undefined, theirs: readonly number[], strictRole = false) => {
    const capabilities = theirs.map((code): Capability => ({ is: "role", role: code }));
    return checkOpen({ ...bare, capabilities }, { ...expected, role, strictRole })?.notification.subcode;
  };

  test.each(ROLES.flatMap((ours) => ROLES.map((theirs) => [ours, theirs] as const)))(
    "%s and %s",
    (ours, theirs) => {
      const wanted = PAIRS.includes(`${ours} ${theirs}`) ? undefined : 11;
      expect(subcodeFor(ours, [CODES[theirs]])).toBe(wanted);
      expect(subcodeFor(ours, [CODES[theirs], CODES[theirs]], true)).toBe(wanted);
      expect(subcodeFor(undefined, [CODES[theirs]], true), "without a role of ours").toBeUndefined();
    },
  );

  test.each(ROLES)("%s: a peer that says nothing, or what we do not know, or two things", (ours) => {
    expect(subcodeFor(ours, [])).toBeUndefined();
    expect(subcodeFor(ours, [], true)).toBe(11);
    expect(subcodeFor(ours, [5])).toBe(11);
    expect(subcodeFor(ours, [0, 1, 2, 3, 4])).toBe(11);
  });
});
