import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { diffTables } from "./diff.ts";
import { homeElements, slotElements } from "./homes.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "./table.ts";

const TEN = 0x0a000000;
const POOL: PoolMapping = {
  name: "common",
  addresses: [1, 2, 3].map((n) => ipv4(0xc6336400 + n)),
  private: [],
  draining: false,
  ports: { first: 1024, last: 65_535 },
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
};
const table = (pools: readonly PoolMapping[]): NatTable => ({
  ...EMPTY_NAT,
  private: [prefixOf(ipv4(TEN), 8)],
  pools,
});
const network = (n: number): Prefix => prefixOf(ipv4(TEN + 256 * n), 24);

/** A network of the Networking API behind its router: one private range, one public address. */
const router = (n: number): PoolMapping => ({
  ...POOL,
  name: `router-${n}`,
  addresses: [ipv4(0xcb007100 + n)],
  private: [network(2 * n)],
});
const routers = (count: number): PoolMapping[] => Array.from({ length: count }, (_, n) => router(n));

describe("a change is a transaction of so many elements, however many pools there are", () => {
  const elementsOf = (text: string): number => text.split(/[,{]/).length - 1;
  const changes: readonly [string, (pools: readonly PoolMapping[]) => readonly PoolMapping[]][] = [
    ["a pool for a network that comes", (pools) => [...pools, router(5000)]],
    ["one that goes", (pools) => pools.filter((_, i) => i !== 3)],
    [
      "one that gets another address",
      (pools) => pools.with(3, { ...pools[3]!, addresses: [ipv4(0xcb00ffff)] }),
    ],
    ["one that is drained", (pools) => pools.with(3, { ...pools[3]!, draining: true })],
    [
      "one that gets another range of ports",
      (pools) => pools.with(3, { ...pools[3]!, ports: { first: 5000, last: 9999 } }),
    ],
    [
      "an address more in the pool of the rest",
      (pools) => pools.with(0, { ...POOL, addresses: [...POOL.addresses, ipv4(0xc6336409)] }),
    ],
  ];
  test.each(changes)("%s", (_, change) => {
    const sizes = [10, 2000].map((count) => {
      const before = [POOL, ...routers(count)];
      return elementsOf(diffTables(table(before), table(change(before))));
    });
    expect(sizes[1]).toBe(sizes[0]);
    expect(sizes[0]).toBeLessThan(1000);
  });
});

test("which public address a private one has depends on no order, and on no other pool", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(routers(8), { minLength: 1 }), (some) => {
      const [one, other] = [table([POOL, ...some]), table([...some.toReversed(), POOL])];
      expect([...homeElements(other)]).toEqual([...homeElements(one)]);
      expect(slotElements(other)).toEqual(slotElements(one));
      for (const { private: ranges, addresses } of some) {
        const text = `10.${(ranges[0]!.w0 >>> 16) & 255}.${(ranges[0]!.w0 >>> 8) & 255}.0/24`;
        expect(homeElements(one).get(text)).toBe(`203.0.113.${addresses[0]!.w0 & 255}`);
      }
    }),
  );
});

test("a pool that is draining serves nobody, and its addresses go on being translated", () => {
  const pools = [POOL, { ...POOL, name: "old", addresses: [ipv4(0xc6336450)], draining: true }];
  const text = diffTables(EMPTY_NAT, table(pools));
  expect(text).toMatch(/element inet gatewayd pooled \{[^}]*198\.51\.100\.80/u);
  expect(text).toMatch(/element inet gatewayd eim \{[^}]*198\.51\.100\.80/u);
  expect([...slotElements(table(pools)).values()].flatMap((slots) => [...slots.values()])).not.toContain(
    "198.51.100.80",
  );
});
