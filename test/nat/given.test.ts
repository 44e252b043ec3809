/**
 * A whole gateway whose private hosts use up their port blocks, and whose pools come and go: what it gives, writes down
 * and says of it afterwards. In order: each begins where the one before ended.
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NatBlockAnswer } from "../../src/api/nat-schema.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import type { LineProcess } from "./namespace.ts";
import {
  A,
  type Endpoint,
  endpointOf,
  H1,
  H2,
  removeAll,
  S1,
  SERVERS,
  seenBy as seenOf,
  type TwoHosts,
  twoHosts,
} from "./two-hosts.ts";

const [POOLED, OTHER] = ["198.51.100.20", "198.51.100.21"] as const;
const LIMIT_MS = 60_000;
/** Ports of a block, and flows from which on another one is given. */
const [SIZE, MARK] = [64, 32];
const TUESDAY = "2026-11-17T12:00:00.000Z";

let spaces: TwoHosts;
let lab: Lab;
let daemon: Daemon;
let hosts: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("given");
  const script = fileURLToPath(new URL("stun.mjs", import.meta.url));
  hosts = spaces.hosts.start(process.execPath, script);
  const world = spaces.world.start(process.execPath, script);
  for (const server of SERVERS) await world.ask({ listen: server });
  lab = new Lab();
  // Of a gateway that ran on that day, with one block for all that it has now.
  const past = {
    from: "2026-11-16T08:00:00.000Z",
    private: ["10.65.0.0/28"],
    pools: [{ addresses: [POOLED], ports: [1024, 16_383], blockSize: 960 }],
  };
  lab.write("blocks.jsonl", `${JSON.stringify(past)}\n`);
  await start(inBlocks("endpointIndependent", SIZE));
  await isAnnounced(POOLED);
});

afterAll(async () => {
  await lab.remove();
  await removeAll(spaces);
});

const fileOf = (pools: readonly object[]): object => ({
  role: "gateway",
  hostname: "gw",
  bgp: { asn: 65_000, routerId: "10.65.255.1" },
  nat: {
    private: "10.65.0.0/28",
    overflowAt: 50,
    blockHistory: lab.path("blocks.jsonl"),
    log: { events: ["blocks"], file: lab.path("nat.jsonl") },
    pools,
  },
  api: { socket: lab.path("gw.sock") },
});

/** 24 blocks, of which 8 are set aside, for 16 private addresses. */
const poolInBlocks = (mapping: string, blockSize: number): object => ({
  ...{ name: "default", addresses: [POOLED], ports: `1024-${1023 + 24 * blockSize}` },
  ...{ blockSize, overflowBlocks: 8, mapping },
});

const inBlocks = (mapping: string, blockSize: number): object => fileOf([poolInBlocks(mapping, blockSize)]);

async function start(file: object): Promise<void> {
  const path = lab.write("gw.yaml", file);
  daemon = await lab.start(path, lab.path("gw.sock"), ["ip", "netns", "exec", spaces.gw.name]);
}

async function reload(file: object): Promise<void> {
  lab.write("gw.yaml", file);
  expect((await daemon.reload()).event).toBe("config.loaded");
}

const seenBy = (own: Endpoint): Promise<readonly string[]> => seenOf(hosts, own, [[S1, A]]);

const many = async (own: string, count: number): Promise<readonly Endpoint[]> =>
  ((await hosts.ask({ many: count, own, to: [S1, A] })) as string[]).map(endpointOf);

const whoHas = async ([address, port]: Endpoint, at?: string): Promise<NatBlockAnswer> =>
  daemon.get(`/api/v1/nat/who?address=${address}&port=${port}${at === undefined ? "" : `&at=${at}`}`);

const blockOf = (host: string): Promise<NatBlockAnswer> => daemon.get(`/api/v1/nat/block?address=${host}`);

/** The ports of the first block that a host was given besides its own. It opens more flows while it is not asking. */
async function overflowOf(host: string, map: "overflow_1" | "blocks_1"): Promise<string> {
  let own = 30_000;
  const ports = await eventually(
    `${host} is given another block`,
    async () => {
      const { overflow } = await blockOf(host);
      if (overflow !== undefined) return overflow[0]?.ports;
      if (!listed("set", "asking").includes(host)) await seenBy([host, own++]);
      return undefined;
    },
    LIMIT_MS,
  );
  // It is written down before the kernel hears of it.
  await eventually("the kernel has it", () => listed("map", map).includes(host), LIMIT_MS);
  return ports;
}

const listed = (kind: "map" | "set", name: string): string =>
  spaces.gw.run("nft", "list", kind, "inet", "gatewayd", name);

const isIn = (ports: string, [, port]: Endpoint): boolean => {
  const [first = 0, last = 0] = ports.split("-").map(Number);
  return first <= port && port <= last;
};

/** One of the endpoints in these ports. */
const oneIn = (ports: string, endpoints: readonly Endpoint[]): Endpoint => {
  const found = endpoints.find((endpoint) => isIn(ports, endpoint));
  if (found === undefined) throw new Error(`none in ${ports}`);
  return found;
};

const told = (): readonly object[] =>
  existsSync(lab.path("nat.jsonl"))
    ? readFileSync(lab.path("nat.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object)
    : [];

/** Of a host with more flows than its own block has ports: one in that, and one in the block that it was given. */
let [computed, given]: [Endpoint, Endpoint] = [
  [POOLED, 0],
  [POOLED, 0],
];
let kept = "";

test("who nears the end of a block is given another one, told in the log, and is never refused", async () => {
  [kept = ""] = await seenBy([H1, 41_000]);
  await many(H1, MARK - 2);
  expect((await blockOf(H1)).overflow).toBeUndefined();
  const ports = await overflowOf(H1, "overflow_1");
  const { block } = await blockOf(H1);
  const seen = await many(H1, SIZE + MARK / 2);
  [computed, given] = [oneIn(block?.ports ?? "", seen), oneIn(ports, seen)];
  expect(seen.filter((one) => !(isIn(block?.ports ?? "", one) || isIn(ports, one)))).toEqual([]);
  await eventually(
    "it is in the log",
    () => told().find((line) => JSON.stringify(line).includes(`"ports":"${ports}"`)),
    LIMIT_MS,
  );
  expect(told()).toContainEqual(
    expect.objectContaining({ event: "block.given", private: H1, public: POOLED, ports }),
  );
  expect(await daemon.metric('gatewayd_nat_refused_packets_total{limit="ports"}')).toBe(0);
  expect(await daemon.metric('gatewayd_nat_blocks_given{pool="default"}')).toBe(1);
});

/** What both kinds of blocks are known to be, whatever has happened since. */
async function expectBothKnown(at?: string): Promise<void> {
  expect(await whoHas(computed, at)).toMatchObject({
    private: H1,
    why: expect.stringContaining("its block"),
  });
  expect(await whoHas(given, at)).toMatchObject({
    private: H1,
    why: expect.stringContaining("besides its own"),
  });
}

test("whose a port is is known of both kinds of blocks, also by a gateway that was killed", async () => {
  await expectBothKnown();
  await daemon.kill();
  await start(inBlocks("endpointIndependent", SIZE));
  await expectBothKnown();
  expect(await seenBy([H1, 41_000])).toEqual([kept]);
});

let before = "";

test("a change of the blocks changes no answer about the time before it, nor about last Tuesday", async () => {
  before = new Date().toISOString();
  // Of a time at which nothing had changed yet, whatever is rounded.
  await eventually("time goes on", () => new Date().toISOString() > before);
  await reload(inBlocks("addressAndPortDependent", 2 * SIZE));
  const now = await eventually(
    "the change is in the history",
    async () => {
      const answer = await whoHas(computed);
      return (answer.since ?? "") > before && answer;
    },
    LIMIT_MS,
  );
  expect(now.before).toMatchObject({ private: H1 });
  await expectBothKnown(before);
  // 10.65.0.13 had the fourteenth of 16 blocks of 960 ports.
  const { stdout } = await daemon.gwctl("nat", "who", `${POOLED}:${1024 + 13 * 960}`, "at", TUESDAY);
  expect(stdout).toMatch(new RegExp(`Private address +${H1}\\n`));
  expect((await whoHas([POOLED, 1024 + 14 * 960], TUESDAY)).private).toBe(H2);
  expect(await seenBy([H1, 41_000])).toEqual([kept]);
});

/** Of the other host, in its own block. */
let towards: Endpoint = [POOLED, 0];

test("where a port serves many destinations, too: who nears its end towards one of them is given another block", async () => {
  await many(H2, 2 * MARK);
  const ports = await overflowOf(H2, "blocks_1");
  const seen = await many(H2, 4 * MARK);
  expect((await whoHas(oneIn(ports, seen))).private).toBe(H2);
  towards = oneIn((await blockOf(H2)).block?.ports ?? "", seen);
  expect((await whoHas(towards)).private).toBe(H2);
});

/** Which is, while the kernel has the rules and the route of it. */
const isAnnounced = (address: string, wanted = true): Promise<unknown> =>
  eventually(
    `${address} is ${wanted ? "" : "not "}announced`,
    async () => (await daemon.ask("/metrics")).body.includes(`prefix="${address}/32"`) === wanted,
    LIMIT_MS,
  );

test("a pool is drained: what leaves by its blocks goes on, whose that is stays known, and new flows have the other's", async () => {
  const drained = { ...poolInBlocks("addressAndPortDependent", 2 * SIZE), draining: true };
  const other = { ...drained, name: "other", addresses: [OTHER], draining: false };
  await reload(fileOf([drained, other]));
  await isAnnounced(OTHER);
  await isAnnounced(POOLED);
  expect(await seenBy([H1, 41_000])).toEqual([kept]);
  const [seen = ""] = await seenBy([H1, 41_001]);
  expect(endpointOf(seen)[0]).toBe(OTHER);
  await eventually(
    "the change is in the history",
    async () => (await whoHas(endpointOf(seen))).private === H1,
    LIMIT_MS,
  );
  const { stderr } = await daemon.gwctl("nat", "who", `${POOLED}:${towards[1]}`);
  expect(stderr).toMatch(
    new RegExp(`pool default is draining: .*; flows that were open at [-\\dTZ:.]+ are ${H2}'s`),
  );
  expect((await daemon.gwctl("nat", "pools")).stdout).toMatch(new RegExp(`default +${POOLED} +draining`));
});

test("a pool comes and goes: it is announced while it is there, its flows end with it, and no others", async () => {
  const common = { name: "default", addresses: [POOLED] };
  await reload(fileOf([common]));
  // It was announced until then: only of one that was not it says anything that it is.
  await eventually(
    "the other address is of no pool",
    () => !listed("set", "pooled").includes(OTHER),
    LIMIT_MS,
  );
  await reload(fileOf([common, { name: "own", addresses: [OTHER], private: `${H2}/32` }]));
  await isAnnounced(OTHER);
  const [stays = ""] = await seenBy([H1, 42_000]);
  const [goes = ""] = await seenBy([H2, 42_000]);
  expect([stays, goes].map((seen) => endpointOf(seen)[0])).toEqual([POOLED, OTHER]);
  expect(listed("map", "mapping")).toContain(OTHER);

  await reload(fileOf([common]));
  await isAnnounced(OTHER, false);
  await isAnnounced(POOLED);
  await eventually("its mappings are gone", () => !listed("map", "mapping").includes(OTHER), LIMIT_MS);
  const flows = (): string => spaces.gw.run("conntrack", "-L");
  await eventually("its flows are gone", () => !flows().includes(OTHER), LIMIT_MS);
  expect(await seenBy([H1, 42_000])).toEqual([stays]);
  expect(endpointOf((await seenBy([H2, 42_000]))[0] ?? "")[0]).toBe(POOLED);
});
