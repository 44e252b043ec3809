import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4, prefixOf } from "../bgp/net/address.ts";
import { diff, diffParts, diffTables } from "./diff.ts";
import { haveSameRules } from "./filled.ts";
import { CHAIN_NAMES, CHAINS } from "./layout.ts";
import { floatingOf } from "./listing.ts";
import { providedBy, providedByListing } from "./provided.ts";
import { render } from "./render.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "./table.ts";
import { MemoryNft } from "./testing/memory-nft.ts";
import { natTables } from "./testing/tables.ts";

const pool = (last: number, mapping: PoolMapping["mapping"]): PoolMapping => ({
  name: `p${last}`,
  addresses: [ipv4(0xc6336400 + last)],
  private: [],
  draining: false,
  ports: { first: 1024, last: 65_535 },
  mapping,
  filtering: "addressAndPortDependent",
});

const ONE: NatTable = {
  ...EMPTY_NAT,
  floating: [{ floating: ipv4(0xac100103), fixed: ipv4(0x0a41000d), egress: "fixed" }],
};
/** Of hundreds of tables: a busy machine takes half a minute. */
const LIMIT_MS = 120_000;

const PRIVATE = [prefixOf(ipv4(0x0a410000), 16)];

const hooks = (nft: MemoryNft): string[] => (nft.listing() ?? "").match(/type \w+ hook .*/g)?.sort() ?? [];

describe("a difference, applied, is none any more", () => {
  test("from any listing", { timeout: LIMIT_MS }, () => {
    fc.assert(
      fc.property(natTables, natTables, fc.boolean(), (a, b, keep) => {
        const nft = new MemoryNft();
        nft.apply(diff(a, nft.listing()));
        nft.apply(diff(b, nft.listing(), { keep }));
        expect(diff(b, nft.listing(), { keep })).toBe("");
        nft.apply(diff(b, nft.listing()));
        expect(diff(b, nft.listing())).toBe("");
      }),
    );
  });

  test("from table to table, without a listing", { timeout: LIMIT_MS }, () => {
    fc.assert(
      fc.property(natTables, natTables, (a, b) => {
        const nft = new MemoryNft();
        nft.apply(diff(a, undefined));
        expect(diffTables(a, a)).toBe("");
        nft.apply(diffTables(a, b));
        expect(diff(b, nft.listing())).toBe("");
        const fresh = new MemoryNft();
        fresh.apply(diff(b, undefined));
        expect(hooks(nft)).toEqual(hooks(fresh));
      }),
    );
  });

  test("of addresses alone, with no look at the others, where that says that the rules are the same", {
    timeout: LIMIT_MS,
  }, () => {
    fc.assert(
      fc.property(natTables, natTables, (a, other) => {
        const b = { ...a, floating: other.floating };
        const nft = new MemoryNft();
        nft.apply(diff(a, undefined));
        if (!haveSameRules({ before: a, after: b }, { before: a, after: b })) return;
        nft.apply(diffParts(a, b));
        expect(diff(b, nft.listing())).toBe("");
      }),
    );
  });
});

describe("what nobody wants costs no packet anything", () => {
  test.each<[string, Partial<NatTable>, string[]]>([
    ["nothing", {}, []],
    ["a floating IP", { floating: ONE.floating }, ["dstnat", "dstnat_output", "srcnat", "untranslated"]],
    [
      "a stateless one",
      { floating: [{ ...ONE.floating[0]!, egress: "floating", stateless: true }] },
      [
        ...["disguise_in", "disguise_out", "dstnat", "dstnat_output"],
        ...["srcnat", "stateless_in", "stateless_out", "untranslated"],
      ],
    ],
    ["a pool", { private: PRIVATE, pools: [pool(1, "addressAndPortDependent")] }, ["srcnat", "untranslated"]],
    [
      "a pool whose mappings are kept",
      { private: PRIVATE, pools: [pool(1, "endpointIndependent")] },
      ["dstnat", "srcnat", "translated", "untranslated"],
    ],
    ["a public network", { untracked: PRIVATE }, ["raw_output", "raw_prerouting"]],
  ])("%s", (_, wanted, hooked) => {
    const { chains } = render({ ...EMPTY_NAT, ...wanted });
    const withRules = CHAIN_NAMES.filter((name) => CHAINS[name] !== undefined && chains[name].length > 0);
    expect(withRules.toSorted()).toEqual(hooked);
  });
});

describe("what packets have written down", () => {
  const of = (...pools: PoolMapping[]): NatTable => ({
    ...EMPTY_NAT,
    private: [prefixOf(ipv4(0x0a410000), 16)],
    pools,
  });
  const both = of(pool(1, "endpointIndependent"), pool(2, "endpointIndependent"));
  const one = of(pool(1, "endpointIndependent"));

  test.each([
    ["goes with the last pool that has it", both, of(), true],
    ["goes when the pools left have none", both, of(pool(1, "addressAndPortDependent")), true],
    ["stays while a pool is left that has it", both, one, false],
    ["stays when one comes", one, both, false],
  ])("%s", (_, before, after, goes) => {
    expect(diffTables(before, after).includes("flush map inet gatewayd mapping")).toBe(goes);
    expect(diffTables(before, after).includes("flush map inet gatewayd endpoints")).toBe(goes);
  });

  test("stays while what a predecessor left is kept", () => {
    const nft = new MemoryNft();
    nft.apply(diff(both, undefined));
    expect(diff(of(), nft.listing(), { keep: true })).not.toContain("flush map");
    expect(diff(of(), nft.listing())).toContain("flush map inet gatewayd mapping");
  });
});

describe("blocks", () => {
  const blocked = pool(1, "addressAndPortDependent");
  const only: NatTable = {
    ...EMPTY_NAT,
    private: [prefixOf(ipv4(0x0a410000), 28)],
    pools: [blocked],
    blocks: { private: [prefixOf(ipv4(0x0a410000), 28)], pools: [{ ...blocked, blockSize: 1024 }] },
  };
  const shared: NatTable = { ...only, pools: [blocked, pool(2, "endpointIndependent")] };

  test.each([
    ["alone", only],
    ["beside a pool of the API", shared],
  ])("%s: their addresses are provided", (_name, table) => {
    const nft = new MemoryNft();
    nft.apply(diff(table, undefined));
    expect(providedByListing(nft.listing()!, table)).toEqual(providedBy(table));
  });

  test("a pool of the API that comes and goes leaves them alone", () => {
    const nft = new MemoryNft();
    nft.apply(diff(only, undefined));
    nft.apply(diffTables(only, shared));
    expect(diff(shared, nft.listing())).toBe("");
    nft.apply(diffTables(shared, only));
    expect(diff(only, nft.listing())).toBe("");
  });

  test("whoever has one takes it before any mapping, and no other pool gives out their ports", () => {
    const { sets, chains } = render(shared);
    expect([...sets.eim.keys()]).toEqual(["198.51.100.2"]);
    const [timers, first, second] = chains.pools;
    expect(first).toContain("@blocks");
    expect(second).toContain("@mapping");
    expect([...sets.homes.values(), ...sets.port_choice.keys()]).toEqual(["198.51.100.2", "198.51.100.2"]);
    expect(render(only).chains.pools).toEqual([timers, first, "update @asking { ip saddr }", "drop"]);
  });
});

test("a floating IP that moves is replaced in one transaction", () => {
  const moved = { ...ONE, floating: [{ ...ONE.floating[0]!, fixed: ipv4(0x0a41000e) }] };
  expect(diffTables(ONE, moved).split("\n")).toEqual([
    "delete element inet gatewayd floating { 172.16.1.3 : 10.65.0.13 }",
    "add element inet gatewayd floating { 172.16.1.3 : 10.65.0.14 }",
    "delete element inet gatewayd self { 10.65.0.13 . 172.16.1.3 : 172.16.1.3 }",
    "add element inet gatewayd self { 10.65.0.14 . 172.16.1.3 : 172.16.1.3 }",
    "delete element inet gatewayd own { 10.65.0.13 : 172.16.1.3 }",
    "add element inet gatewayd own { 10.65.0.14 : 172.16.1.3 }",
    "",
  ]);
});

test("keeping, a floating IP that is not wanted stays, and one that leads elsewhere does not", () => {
  const nft = new MemoryNft();
  nft.apply(diff(ONE, undefined));
  nft.apply(diff(EMPTY_NAT, nft.listing(), { keep: true }));
  expect(floatingOf(nft.listing() ?? "")).toEqual(ONE.floating);
  const moved = { ...ONE, floating: [{ ...ONE.floating[0]!, fixed: ipv4(0x0a41000e) }] };
  nft.apply(diff(moved, nft.listing(), { keep: true }));
  expect(floatingOf(nft.listing() ?? "")).toEqual(moved.floating);
});

test.each([
  ["nothing at all", ""],
  ["another table", "table inet other {\n}\n"],
  ["a table of another version", "table inet gatewayd {\n\tset old {\n\t\ttype ipv4_addr\n\t}\n}\n"],
])("%s is replaced whole", (_, listing) => {
  expect(diff(ONE, listing)).toMatch(/^add table inet gatewayd\ndelete table inet gatewayd\n/);
});

test("the lowest of several floating IPs is the one that a fixed address is known by", () => {
  const nft = new MemoryNft();
  const floating = [5, 3, 4].map((n) => ({
    floating: ipv4(0xac100100 + n),
    fixed: ipv4(0x0a41000d),
    egress: n === 3 ? ("fixed" as const) : ("floating" as const),
  }));
  nft.apply(diff({ ...EMPTY_NAT, floating }, undefined));
  expect(nft.element("own", "10.65.0.13")).toBe("172.16.1.3");
  expect(nft.element("egress", "10.65.0.13")).toBe("172.16.1.4");
});
