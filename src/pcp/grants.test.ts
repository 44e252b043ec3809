import fc from "fast-check";
import { expect, test } from "vitest";
import { ipv4 } from "../bgp/net/address.ts";
import { NO_PCP } from "../model/pcp.ts";
import type { Grant } from "../nat/granted.ts";
import type { Place } from "../nat/places.ts";
import { type Ask, lifetimeWithin, portsFor } from "./ask.ts";
import { Grants, NO_NONCE, secondsLeft } from "./grants.ts";

const endpoint = (base: number) => (n: number) => ({ address: ipv4(base + (n >> 2)), port: 1024 + (n & 3) });

const grants: fc.Arbitrary<Grant> = fc.record({
  protocol: fc.constantFrom(6, 17),
  private: fc.nat(11).map(endpoint(0x0a410000)),
  public: fc.nat(11).map(endpoint(0xc6336400)),
  nonce: fc.constant(NO_NONCE),
  endsAt: fc.nat(50),
});

test("whatever comes and goes: no public endpoint has two holders, and counts are right", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(grants, fc.boolean(), fc.nat(60))), (steps) => {
      const book = new Grants();
      for (const [grant, isEnd, now] of steps) {
        book.expire(now);
        const holder = book.holderOf(grant.protocol, grant.public);
        const before = book.of(grant.protocol, grant.private);
        if (isEnd && before !== undefined) book.delete(before);
        else if (holder === undefined || holder === before) book.put(grant);
        else expect(() => book.put(grant)).toThrow(RangeError);
      }
      const all = [...book.all()];
      expect(book.size).toBe(all.length);
      for (const grant of all) {
        expect(book.holderOf(grant.protocol, grant.public)).toBe(grant);
        expect(book.of(grant.protocol, grant.private)).toBe(grant);
        const own = all.filter((other) => other.private.address.w0 === grant.private.address.w0);
        expect(book.countOf(grant.private.address)).toBe(own.length);
      }
    }),
  );
});

test("what the kernel has forgotten is over at once, and its endpoint rests for a while", () => {
  const book = new Grants();
  const grant: Grant = {
    ...{ protocol: 6, private: endpoint(0x0a410000)(0), public: endpoint(0xc6336400)(0), nonce: NO_NONCE },
    endsAt: 100,
  };
  book.put(grant);
  expect(secondsLeft(grant, 40)).toBe(60);
  expect(secondsLeft(grant, 101)).toBe(0);
  expect(book.expire(101)).toBe(0);
  expect(book.holderOf(6, grant.public)).toBe(grant);
  expect(book.expire(106)).toBe(1);
  expect(book.size).toBe(0);
});

test.each([
  [0, 120],
  [3600, 3600],
  [4_294_967_295, 86_400],
])("a lifetime of %d s becomes %d s", (asked, given) => {
  expect(lifetimeWithin(NO_PCP, asked)).toBe(given);
});

const PLACE: Place = { address: ipv4(0xc633640a), ports: { first: 2000, last: 2063 } };
const ASK: Ask = {
  ...{ protocol: 6, private: { address: ipv4(0x0a41000d), port: 2010 }, nonce: NO_NONCE },
  ...{ lifetimeSeconds: 60, suggestedPort: 2020, suggestedAddress: undefined, preferFailure: false },
};
const ports = (changes: Partial<Ask>): number[] => [...portsFor({ ...ASK, ...changes }, PLACE, () => 0.5)];

test("ports are tried in order: suggested, own, then every one of a small place", () => {
  expect(ports({}).slice(0, 3)).toEqual([2020, 2010, 2032]);
  expect(new Set(ports({})).size).toBe(64);
  expect(ports({ suggestedPort: 80 })[0]).toBe(2010);
  expect(ports({ suggestedAddress: ipv4(1) })[0]).toBe(2010);
  expect(ports({ preferFailure: true })).toEqual([2020]);
  expect(ports({ preferFailure: true, suggestedAddress: ipv4(1) })).toEqual([]);
});
