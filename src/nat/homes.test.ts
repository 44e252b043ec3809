import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4, type Prefix, prefixOf } from "../bgp/net/address.ts";
import { diff, diffTables } from "./diff.ts";
import { homeSets } from "./homes.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "./table.ts";
import { MemoryNft } from "./testing/memory-nft.ts";

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
      expect(homeSets(other, undefined)).toEqual(homeSets(one, undefined));
      for (const { private: ranges, addresses } of some) {
        const text = `10.${(ranges[0]!.w0 >>> 16) & 255}.${(ranges[0]!.w0 >>> 8) & 255}.0/24`;
        expect(homeSets(one, undefined).homes.get(text)).toBe(`203.0.113.${addresses[0]!.w0 & 255}`);
      }
    }),
  );
});

test("a pool that is draining serves nobody, and its addresses go on being translated", () => {
  const pools = [POOL, { ...POOL, name: "old", addresses: [ipv4(0xc6336450)], draining: true }];
  const text = diffTables(EMPTY_NAT, table(pools));
  expect(text).toMatch(/element inet gatewayd pooled \{[^}]*198\.51\.100\.80/u);
  expect(text).toMatch(/element inet gatewayd eim \{[^}]*198\.51\.100\.80/u);
  const { slots } = homeSets(table(pools), undefined);
  expect([...slots.values()]).toEqual(expect.arrayContaining(["198.51.100.1", "198.51.100.3"]));
  expect([...slots.values()]).not.toContain("198.51.100.80");
});

const spread: PoolMapping = { ...POOL, mapping: "addressAndPortDependent" };

const ONE = "jhash ip saddr mod 256 seed 0x86 map @slots";

describe("how many looks it takes", () => {
  const rulesOf = (nft: MemoryNft): string[] =>
    (nft.listing() ?? "")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.includes("jhash") || line.includes("@homes"));
  const TWO = [
    "ip saddr set ip saddr . jhash ct original ip saddr mod 256 seed 0x86 map @slots_256",
    "ip saddr set ip saddr map @homes goto leave",
  ];

  test("one rule does all for TCP and for UDP where everybody shares the same addresses, and the same ports", () => {
    const nft = new MemoryNft();
    nft.apply(diff(table([spread, { ...spread, name: "more", addresses: [ipv4(0xc6336410)] }]), undefined));
    expect(rulesOf(nft)).toEqual(
      expect.arrayContaining(
        ["udp", "tcp"].map(
          (protocol) =>
            `meta l4proto ${protocol} ip saddr 10.0.0.0/8 ct timeout set "${protocol}_timers" snat ip to ${ONE}:1024-65535 fully-random`,
        ),
      ),
    );
  });

  test.each<[string, readonly PoolMapping[]]>([
    [
      "a mapping has to be looked for, or ports differ",
      [POOL, { ...POOL, name: "few", addresses: [ipv4(0xc6336410)], ports: { first: 5000, last: 5999 } }],
    ],
    [
      "other addresses have other ports",
      [spread, { ...spread, name: "few", addresses: [ipv4(0xc6336410)], ports: { first: 5000, last: 5999 } }],
    ],
    [
      "there are mappings of a pool that is drained",
      [spread, { ...POOL, name: "old", addresses: [ipv4(0xc6336410)], draining: true }],
    ],
  ])("the address alone is found in one when %s", (_, pools) => {
    const nft = new MemoryNft();
    nft.apply(diff(table(pools), undefined));
    expect(rulesOf(nft)).toContain(`ip saddr set ${ONE} goto leave`);
    expect(nft.listing()).not.toContain(`${ONE}:`);
  });

  test("it takes two with a pool for some, and while a start keeps one that it does not know yet", () => {
    const far = prefixOf(ipv4(0xc0a80100), 24);
    const alone = table([spread]);
    const both = {
      ...table([spread, { ...router(1), private: [far] }]),
      private: [...alone.private, far],
    };
    const nft = new MemoryNft();
    nft.apply(diff(both, undefined));
    expect(rulesOf(nft)).toEqual(TWO);
    nft.apply(diff(alone, nft.listing(), { keep: true }));
    expect(rulesOf(nft)).toEqual(TWO);
    expect(nft.element("homes", "192.168.1.0/24")).toBe("203.0.113.1");
    nft.apply(diff(alone, nft.listing()));
    expect(rulesOf(nft)).not.toEqual(expect.arrayContaining(TWO));
    expect(nft.element("homes", "192.168.1.0/24")).toBeUndefined();
  });
});

const networks = (count: number): NatTable => ({
  ...table([spread]),
  exempt: Array.from({ length: count }, (_, i) => prefixOf(ipv4(0xac100000 + 0x10000 * i), 16)),
});
const exemptRules = (nft: MemoryNft): string[] =>
  (nft.listing() ?? "").match(/(?<=\n\t\t)ip daddr \S+ accept(?=\n)/g) ?? [];

test("a few networks are compared with, more are looked up", () => {
  const nft = new MemoryNft();
  nft.apply(diff(networks(2), undefined));
  expect(exemptRules(nft)).toEqual(expect.arrayContaining(["ip daddr 172.17.0.0/16 accept"]));
  nft.apply(diff(networks(5), nft.listing()));
  expect(exemptRules(nft)).not.toEqual(expect.arrayContaining(["ip daddr 172.17.0.0/16 accept"]));
  nft.apply(diff(networks(1), nft.listing(), { keep: true }));
  expect(exemptRules(nft)).not.toEqual(expect.arrayContaining(["ip daddr 172.16.0.0/16 accept"]));
  nft.apply(diff(networks(1), nft.listing()));
  expect(exemptRules(nft)).toEqual(expect.arrayContaining(["ip daddr 172.16.0.0/16 accept"]));
});

test("a mapping is looked for first where each endpoint has one, and then as few rules lead to a port", () => {
  const nft = new MemoryNft();
  nft.apply(diff(table([POOL]), undefined));
  for (const protocol of ["udp", "tcp"])
    expect(nft.listing()).toContain(
      [
        `chain pools_${protocol} {`,
        `meta l4proto ${protocol} ct timeout set "${protocol}_timers"`,
        "meta l4proto { tcp, udp } snat ip to meta l4proto . ip saddr . th sport map @mapping",
        `ip saddr set ${ONE} goto endpoint_1024_65535`,
      ].join("\n\t\t"),
    );
});
