import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Address, ipv4, ipv6 } from "../net/address.ts";
import { type AttributeBlock, decodeAttributes } from "../wire/attribute-block.ts";
import { encodeAttributes } from "../wire/attribute-encode.ts";
import { type DecodeContext, NOTHING_NEGOTIATED } from "../wire/context.ts";
import { originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import { AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";

const IDENTITY = { asn: 65000, routerId: 1, clusterId: 1 };
const NEXT_HOP = ipv4(0xc0000201);
const NEXT_HOP_6 = ipv6(0x20010db8, 0, 0, 1);
const IBGP: DecodeContext = { ...NOTHING_NEGOTIATED, as4: true, external: false };

const attributesWith = (changes: Partial<PathAttributes>): PathAttributes => ({
  ...originatedAttributes(NEXT_HOP),
  ...changes,
});

/** A received block: what follows lies in a larger buffer, as in a receive buffer. */
function received(attributes: PathAttributes): AttributeBlock {
  const { octets } = encodeAttributes(attributes, 4, { as4: true, external: false });
  const buffer = new Uint8Array(octets.length + 10).fill(0xee);
  buffer.set(octets, 7);
  return { octets: buffer, start: 7, end: 7 + octets.length, of: "body" };
}

const arbitrary: fc.Arbitrary<PathAttributes> = fc
  .record({
    localPref: fc.option(fc.nat(3), { nil: undefined }),
    med: fc.option(fc.nat(3), { nil: undefined }),
    asns: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
    communities: fc.array(fc.nat(9), { maxLength: 3 }),
    clusterList: fc.array(fc.nat(9), { maxLength: 2 }),
  })
  .map(({ asns, ...others }) =>
    attributesWith({ ...others, asPath: asns.length === 0 ? [] : [{ type: "sequence", asns }] }),
  );

test("a block is found by its octets and context alone, until its last reference is given back", () => {
  const pool = new AttributePool(IDENTITY);
  const block = received(attributesWith({ med: 7 }));
  const id = pool.take(block, IBGP);
  expect(pool.take({ ...block }, IBGP)).toBe(id);
  const others = [
    pool.take(block, { ...IBGP, external: true }),
    pool.take(received(attributesWith({ med: 8 })), IBGP),
  ];
  expect(new Set([id, ...others, NO_ATTRIBUTES]).size).toBe(4);
  for (const other of others) pool.release(other);
  pool.release(id);
  expect(pool.take(block, IBGP)).toBe(id);
  pool.release(id);
  pool.release(id);
  pool.forgetSome(3);
  expect(pool.size).toBe(0);
  expect(() => pool.release(id)).toThrow(RangeError);
});

test("a block that has to be looked at is taken once it was added", () => {
  const pool = new AttributePool(IDENTITY);
  const block: AttributeBlock = { ...received(attributesWith({})), of: "mp" };
  expect(pool.take(block, IBGP)).toBe(NO_ATTRIBUTES);
  const id = pool.add(block, IBGP, attributesWith({}));
  expect(pool.take({ ...block }, IBGP)).toBe(id);
});

test("equal attributes have equal ids, others have others, and each id gives its attributes back", () => {
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 60 }), (list) => {
      const pool = new AttributePool(IDENTITY);
      const ids = list.map((attributes) => pool.intern(attributes));
      const texts = list.map((attributes) => JSON.stringify(attributes));
      for (let i = 0; i < list.length; i++) {
        expect(ids.indexOf(ids[i]!)).toBe(texts.indexOf(texts[i]!));
        expect(pool.attributes(ids[i]!)).toEqual(list[i]);
      }
      for (const id of ids) pool.release(id);
      pool.forgetSome(ids.length);
      expect(pool.size).toBe(0);
    }),
  );
});

test("what is parsed again after a long time is what was put in", () => {
  const pool = new AttributePool(IDENTITY);
  const list = Array.from({ length: 5000 }, (_, med) => attributesWith({ med, communities: [med, 1] }));
  const ids = list.map((attributes) => {
    const block = received(attributes);
    return pool.add(block, IBGP, decodeAttributes(block, IBGP).attributes!);
  });
  for (const [i, id] of ids.entries()) expect(pool.attributes(id)).toEqual(list[i]);
});

describe("what is to be sent", () => {
  test.each<[string, 4 | 6, Address]>([
    ["IPv4", 4, NEXT_HOP],
    ["IPv6", 6, NEXT_HOP_6],
    ["IPv4 over IPv6 (RFC 8950)", 4, NEXT_HOP_6],
  ])("%s: octets as the encoder wrote them, and the same attributes when looked at", (_, family, nextHop) => {
    const pool = new AttributePool(IDENTITY);
    const attributes = attributesWith({ nextHop, communities: [1, 2], med: 3 });
    const context = { as4: true, external: true };
    const id = pool.internFor(attributes, family, context);
    expect(pool.encoded(id)).toEqual(encodeAttributes(attributes, family, context));
    // Pushes it out of what is kept parsed.
    for (let med = 0; med < 2100; med++) pool.intern(attributesWith({ med }));
    expect(pool.attributes(id)).toEqual(attributes);
    expect(pool.internFor(attributes, family, context)).toBe(id);
  });

  test("a received block is not for sending as it is", () => {
    const pool = new AttributePool(IDENTITY);
    const block = received(attributesWith({}));
    const id = pool.add(block, IBGP, decodeAttributes(block, IBGP).attributes!);
    expect(() => pool.encoded(id)).toThrow(RangeError);
  });
});

test("a next hop that is still to be filled in survives being looked at late", () => {
  const pool = new AttributePool(IDENTITY);
  const ours = attributesWith({ nextHop: ipv4(0), localPref: 5 });
  const id = pool.intern(ours);
  for (let med = 0; med < 2100; med++) pool.intern(attributesWith({ med }));
  expect(pool.attributes(id)).toEqual(ours);
});

test("100 rounds of 2 000 sets that come and go use no more memory than the first", () => {
  const pool = new AttributePool(IDENTITY);
  let highest = 0;
  for (let round = 0; round < 100; round++) {
    const ids = Array.from({ length: 2000 }, (_, med) =>
      pool.intern(attributesWith({ med, communities: [round] })),
    );
    if (round === 0) highest = ids.reduce((most, id) => Math.max(most, id), 0);
    expect(ids.every((id) => id <= highest)).toBe(true);
    for (const id of ids) pool.release(id);
    pool.forgetSome(2000);
  }
  expect(pool.capacityOctets).toBe(1 << 20);
});

test("with no time to forget what is over, it takes up half as much again, and no more", () => {
  const pool = new AttributePool(IDENTITY);
  const sets = 5000;
  let highest = 0;
  for (let round = 0; round < 20; round++) {
    const ids = Array.from({ length: sets }, (_, med) =>
      pool.intern(attributesWith({ med, communities: [round] })),
    );
    for (const id of ids) {
      highest = Math.max(highest, id);
      pool.release(id);
    }
  }
  expect(highest).toBeLessThan(sets * 1.5);
});

test("a set that nobody holds is found again until it is forgotten, and then is another", () => {
  const pool = new AttributePool(IDENTITY);
  const id = pool.intern(attributesWith({ med: 7 }));
  pool.release(id);
  const serial = pool.serial(id);
  expect([pool.intern(attributesWith({ med: 7 })), pool.serial(id)]).toEqual([id, serial]);
  pool.forgetSome(1);
  expect(pool.attributes(id)).toEqual(attributesWith({ med: 7 }));
  pool.release(id);
  expect(pool.hasUnused).toBe(true);
  pool.forgetSome(1);
  expect([pool.hasUnused, pool.size]).toEqual([false, 0]);
  pool.intern(attributesWith({ med: 7 }));
  expect(pool.serial(id)).not.toBe(serial);
});

test("what we wrote ourselves is shown whatever its next hop: a session over loopback has one of loopback", () => {
  const pool = new AttributePool(IDENTITY);
  const to = { as4: true, external: true };
  const loopback = ipv4(0x7f000001);
  const { octets } = encodeAttributes(attributesWith({ nextHop: loopback }), 4, to);
  const id = pool.internOctets(octets, octets.length, 4, to, "body");
  expect(pool.attributes(id).nextHop).toEqual(loopback);
});

describe("link-local next hops", () => {
  const LINK_LOCAL = ipv6(0xfe800000, 0, 0, 1);
  const reach = encodeAttributes(attributesWith({ nextHop: LINK_LOCAL }), 4, { as4: true, external: true });
  const octets = Uint8Array.of(0x80, 14, 21, 0, 1, 1, 16, ...reach.mpNextHop!, 0, ...reach.octets);
  const block: AttributeBlock = { octets, start: 0, end: octets.length, of: "mp" };
  const context = (zone: string): DecodeContext => ({ ...NOTHING_NEGOTIATED, as4: true, zone });
  const add = (pool: AttributePool, zone: string): ReturnType<AttributePool["add"]> =>
    pool.add(block, context(zone), decodeAttributes(block, context(zone)).attributes!);

  test("the same octets behind two interfaces are two next hops, which fare each by itself", () => {
    const pool = new AttributePool(IDENTITY);
    const [one, other] = [add(pool, "eth0"), add(pool, "eth1")];
    expect(one).not.toBe(other);
    expect(add(pool, "eth0")).toBe(one);
    expect(pool.attributes(one).nextHop).toEqual({ ...LINK_LOCAL, zone: "eth0" });
    expect(pool.attributes(other).nextHop).toEqual({ ...LINK_LOCAL, zone: "eth1" });
    pool.nextHops.tell({ ...LINK_LOCAL, zone: "eth1" }, { reachable: false, metric: 0 });
    expect([one, other].map((id) => pool.nextHops.isReachable(pool.columns.nextHop[id]!))).toEqual([
      true,
      false,
    ]);
  });

  test("the interface is known again after the value was let go, and after a policy changed it", () => {
    const pool = new AttributePool(IDENTITY);
    const id = add(pool, "eth0");
    const changed = pool.intern({ ...pool.attributes(id), localPref: 200 });
    // As many others as are kept, and more.
    for (let med = 1; med <= 2048; med++) pool.intern(attributesWith({ med }));
    for (const each of [id, changed]) {
      expect(pool.attributes(each).nextHop).toEqual({ ...LINK_LOCAL, zone: "eth0" });
    }
  });
});
