/**
 * `npm run bench -- through`: from the word that there is one floating IP more to the first packet through it. A client on a
 * router, which is BIRD, sends all the time; gatewayd tells the router and so many other peers; an instance hears it.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { LocalStore } from "../../src/store/local/local.ts";
import type { ListenSettings } from "../announce/listen.ts";
import { DAEMON_ADDRESS, DAEMON_ASN, HOLD_SECONDS, receiverOf } from "../blast.ts";
import { machine, progress } from "../measure.ts";
import { Pair } from "../pair.ts";
import { askFor, type FloatingIp } from "../service/ask.ts";
import { type Cloud, INSIDE, writeCloud } from "../service/cloud.ts";

const HELP = `npm run bench -- through [--peers N,…] [--changes N]

  --peers    that are told of it, one of them the router: 1,100
  --changes  floating IPs, one after the other, 1 to 200: 50
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    peers: { type: "string", default: "1,100" },
    changes: { type: "string", default: "50" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const peerCounts = given.peers.split(",").map(Number);
const changes = Number(given.changes);
const isSensible = peerCounts.every((one) => one >= 1) && changes >= 1 && changes <= 200;
if (given.help === true || !isSensible || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and sensible numbers\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

const ROOT = resolve(import.meta.dirname, "../../..");
const ROUTER = { address: "10.9.0.2", asn: 65_002 };
const INSTANCES = `bench-${process.pid}-instances`;
const START_MS = 5000;
/** Until the client sends there. */
const SENDING_MS = 20;
const pair = new Pair();
/** As the cloud of the bench of the service has them. */
const fixed = Array.from({ length: changes }, (_, i) => `10.128.1.${i}`);

interface Way {
  readonly addresses: readonly string[];
  /** Says that the `i`th is to lead to its instance. */
  readonly say: (i: number) => Promise<unknown> | undefined;
}

process.stdout.write(`${machine()}\nmilliseconds to the first packet, median / 99th percentile\n\n`);
for (const peers of peerCounts) {
  for (const way of ["file", "API"] as const) {
    progress(`${way}, ${peers} peers`);
    const sorted = (await measure(way, peers)).toSorted((a, b) => a - b);
    const at = (part: number): string => sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(1);
    progress("");
    process.stdout.write(`${way.padEnd(6)}${String(peers).padStart(4)} peers  ${at(0.5)} / ${at(0.99)}\n`);
  }
}

async function measure(way: "file" | "API", peers: number): Promise<readonly number[]> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const started: ChildProcess[] = [];
  const inside = (name: string, ...words: string[]): ChildProcess => {
    const child = spawn("ip", ["netns", "exec", name, ...words], { stdio: ["pipe", "pipe", "ignore"] });
    started.push(child);
    return child;
  };
  const node = (name: string, program: string, settings: unknown): ChildProcess =>
    inside(name, process.execPath, join(import.meta.dirname, program), JSON.stringify(settings));
  try {
    wire(peers);
    const store = await LocalStore.open(join(directory, "store"));
    const cloud = await writeCloud(store, 0, changes);
    await store.close();
    const file = join(directory, "gateway.yaml");
    writeFileSync(file, config(directory, peers, []));
    const daemon = inside(pair.dut, process.execPath, join(ROOT, "dist/src/daemon/gatewayd.js"), "run", file);
    writeFileSync(join(directory, "bird.conf"), birdConfig());
    inside(pair.load, "bird", "-f", "-c", join(directory, "bird.conf"), "-s", join(directory, "bird.ctl"));
    const arrivals = linesOf(node(INSTANCES, "arrive.js", fixed));
    await arrivals.next();
    if (peers > 1) {
      const plan = { family: 4, length: 32, count: 1 } as const;
      const others: ListenSettings = { peers: peers - 1, plan };
      await linesOf(node(pair.load, "../announce/listen.js", others)).next();
    }
    const client = node(pair.load, "send.js", {});
    await pause(START_MS);
    const { addresses, say } =
      way === "file"
        ? byFile(daemon.pid!, directory, peers)
        : await byApi(join(directory, "gatewayd.sock"), cloud);
    const taken: number[] = [];
    for (const [i, address] of addresses.entries()) {
      client.stdin!.write(`${address}\n`);
      await pause(SENDING_MS);
      const began = process.hrtime.bigint();
      const said = say(i);
      taken.push(Number(BigInt((await arrivals.next()).value as string) - began) / 1e6);
      await said;
    }
    return taken;
  } finally {
    for (const child of started) child.kill("SIGKILL");
    await Promise.all(started.map((child) => child.exitCode ?? child.signalCode ?? once(child, "exit")));
    execFileSync("ip", ["netns", "del", INSTANCES]);
    pair.remove();
    rmSync(directory, { recursive: true });
  }
}

function linesOf({ stdout }: ChildProcess): AsyncIterator<string> {
  return createInterface({ input: stdout! })[Symbol.asyncIterator]();
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Router and other peers, gateway, and behind it the instances. */
function wire(peers: number): void {
  const others = Array.from({ length: peers - 1 }, (_, i) => receiverOf(i).address);
  pair.connect([ROUTER.address, ...others]);
  const ip = (...words: string[]): unknown => execFileSync("ip", words);
  ip("netns", "add", INSTANCES);
  ip("-n", pair.dut, "link", "add", "hosts", "type", "veth", "peer", "name", "eth0", "netns", INSTANCES);
  ip("-n", pair.dut, "address", "add", INSIDE.replace(".0/", ".1/"), "dev", "hosts");
  for (const address of fixed) ip("-n", INSTANCES, "address", "add", `${address}/9`, "dev", "eth0");
  ip("-n", pair.dut, "link", "set", "hosts", "up");
  ip("-n", INSTANCES, "link", "set", "eth0", "up");
  ip("-n", INSTANCES, "route", "add", "default", "via", "10.128.0.1");
}

function byFile(pid: number, directory: string, peers: number): Way {
  return {
    addresses: fixed.map((_, i) => outsideOf(i)),
    say: (i) => {
      writeFileSync(join(directory, "gateway.yaml"), config(directory, peers, fixed.slice(0, i + 1)));
      process.kill(pid, "SIGHUP");
      return undefined;
    },
  };
}

function outsideOf(i: number): string {
  return `20.1.0.${i}`;
}

async function byApi(socketPath: string, { outside, bare }: Cloud): Promise<Way> {
  const made: FloatingIp[] = [];
  for (const _ of bare)
    made.push(await askFor(socketPath, "POST", "floatingips", { floating_network_id: outside }));
  return {
    addresses: made.map(({ floating_ip_address }) => floating_ip_address),
    say: (i) => askFor(socketPath, "PUT", `floatingips/${made[i]!.id}`, { port_id: bare[i]! }),
  };
}

function config(directory: string, peers: number, instances: readonly string[]): string {
  const all = [{ match: {}, then: "accept" }];
  const told = [ROUTER, ...Array.from({ length: peers - 1 }, (_, i) => receiverOf(i))];
  return JSON.stringify({
    hostname: "gateway-1",
    role: "gateway",
    bgp: {
      asn: DAEMON_ASN,
      routerId: DAEMON_ADDRESS,
      listen: { addresses: [DAEMON_ADDRESS] },
      groups: { all: { passive: true, holdTime: `${HOLD_SECONDS}s`, import: [], export: all } },
      peers: told.map((peer) => ({ ...peer, group: "all" })),
    },
    floatingIps: instances.map((to, i) => ({ address: outsideOf(i), to })),
    store: { type: "local", path: join(directory, "store") },
    api: { socket: join(directory, "gatewayd.sock") },
    kernel: { type: "linux" },
    log: { level: "warn" },
  });
}

function birdConfig(): string {
  return `router id ${ROUTER.address};
protocol device {}
protocol kernel { ipv4 { import none; export all; }; }
protocol bgp told {
  local ${ROUTER.address} as ${ROUTER.asn}; neighbor ${DAEMON_ADDRESS} as ${DAEMON_ASN};
  connect delay time 1; connect retry time 1; hold time ${HOLD_SECONDS};
  ipv4 { import all; export none; };
}
`;
}
