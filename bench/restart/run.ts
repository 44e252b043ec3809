/** One size of the bench of restarts, inside its namespace. argv: the size. Prints {@link Figures} as JSON. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LocalStore } from "../../src/store/local/local.ts";
import { announcements, endOfRib, type PrefixPlan } from "../load.ts";
import { writeCloud } from "../service/cloud.ts";
import { Session } from "../session.ts";
import { until } from "../until.ts";

export interface Figures {
  /** From the start of the process until it has done all, and may remove what nobody told again. */
  readonly firstMs: number;
  readonly againMs: number;
  /** Lines of `nft monitor` and `ip monitor`: elements, rules, routes and next hops. */
  readonly firstWritten: number;
  readonly againWritten: number;
}

const ROOT = join(import.meta.dirname, "../../..");
const DAEMON = "127.0.0.1";
const HEARER = { address: "127.0.0.2", asn: 65_001 };
const TELLER = { address: "127.0.0.3", asn: 65_002 };
/** Beside the namespace's own address. */
const NEXT_HOP = Uint8Array.of(0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10);
const LOOK_MS = 10;
/** Monitors say nothing when they have begun, and what they tell comes a little later. */
const MONITOR_MS = 1000;

const size = Number(process.argv[2]);
const told: PrefixPlan = { family: 6, length: 48, count: size };
const octets = announcements(told, { ...TELLER, index: 0, nextHop: NEXT_HOP });
const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
const file = join(directory, "gateway.yaml");
try {
  const store = await LocalStore.open(join(directory, "store"));
  await writeCloud(store, size, 0);
  await store.close();
  writeFileSync(file, JSON.stringify(configuration()));
  const first = await life();
  const again = await life();
  const figures: Figures = {
    firstMs: first.ms,
    againMs: again.ms,
    firstWritten: first.written,
    againWritten: again.written,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  rmSync(directory, { recursive: true });
}

/** From a start to a stop. */
async function life(): Promise<{ readonly ms: number; readonly written: number }> {
  const monitors = [spawn("nft", ["monitor"]), spawn("ip", ["monitor", "route", "nexthop"])];
  let written = 0;
  for (const { stdout } of monitors) createInterface({ input: stdout }).on("line", () => written++);
  await pause(MONITOR_MS);
  const common = { remote: DAEMON, holdSeconds: 30 };
  const hearer = new Session({
    ...common,
    ...HEARER,
    plan: { family: 4, length: 32, count: 1 << 21 },
    counts: true,
  });
  const teller = new Session({ ...common, ...TELLER, plan: told, counts: false });
  const beganMs = performance.now();
  const daemon = spawn(process.execPath, [join(ROOT, "dist/src/daemon/gatewayd.js"), "run", file], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const ready = readyOf(daemon);
    await until(() => hearer.established && teller.established, LOOK_MS);
    await hearer.send(Buffer.concat([endOfRib(4), endOfRib(6)]));
    await teller.send(Buffer.concat([endOfRib(4), octets]));
    await until(() => hearer.known >= size, LOOK_MS);
    const ms = (await ready) - beganMs;
    await pause(MONITOR_MS);
    return { ms, written };
  } finally {
    hearer.close();
    teller.close();
    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    await ended;
    for (const monitor of monitors) monitor.kill();
  }
}

/** When it says that everything is programmed and announced. */
async function readyOf({ stderr }: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: stderr! })) {
    if (line.includes("gateway.ready")) return performance.now();
  }
  throw new Error("gatewayd ended");
}

function configuration(): object {
  const peer = { passive: true, holdTime: "30s" };
  const all = [{ match: {}, then: "accept" }];
  return {
    hostname: "gateway-1",
    role: "gateway",
    bgp: {
      asn: 65_000,
      routerId: "192.0.2.1",
      listen: { addresses: [DAEMON] },
      peers: [
        { ...HEARER, ...peer, import: [], export: all },
        { ...TELLER, ...peer, import: all, export: [] },
      ],
    },
    store: { type: "local", path: join(directory, "store") },
    api: { socket: join(directory, "gatewayd.sock") },
    kernel: { type: "linux" },
    log: { format: "json" },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
