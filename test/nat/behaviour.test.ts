/** Behaviour for UDP as RFC 5780 finds it, with real sockets. MAPPINGS says how many are alive in the test of many. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { type BlockPlan, holderOf } from "../../src/model/blocks.ts";
import { diff, diffTables } from "../../src/nat/diff.ts";
import type { NatTable, PoolMapping } from "../../src/nat/table.ts";
import { shows } from "../requirements/shows.ts";
import type { LineProcess } from "./namespace.ts";
import {
  A,
  distinct,
  type Endpoint,
  endpointOf,
  H1,
  H2,
  install as installIn,
  POOL,
  removeAll,
  S1,
  S2,
  SERVERS,
  seenBy as seenOf,
  type TwoHosts,
  table,
  twoHosts,
} from "./two-hosts.ts";

const { MAPPINGS: MANY = "2000" } = process.env;

let spaces: TwoHosts;
let hosts: LineProcess;
let world: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("eim");
  const script = fileURLToPath(new URL("stun.mjs", import.meta.url));
  hosts = spaces.hosts.start(process.execPath, script);
  world = spaces.world.start(process.execPath, script);
  for (const server of SERVERS) await world.ask({ listen: server });
});

afterAll(() => removeAll(spaces));

const install = (wanted: NatTable): Promise<void> => installIn(spaces, wanted);
const seenBy = (own: Endpoint, to?: readonly Endpoint[]): Promise<readonly string[]> =>
  seenOf(hosts, own, to);

/** Who of the servers reaches a socket that has sent to the first of them alone. */
async function admitted(own: Endpoint): Promise<readonly string[]> {
  const [seen = ""] = await seenBy(own, [[S1, A]]);
  for (const server of [...SERVERS.slice(1), SERVERS[0]!])
    await world.ask({ answerFrom: server, to: endpointOf(seen) });
  // The last of them is let in by all: what was sent before it has come, or will not.
  for (;;) {
    const heard = (await hosts.ask({ heard: own })) as string[];
    if (heard.filter((from) => from === `${S1}:${A}`).length >= 2) return [...new Set(heard)].sort();
  }
}

describe("mapping", () => {
  test("endpoint independent: one external endpoint, and two hosts with one port never share any", async () => {
    shows("RFC 4787 REQ-1", "RFC 4787 REQ-2", "RFC 4787 REQ-3");
    await install(table());
    const first = await seenBy([H1, 40_000]);
    const second = await seenBy([H2, 40_000]);
    expect([distinct(first), distinct(second)]).toEqual([1, 1]);
    expect(first[0]).not.toBe(second[0]);
    // RFC 4787 REQ-2: paired.
    expect(endpointOf((await seenBy([H1, 40_001]))[0]!)[0]).toBe(endpointOf(first[0]!)[0]);
  });

  test("the same under clash, with one pool address and one port for all", async () => {
    shows("RFC 4787 REQ-1", "RFC 4787 REQ-3", "RFC 4787 REQ-11");
    await install(table({ addresses: POOL.addresses.slice(0, 1) }));
    const first = await seenBy([H1, 41_000], [[S1, A]]);
    const second = await seenBy([H2, 41_000], [[S2, A]]);
    expect(first[0]).not.toBe(second[0]);
    expect(await seenBy([H1, 41_000])).toEqual(Array(4).fill(first[0]));
    expect(await seenBy([H2, 41_000])).toEqual(Array(4).fill(second[0]));
  });

  test("the same within port blocks, and the filtering that is wanted", async () => {
    shows("RFC 4787 REQ-1", "RFC 4787 REQ-8");
    const [addresses, ports] = [POOL.addresses.slice(0, 1), { first: 1024, last: 65_535 }];
    const blocks: BlockPlan = {
      private: [parsePrefix("10.65.0.0/28")!],
      pools: [{ addresses, ports, blockSize: 1024 }],
    };
    await install({ ...table({ addresses, filtering: "addressDependent" }), blocks });
    for (const host of [H1, H2]) {
      const seen = await seenBy([host, 41_500]);
      expect(distinct(seen)).toBe(1);
      const [address = "", port] = endpointOf(seen[0]!);
      expect(holderOf(blocks, parseAddress(address)!, port)).toEqual(parseAddress(host));
    }
    expect(await admitted([H1, 41_501])).toEqual([`${S1}:${A}`, SERVERS[1]!.join(":")]);
  });

  test("address and port dependent: another external port for each", async () => {
    shows("RFC 7857 §9");
    await install(table({ mapping: "addressAndPortDependent" }));
    expect(distinct(await seenBy([H1, 42_000]))).toBe(4);
  });

  test("ports outside of the pool's are exchanged for some of its own", async () => {
    shows("RFC 4787 REQ-3a");
    await install(table({ ports: { first: 20_000, last: 20_099 } }));
    const seen = await seenBy([H1, 500]);
    expect(distinct(seen)).toBe(1);
    expect(Math.floor(endpointOf(seen[0]!)[1] / 100)).toBe(200);
  });
});

/** With the first pool address only, then changed to the second while nothing of conntrack is removed. */
describe("a pool address that goes", () => {
  const [first, second] = POOL.addresses.map((address) => ({ ...POOL, addresses: [address] }));
  const onFirst = { ...table(), pools: [first!] };

  test("by draining: what has a mapping keeps it, towards others too, and new ones have the other", async () => {
    await install(onFirst);
    const [before] = await seenBy([H1, 46_000], [[S1, A]]);
    expect(endpointOf(before!)[0]).toBe("198.51.100.10");
    const drained = {
      ...onFirst,
      pools: [
        { ...first!, draining: true },
        { ...second!, name: "new" },
      ],
    };
    await spaces.gw.nft(diffTables(onFirst, drained));
    expect(await seenBy([H1, 46_000])).toEqual(Array(4).fill(before));
    expect(endpointOf((await seenBy([H1, 46_001]))[0]!)[0]).toBe("198.51.100.11");
  });

  test.each(["addressAndPortDependent", "endpointIndependent"] as const)(
    "by draining, with port blocks and mapping %s: what there is goes on, and new flows leave by a block of the other",
    async (mapping) => {
      const [old, other] = [
        { ...first!, mapping },
        { ...second!, name: "new", mapping },
      ];
      const inBlocks = ({ addresses, ports }: PoolMapping): BlockPlan => ({
        private: [parsePrefix("10.65.0.0/28")!],
        pools: [{ addresses, ports, blockSize: 512 }],
      });
      const before = { ...onFirst, pools: [old], blocks: inBlocks(old) };
      const drained = {
        ...onFirst,
        pools: [{ ...old, draining: true }, other],
        blocks: inBlocks(other),
      };
      await install(before);
      const known = await seenBy([H1, 46_003], [[S1, A]]);
      expect(endpointOf(known[0]!)[0]).toBe("198.51.100.10");
      await spaces.gw.nft(diffTables(before, drained));
      expect(diff(drained, await spaces.gw.listing())).toBe("");
      expect(await seenBy([H1, 46_003], [[S1, A]])).toEqual(known);
      const [address = "", port] = endpointOf((await seenBy([H1, 46_004], [[S1, A]]))[0]!);
      expect(address).toBe("198.51.100.11");
      expect(holderOf(drained.blocks, parseAddress(address)!, port)).toEqual(parseAddress(H1));
    },
  );

  test("at once: its mappings are given up one by one, each with the next new flow", async () => {
    await install(onFirst);
    await seenBy([H1, 46_002], [[S1, A]]);
    await spaces.gw.nft(diffTables(onFirst, { ...onFirst, pools: [second!] }));
    const after = await seenBy([H1, 46_002], SERVERS.slice(2));
    expect([distinct(after), endpointOf(after[0]!)[0]]).toEqual([1, "198.51.100.11"]);
  });
});

describe("a flow that there is when the plan changes keeps its endpoint, and a new one gets what the plan says", () => {
  const all = { first: 1024, last: 65_535 };
  const blocks = (mapping: PoolMapping["mapping"], blockSize: number): NatTable => ({
    ...table({ mapping }),
    blocks: {
      private: [parsePrefix("10.65.0.0/28")!],
      pools: [{ addresses: POOL.addresses, ports: all, blockSize }],
    },
  });
  const [shared, own] = ["addressAndPortDependent", "endpointIndependent"] as const;
  const highPorts = (mapping: PoolMapping["mapping"]): NatTable =>
    table({ mapping, ports: { first: 60_000, last: 65_535 } });

  test.each<[string, NatTable, NatTable]>([
    ["another blockSize", blocks(shared, 4096), blocks(shared, 512)],
    ["another blockSize, endpoint-independent", blocks(own, 4096), blocks(own, 512)],
    ["blocks where there were none", table({ mapping: shared }), blocks(shared, 512)],
    ["no blocks any more", blocks(shared, 512), highPorts(shared)],
    ["other ports", table({ ports: { first: 20_000, last: 29_999 } }), highPorts(own)],
    ["another mapping", table(), highPorts(shared)],
  ])("%s", async (_, before, after) => {
    await install(before);
    const known = await seenBy([H1, 47_000], [[S1, A]]);
    await spaces.gw.nft(diffTables(before, after));
    expect(await seenBy([H1, 47_000], [[S1, A]])).toEqual(known);
    const [address = "", port] = endpointOf((await seenBy([H1, 47_001], [[S1, A]]))[0]!);
    if (after.blocks) expect(holderOf(after.blocks, parseAddress(address)!, port)).toEqual(parseAddress(H1));
    else expect(port).toBeGreaterThanOrEqual(60_000);
  });
});

/** Who of the servers is let in when the first of them was sent to. */
const LET_IN = [
  ["endpointIndependent", SERVERS],
  ["addressDependent", SERVERS.slice(0, 2)],
  ["addressAndPortDependent", SERVERS.slice(0, 1)],
] as const;
const named = (servers: readonly Endpoint[]): readonly string[] =>
  servers.map(([address, port]) => `${address}:${port}`);

describe("filtering", () => {
  test.each(LET_IN.map(([filtering, servers], i) => [filtering, servers, 43_000 + i] as const))(
    "%s",
    async (filtering, expected, port) => {
      shows("RFC 4787 REQ-8", "RFC 4787 REQ-8a", "RFC 6888 REQ-7");
      await install(table({ filtering, addresses: POOL.addresses.slice(0, 1) }));
      // The second of them has the port of the first, and another one outside.
      for (const host of [H2, H1]) expect(await admitted([host, port])).toEqual(named(expected));
    },
  );
});

test("hairpinning: another host's external endpoint answers, and sees an external one", async () => {
  shows("RFC 4787 REQ-9", "RFC 4787 REQ-9a");
  await install(table());
  const [outer = ""] = await seenBy([H2, 44_000], [[S1, A]]);
  const [own = ""] = await seenBy([H1, 44_001], [[S1, A]]);
  expect(await seenBy([H1, 44_001], [endpointOf(outer)])).toEqual([own]);
});

test("beside port blocks: who has one keeps to it, and who has none is mapped", async () => {
  const blocks: BlockPlan = {
    private: [parsePrefix(`${H1}/32`)!],
    pools: [{ addresses: POOL.addresses.slice(0, 1), ports: POOL.ports, blockSize: 64 }],
  };
  await install({
    ...table(),
    pools: [
      { ...POOL, addresses: POOL.addresses.slice(0, 1), mapping: "addressAndPortDependent" },
      { ...POOL, name: "api", addresses: POOL.addresses.slice(1), filtering: "endpointIndependent" },
    ],
    blocks,
  });
  for (const seen of (await seenBy([H1, 45_000])).map(endpointOf)) {
    expect(holderOf(blocks, parseAddress(seen[0])!, seen[1])).toEqual(parseAddress(H1));
  }
  const mapped = await seenBy([H2, 45_000]);
  expect([distinct(mapped), endpointOf(mapped[0]!)[0]]).toEqual([1, "198.51.100.11"]);
  expect(await admitted([H2, 45_001])).toHaveLength(SERVERS.length);
  // It is met from a block too, by its external endpoint.
  const [met = ""] = await seenBy([H1, 45_002], [endpointOf(mapped[0]!)]);
  expect(endpointOf(met)[0]).toBe("198.51.100.10");
});

/** Each mapping is a socket that asks and waits for an answer. */
const MANY_LIMIT_MS = 60_000 + Number(MANY) * 5;

test(
  "none of many mappings shares its external endpoint, and the behaviour is the same among them",
  async () => {
    shows("RFC 4787 REQ-3", "RFC 4787 REQ-11");
    await install(table());
    const half = Math.ceil(Number(MANY) / 2);
    const seen: string[] = [];
    for (const own of [H1, H2])
      seen.push(...((await hosts.ask({ many: half, own, to: [S1, A] })) as string[]));
    expect(seen).not.toContain(null);
    expect(distinct(seen)).toBe(2 * half);
    const mapped = await seenBy([H1, 4000]);
    expect(distinct(mapped)).toBe(1);
    expect(seen).not.toContain(mapped[0]);
    expect(endpointsAlive()).toBeGreaterThanOrEqual(2 * half + 1);
    let before = table();
    for (const [i, [filtering, expected]] of LET_IN.entries()) {
      const after = table({ filtering });
      await spaces.gw.nft(diffTables(before, after));
      expect(await admitted([H1, 4001 + i])).toEqual(named(expected));
      before = after;
    }
    expect(endpointsAlive()).toBeGreaterThanOrEqual(2 * half + 4);
  },
  MANY_LIMIT_MS,
);

/** External endpoints that somebody has; counted there, for the list of all may be long. */
const endpointsAlive = (): number =>
  Number(spaces.gw.run("sh", "-c", "nft list map inet gatewayd endpoints | grep -o ' expires ' | wc -l"));
