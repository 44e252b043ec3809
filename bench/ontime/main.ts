/**
 * `npm run bench -- ontime`: is gatewayd on time while a million routes come in, and while all of them are judged again
 * since an RPKI cache says otherwise? A quiet peer times its keepalives, a client asks the API again and again, and BIRD
 * watches it by BFD.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import {
  type BlastResult,
  type BlastSettings,
  DAEMON_ADDRESS,
  DAEMON_ASN,
  HOLD_SECONDS,
  receiverOf,
  senderOf,
} from "../blast.ts";
import { machine } from "../measure.ts";
import { Pair } from "../pair.ts";
import type { JudgedSettings } from "./judged.ts";
import type { Watched, WatchSettings } from "./watch.ts";

const HELP = `npm run bench -- ontime [--routes N] [--vrps N] [--runs N]

  --routes  that come in, and go out to one other peer: 1000000
  --vrps    that a cache has at once, which had none: 400000
  --runs    3
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    routes: { type: "string", default: "1000000" },
    vrps: { type: "string", default: "400000" },
    runs: { type: "string", default: "3" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const routes = Number(given.routes);
const vrps = Number(given.vrps);
const runs = Number(given.runs);
if (given.help === true || !(routes >= 1 && vrps >= 1 && runs >= 1) || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and numbers from 1 on\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

const ROOT = resolve(import.meta.dirname, "../../..");
const pair = new Pair();
const QUIET: WatchSettings = { address: "10.9.0.60", asn: 65_060, holdSeconds: 3 };
const BIRD = { address: "10.9.0.61", asn: 65_061 };
const CACHE = "10.9.0.62";
/** RFC 5880: three packets of 50 ms. */
const BFD = { intervalMs: 50, multiplier: 3 };
const SETTLE_MS = 5000;
const ASK_EVERY_MS = 10;
const LIMIT_MS = 300_000;

interface Figures {
  readonly convergedMs: number;
  readonly keepaliveLateMs: number;
  readonly apiMedianMs: number;
  readonly api99Ms: number;
  readonly apiMostMs: number;
  readonly bfdLosses: number;
}

process.stdout.write(`${machine()}\n`);
for (const [what, comes] of [
  [`${routes} routes from one peer to another`, aTable],
  [`${routes} routes judged again by ${vrps} VRPs, and told again`, anotherWord],
] as const) {
  process.stdout.write(`\n${what}\n`);
  process.stdout.write("converged  keepalive late  API median, 99th, most      BFD losses\n");
  for (let run = 0; run < runs; run++) process.stdout.write(`${line(await once(comes))}\n`);
}

function line(f: Figures): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  const api = [f.apiMedianMs, f.api99Ms, f.apiMostMs].map(ms).join(", ");
  return [ms(f.convergedMs).padEnd(11), ms(f.keepaliveLateMs).padEnd(16), api.padEnd(28), f.bfdLosses].join(
    "",
  );
}

/** Runs a program in a namespace. */
type InNamespace = (name: string, ...words: string[]) => ChildProcess;

/**
 * What gatewayd is to be on time under: how long it took, in milliseconds.
 * @param begins - to be called when it begins
 */
type Comes = (inNamespace: InNamespace, begins: () => void) => Promise<number>;

async function aTable(inNamespace: InNamespace, begins: () => void): Promise<number> {
  begins();
  const result = await text(node(inNamespace, "../blast.js", load()).stdout!);
  return (JSON.parse(result) as BlastResult).convergedMs;
}

async function anotherWord(inNamespace: InNamespace, begins: () => void): Promise<number> {
  const settings: JudgedSettings = { plan: { family: 4, length: 32, count: routes }, address: CACHE, vrps };
  const judged = node(inNamespace, "judged.js", settings);
  const lines = createInterface({ input: judged.stdout! })[Symbol.asyncIterator]();
  await lines.next();
  begins();
  judged.kill("SIGUSR1");
  const { value } = await lines.next();
  return Number(value);
}

async function once(comes: Comes): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const started: ChildProcess[] = [];
  const inNamespace: InNamespace = (name, ...words) => {
    const child = spawn("ip", ["netns", "exec", name, ...words], { stdio: ["ignore", "pipe", "ignore"] });
    started.push(child);
    return child;
  };
  try {
    pair.connect([...[senderOf(0), receiverOf(0), QUIET, BIRD].map(({ address }) => address), CACHE]);
    const socket = join(directory, "gatewayd.sock");
    const gatewayd = join(ROOT, "dist/src/daemon/gatewayd.js");
    inNamespace(
      pair.dut,
      process.execPath,
      gatewayd,
      "run",
      written(directory, "gateway.yaml", config(socket, comes === anotherWord)),
    );
    const control = join(directory, "bird.ctl");
    inNamespace(
      pair.load,
      "/usr/sbin/bird",
      "-f",
      "-c",
      written(directory, "bird.conf", birdConfig()),
      "-s",
      control,
    );
    const watch = node(inNamespace, "watch.js", QUIET);
    await new Promise((done) => setTimeout(done, SETTLE_MS));
    let asking: ReturnType<typeof ask> | undefined;
    const convergedMs = await comes(inNamespace, () => {
      watch.kill("SIGUSR1");
      asking = ask(socket);
    });
    const waits = (await asking?.end()) ?? [];
    watch.kill("SIGTERM");
    const watched = JSON.parse(await text(watch.stdout!)) as Watched;
    if (!watched.established || watched.failure !== undefined) {
      throw new Error(`the quiet session: ${watched.failure ?? "never established"}`);
    }
    return {
      convergedMs,
      keepaliveLateMs: watched.lateMs,
      apiMedianMs: waits[waits.length >> 1]!,
      api99Ms: waits[Math.floor(waits.length * 0.99)]!,
      apiMostMs: waits.at(-1)!,
      bfdLosses: await lossesOf(socket),
    };
  } finally {
    for (const child of started) child.kill("SIGKILL");
    pair.remove();
    rmSync(directory, { recursive: true });
  }
}

function node(inNamespace: InNamespace, program: string, settings: object): ChildProcess {
  return inNamespace(
    pair.load,
    process.execPath,
    join(import.meta.dirname, program),
    JSON.stringify(settings),
  );
}

function load(): BlastSettings {
  const plan = { family: 4, length: 32, count: routes } as const;
  return { plan, senders: 1, receivers: 1, pids: pair.pids(), then: "nothing", limitMs: LIMIT_MS };
}

function config(socket: string, judges: boolean): string {
  const bfd = { interval: `${BFD.intervalMs}ms`, multiplier: BFD.multiplier };
  const passes = { passive: true, export: "all", holdTime: `${HOLD_SECONDS}s` };
  const marked = { match: { rpki: "invalid" }, then: "accept", set: { communities: ["65000:666"] } };
  const isTold = { passive: true, import: "all", export: "none" };
  return JSON.stringify({
    bgp: {
      asn: DAEMON_ASN,
      routerId: DAEMON_ADDRESS,
      listen: { addresses: [DAEMON_ADDRESS] },
      ...(judges && { rpki: { caches: [{ address: CACHE }] } }),
      policies: {
        all: [{ match: {}, then: "accept" }],
        none: [{ match: {}, then: "reject" }],
        judged: [marked, { match: {}, then: "accept" }],
      },
      peers: [
        { ...senderOf(0), ...passes, import: judges ? "judged" : "all" },
        { ...receiverOf(0), ...passes, import: "all" },
        { address: QUIET.address, asn: QUIET.asn, ...isTold, holdTime: `${QUIET.holdSeconds}s` },
        { ...BIRD, ...isTold, bfd },
      ],
    },
    api: { socket },
    kernel: { type: "none" },
    log: { level: "warn" },
  });
}

function birdConfig(): string {
  return `router id ${BIRD.address};
log stderr all;
protocol device {}
protocol bfd watch {
  interface "veth0" { min rx interval ${BFD.intervalMs} ms; min tx interval ${BFD.intervalMs} ms; multiplier ${BFD.multiplier}; };
}
protocol bgp watched {
  local ${BIRD.address} as ${BIRD.asn}; neighbor ${DAEMON_ADDRESS} as ${DAEMON_ASN}; bfd on;
  ipv4 { import all; export none; };
}
`;
}

/** How often the session that BIRD watches by BFD was lost. @throws Error when it never came up, or is down */
async function lossesOf(socketPath: string): Promise<number> {
  const answer = await new Promise<IncomingMessage>((done, fail) => {
    get({ socketPath, path: "/api/v1/peers" }, done).once("error", fail);
  });
  const peers = JSON.parse(await text(answer)) as readonly PeerAnswer[];
  const watched = peers.find(({ address }) => address === BIRD.address);
  if (watched?.bfd?.state !== "up") throw new Error(`BFD with BIRD is ${watched?.bfd?.state ?? "not there"}`);
  return watched.flaps;
}

interface PeerAnswer {
  readonly address: string;
  readonly flaps: number;
  readonly bfd?: { readonly state: string };
}

/** Asks for the peers every some milliseconds, one question at a time. */
function ask(socketPath: string): { end(): Promise<readonly number[]> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const waits: number[] = [];
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) {
      const beganMs = performance.now();
      await new Promise<void>((done, fail) => {
        get({ socketPath, path: "/api/v1/peers", agent }, (answer) => {
          answer.resume().once("end", done).once("error", fail);
        }).once("error", fail);
      });
      waits.push(performance.now() - beganMs);
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
    }
  };
  const ended = loop();
  return {
    async end() {
      over = true;
      await ended;
      agent.destroy();
      return waits.sort((a, b) => a - b);
    },
  };
}

function written(directory: string, name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
