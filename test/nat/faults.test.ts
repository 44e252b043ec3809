/**
 * A whole gateway to which bad things happen: others meddle with its table, its privileged process dies, the kernel
 * refuses, something is used up. In order: each begins where the one before ended.
 *
 * CONNTRACK=full in the environment fills the machine's table of flows as well: some 300 000 entries, for half a minute.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FloatingIpAnswer } from "../../src/api/schema.ts";
import { type Daemon, eventually, Lab } from "../daemon/lab.ts";
import { shows } from "../requirements/shows.ts";
import type { LineProcess } from "./namespace.ts";
import {
  A,
  type Endpoint,
  H1,
  H2,
  removeAll,
  S1,
  SERVERS,
  seenBy,
  type TwoHosts,
  twoHosts,
} from "./two-hosts.ts";

const [FLOATING, SECOND, FORWARDED] = ["172.16.1.3", "172.16.1.4", "172.16.1.5"] as const;
const POOLED = "198.51.100.20";
const LIMIT_MS = 60_000;

let spaces: TwoHosts;
let lab: Lab;
let daemon: Daemon;
let hosts: LineProcess;
let world: LineProcess;

beforeAll(async () => {
  spaces = twoHosts("bad");
  spaces.world.run("ip", "route", "add", "172.16.1.0/24", "via", "203.0.113.254");
  const script = fileURLToPath(new URL("tcp.mjs", import.meta.url));
  hosts = spaces.hosts.start(process.execPath, script);
  world = spaces.world.start(process.execPath, script);
  for (const server of SERVERS) await world.ask({ listen: server });
  await hosts.ask({ listen: [H1, 80] });
  for (const host of [H1, H2]) await hosts.ask({ listen: [host, 8080] });
  lab = new Lab();
  const file = lab.write("gw.yaml", fileOf([FLOATING]));
  daemon = await lab.start(file, lab.path("gw.sock"), ["ip", "netns", "exec", spaces.gw.name]);
});

afterAll(async () => {
  await lab.remove();
  await removeAll(spaces);
});

interface More {
  /** Of {@link FORWARDED}: to whose port 8080 the ports from 80 on lead. */
  readonly forwards?: readonly string[];
  readonly log?: object;
}

const fileOf = (floating: readonly string[], { forwards = [], log = {} }: More = {}): object => ({
  role: "gateway",
  hostname: "gw",
  bgp: { asn: 65_000, routerId: "10.65.255.1", peers: [{ address: S1, asn: 64_512, passive: true }] },
  nat: {
    private: "10.65.0.0/16",
    pools: [{ name: "default", addresses: [POOLED], ports: "2000-2001", mapping: "addressAndPortDependent" }],
    log,
  },
  floatingIps: [
    ...floating.map((address, i) => ({ address, to: i === 0 ? H1 : H2, egress: "fixed" })),
    ...(forwards.length === 0 ? [] : [{ address: FORWARDED, forwards: forwards.map(forward) }]),
  ],
  api: { socket: lab.path("gw.sock") },
});

const forward = (to: string, i: number): object => ({ protocol: "tcp", port: 80 + i, to, toPort: 8080 });

const answerOf = async (address: string): Promise<FloatingIpAnswer | undefined> =>
  (await daemon.get<readonly FloatingIpAnswer[]>("/api/v1/floatingips")).find((ip) => ip.address === address);

const isServed = (address: string): Promise<unknown> =>
  eventually(
    `${address} is served`,
    async () => {
      const answer = await answerOf(address);
      return answer?.status === "ACTIVE" && answer.announced;
    },
    LIMIT_MS,
  );

let port = 30_000;
/** Whether somebody outside gets through to the first floating IP, with a new connection. */
const gotThrough = async (): Promise<boolean> => {
  const [seen = ""] = await seenBy(world, [S1, port++], [[FLOATING, 80]]);
  return seen.startsWith(`${S1}:`);
};

test("what is wanted comes into force", async () => {
  await isServed(FLOATING);
  expect(await gotThrough()).toBe(true);
});

describe("somebody meddles with our table: it is put right, and counted", () => {
  test.each([
    ["deletes it", "delete table inet gatewayd"],
    ["flushes everything", "flush ruleset"],
    ["flushes its rules", "flush table inet gatewayd"],
    ["flushes a map", "flush map inet gatewayd floating"],
    ["deletes a floating IP", `delete element inet gatewayd floating { ${FLOATING} }`],
    ["adds a rule of his own", "insert rule inet gatewayd dstnat drop"],
  ])("%s", async (_, damage) => {
    const table = await spaces.gw.listing();
    const repairs = (await daemon.metric("gatewayd_drift_repairs_total")) ?? 0;
    // A connection that there is does not end with the rules.
    const own: Endpoint = [S1, port++];
    await seenBy(world, own, [[FLOATING, 80]]);
    spaces.gw.run("nft", damage);
    await eventually("it is as it was", async () => (await spaces.gw.listing()) === table, LIMIT_MS);
    await eventually(
      "it is counted",
      async () => ((await daemon.metric("gatewayd_drift_repairs_total")) ?? 0) > repairs,
      LIMIT_MS,
    );
    await isServed(FLOATING);
    expect(await gotThrough()).toBe(true);
  });
});

/** The privileged process of the gateway. */
const netd = (): number => Number(spaces.gw.run("pgrep", "-P", String(daemon.pid), "-f", "/netd.js"));

test("netd is killed in the middle of a change: what was there goes on, and the change is made by the next one", async () => {
  const pid = netd();
  process.kill(pid, "SIGSTOP");
  lab.write("gw.yaml", fileOf([FLOATING, SECOND]));
  await daemon.reload();
  await eventually("it waits for netd", async () => (await answerOf(SECOND))?.status === "DOWN", LIMIT_MS);
  expect(await gotThrough()).toBe(true);
  process.kill(pid, "SIGKILL");
  await isServed(SECOND);
  expect(await daemon.metric("gatewayd_kernel_restarts_total")).toBe(1);
  expect(await answerOf(FLOATING)).toMatchObject({ status: "ACTIVE", announced: true });
  expect(await gotThrough()).toBe(true);
});

test("the kernel refuses our table: floating IPs say ERROR, and are not announced until it takes it", async () => {
  const refused = (await daemon.metric('gatewayd_reconcile_errors_total{part="nat"}')) ?? 0;
  const owner = await ownTable();
  await eventually(
    "ERROR",
    async () => {
      const answer = await answerOf(FLOATING);
      return answer?.status === "ERROR" && !answer.announced && answer.reason?.includes("not permitted");
    },
    LIMIT_MS,
  );
  const { stdout } = await daemon.gwctl("show", "floatingips");
  expect(stdout).toMatch(new RegExp(`${FLOATING}.*ERROR.*not permitted`));
  expect((await daemon.status()).problems.map(({ code }) => code)).toContain("nat.refused");
  expect(await daemon.metric('gatewayd_reconcile_errors_total{part="nat"}')).toBeGreaterThan(refused);
  owner.kill("SIGKILL");
  await once(owner, "exit");
  await isServed(FLOATING);
  expect(await gotThrough()).toBe(true);
});

/** Replaces the table by one of a program that keeps it for itself: the kernel lets nobody else write to it. */
async function ownTable(): Promise<ChildProcess> {
  const owner = spawn("ip", ["netns", "exec", spaces.gw.name, "nft", "-i"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  owner.stdin.write("delete table inet gatewayd; add table inet gatewayd { flags owner; }\n");
  await eventually("the table is theirs", () => {
    const { stdout } = spaces.gw.attempt("nft", "list", "table", "inet", "gatewayd");
    return stdout.includes("flags owner");
  });
  return owner;
}

test("the ports are used up: connections that there are go on, a new one waits until one ends, and it is counted", async () => {
  shows("RFC 6888 REQ-11a", "RFC 6888 REQ-11c", "RFC 6888 REQ-11d");
  const failed = (await daemon.metric("gatewayd_conntrack_insert_failed_total")) ?? 0;
  const server: Endpoint = [S1, A];
  const throughPool = async (): Promise<readonly string[]> =>
    ((await world.ask({ accepted: server })) as string[]).filter((seen) => seen.startsWith(POOLED)).sort();
  for (const own of [20_000, 20_001]) await seenBy(hosts, [H2, own], [server]);
  expect(await throughPool()).toEqual([`${POOLED}:2000`, `${POOLED}:2001`]);
  await hosts.ask({ begin: [H2, 20_002], to: server });
  await eventually(
    "it is counted",
    async () => ((await daemon.metric("gatewayd_conntrack_insert_failed_total")) ?? 0) > failed,
    LIMIT_MS,
  );
  expect(await throughPool()).toHaveLength(2);
  // Towards another destination the same ports serve again.
  expect(await seenBy(hosts, [H2, 20_003], [SERVERS[1]!])).toEqual([
    expect.stringMatching(`^${POOLED}:200[01]$`),
  ]);
  spaces.gw.run("conntrack", "-D", "-p", "tcp", "--orig-port-src", "20000");
  // Its SYN is sent again, and finds a port.
  expect(await hosts.ask({ outcome: [H2, 20_002], to: server })).toBe("connected");
});

test("pools, sessions and refusals can be read as tables, as JSON and by Prometheus", async () => {
  shows("RFC 6888 REQ-10");
  const { stdout } = await daemon.gwctl("nat", "pools");
  expect(stdout).toMatch(new RegExp(`^default +${POOLED} +active +[1-9]`, "m"));
  expect(await daemon.get(`/api/v1/nat/sessions?private=${H2}&protocol=tcp`)).toMatchObject({
    sessions: expect.arrayContaining([
      expect.objectContaining({ public: expect.stringMatching(`^${POOLED}:200`) }),
    ]),
  });
  expect(await daemon.metric("gatewayd_conntrack_entries")).toBeGreaterThan(0);
});

test("a forwarded port that leads elsewhere does so at once, and ends its own connections and no others", async () => {
  lab.write("gw.yaml", fileOf([FLOATING, SECOND], { forwards: [H1, H2] }));
  await daemon.reload();
  await isServed(FORWARDED);
  const [first, second]: [Endpoint, Endpoint] = [
    [S1, port++],
    [S1, port++],
  ];
  await seenBy(world, first, [[FORWARDED, 80]]);
  await seenBy(world, second, [[FORWARDED, 81]]);
  const isTracked = ([, from]: Endpoint): boolean =>
    spaces.gw.run("conntrack", "-L", "-p", "tcp", "--orig-port-src", `${from}`) !== "";
  expect([first, second].map(isTracked)).toEqual([true, true]);
  lab.write("gw.yaml", fileOf([FLOATING, SECOND], { forwards: [H2, H2] }));
  await daemon.reload();
  await eventually("the other host answers", async () => {
    const own: Endpoint = [S1, port++];
    // Whoever is asked answers: there is no moment without a way.
    expect(await seenBy(world, own, [[FORWARDED, 80]])).toEqual([own.join(":")]);
    return ((await hosts.ask({ accepted: [H2, 8080] })) as string[]).includes(own.join(":"));
  });
  await eventually("its connections are forgotten", () => !isTracked(first));
  expect(isTracked(second)).toBe(true);
  expect(await answerOf(FORWARDED)).toMatchObject({ status: "ACTIVE", announced: true });
});

test("a log that takes nothing hurts no packet, and what it lost is counted", async () => {
  lab.write("gw.yaml", fileOf([FLOATING, SECOND], { log: { file: "/dev/full" } }));
  await daemon.reload();
  await eventually("a session is lost", async () => {
    expect(await gotThrough()).toBe(true);
    return ((await daemon.metric("gatewayd_nat_log_records_lost_total")) ?? 0) > 0;
  });
  expect(await daemon.get("/api/v1/nat/log")).toMatchObject({
    outputs: [{ target: "/dev/full", written: 0, lastError: expect.stringMatching(/no space left/i) }],
  });
});

const { CONNTRACK } = process.env;
test.runIf(CONNTRACK === "full")(
  "conntrack is full: flows that there are go on, and the operator is told",
  async () => {
    const max = Number(spaces.gw.run("sysctl", "-n", "net.netfilter.nf_conntrack_max"));
    const own: Endpoint = [S1, port++];
    await seenBy(world, own, [[FLOATING, 80]]);
    const lines = Array.from({ length: max }, (_, i) => {
      const from = `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
      return `-A -t 600 -u SEEN_REPLY,ASSURED -s ${from} -d 192.0.2.1 -r 192.0.2.1 -q ${from} -p udp --sport 1 --dport 2 --reply-port-src 2 --reply-port-dst 1\n`;
    });
    writeFileSync(lab.path("flows"), lines.join(""));
    spaces.gw.attempt("conntrack", "-R", lab.path("flows"));
    await eventually(
      "it is told",
      async () => (await daemon.status()).problems.some(({ code }) => code === "conntrack.filling"),
      LIMIT_MS,
    );
    await world.ask({ begin: [S1, port], to: [FLOATING, 80] });
    await eventually(
      "flows are lost",
      async () => ((await daemon.metric("gatewayd_conntrack_drop_total")) ?? 0) > 0,
      LIMIT_MS,
    );
    await world.ask({ end: own, to: [FLOATING, 80] });
    await hosts.ask({ end: [H1, 80], to: own });
    await eventually("the connection ends as it should", () =>
      spaces.gw.run("conntrack", "-L", "-p", "tcp", "--orig-port-src", `${own[1]}`).includes("TIME_WAIT"),
    );
    spaces.gw.run("conntrack", "-F");
    expect(await world.ask({ outcome: [S1, port++], to: [FLOATING, 80] })).toBe("connected");
  },
  120_000,
);
