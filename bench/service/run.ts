/** One size of the bench of the service, inside its namespace. argv: {@link Size} as JSON. Prints {@link Figures} as JSON. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdStore } from "../../src/store/etcd/etcd.ts";
import { LocalStore } from "../../src/store/local/local.ts";
import type { Store } from "../../src/store/store.ts";
import { Etcd } from "../etcd.ts";
import { Session } from "../session.ts";
import { until } from "../until.ts";
import { type Cloud, writeCloud } from "./cloud.ts";

export interface Size {
  readonly floating: number;
  readonly changes: number;
  readonly kernel: "linux" | "none";
  /** Otherwise objects are in the local store. */
  readonly etcd: boolean;
}

export interface Spread {
  readonly median: number;
  readonly p99: number;
}

/** In milliseconds, until the last octet is there. */
interface Lists {
  /** All of them for the first time after the start, when none is written yet. */
  readonly first: number;
  readonly list: Spread;
  readonly listFields: Spread;
  readonly sorted: Spread;
  /** A thousand behind a marker, by id. */
  readonly page: Spread;
  readonly one: Spread;
}

/** In milliseconds. */
export interface Figures extends Lists {
  /** From the start of the process: all floating IPs with the peer, and so in the kernel. */
  readonly start: number;
  readonly create: Spread;
  /** From the request to its answer, and to the octets of the UPDATE at the peer. */
  readonly associate: Spread;
  readonly announced: Spread;
  readonly withdrawn: Spread;
  /** Of gatewayd alone; and with its own processes, for the store and the kernel. */
  readonly memory: Memory;
  readonly memoryOfAll: Memory;
}

/** Resident, in MiB. */
export interface Memory {
  readonly now: number;
  /** For processes together, the sum of what each had at most. */
  readonly most: number;
}

const DAEMON = "127.0.0.1";
const PEER = "127.0.0.2";
const PREFIX = "/gatewayd-bench";
const LISTS = 7;
/** What Node gives itself on a machine of 8 GiB and more; and more than that where floating IPs take it. */
const LEAST_HEAP_MIB = 4096;
const HEAP_MIB_EACH = 0.012;
const ROOT = join(import.meta.dirname, "../../..");

const size = JSON.parse(process.argv[2] ?? "{}") as Size;
const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
const socketPath = join(directory, "gatewayd.sock");
const agent = new Agent({ keepAlive: true });
const etcd = size.etcd ? await Etcd.start() : undefined;
try {
  const store = await openStore();
  const cloud = await writeCloud(store, size.floating, size.changes);
  await store.close();
  process.stdout.write(`${JSON.stringify(await measured(cloud))}\n`);
} finally {
  await etcd?.stop();
  rmSync(directory, { recursive: true });
}

function openStore(): Promise<Store> {
  if (etcd === undefined) return LocalStore.open(join(directory, "store"));
  return EtcdStore.open({
    endpoints: [new URL(etcd.url)],
    prefix: PREFIX,
    tls: undefined,
    login: undefined,
  });
}

async function measured(cloud: Cloud): Promise<Figures> {
  const peer = new Session({
    plan: { family: 4, length: 32, count: 1 << 21 },
    asn: 65_001,
    address: PEER,
    remote: DAEMON,
    holdSeconds: 30,
    counts: true,
  });
  const file = join(directory, "gateway.yaml");
  writeFileSync(file, JSON.stringify(configuration()));
  const beganMs = performance.now();
  const daemon = spawn(
    process.execPath,
    [
      `--max-old-space-size=${Math.max(LEAST_HEAP_MIB, Math.ceil(size.floating * HEAP_MIB_EACH))}`,
      ...(process.env["BENCH_NODE"]?.split(" ") ?? []),
      join(ROOT, "dist/src/daemon/gatewayd.js"),
      "run",
      file,
    ],
    {
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  const ended = once(daemon, "exit");
  try {
    await until(() => peer.known >= size.floating);
    const start = peer.heardAtMs - beganMs;
    const lists = await listsOf(cloud);
    const ids: string[] = [];
    const create = await times(size.changes, async () => {
      const body = { floatingip: { floating_network_id: cloud.outside } };
      const made = (await ask("POST", "floatingips", body)) as { floatingip: { id: string } };
      ids.push(made.floatingip.id);
    });
    const associated: number[] = [];
    const announced: number[] = [];
    const withdrawn: number[] = [];
    for (const [i, id] of ids.entries()) {
      const { answeredMs, heardMs } = await lead(peer, id, cloud.bare[i]!);
      associated.push(answeredMs);
      announced.push(heardMs);
    }
    for (const id of ids) withdrawn.push((await lead(peer, id, null)).heardMs);
    const memory = memoryOf([daemon.pid!]);
    const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "utf8");
    return {
      start,
      ...lists,
      create,
      associate: spread(associated),
      announced: spread(announced),
      withdrawn: spread(withdrawn),
      memory,
      memoryOfAll: memoryOf([daemon.pid!, ...children.trim().split(" ").map(Number)]),
    };
  } finally {
    peer.close();
    agent.destroy();
    daemon.kill("SIGTERM");
    await ended;
  }
}

async function listsOf(cloud: Cloud): Promise<Lists> {
  const some = cloud.floating[cloud.floating.length >> 1]!;
  const each = (search: string): Promise<Spread> => times(LISTS, () => ask("GET", `floatingips${search}`));
  return {
    first: (await times(1, () => ask("GET", "floatingips"))).median,
    list: await each(""),
    listFields: await each("?fields=id&fields=status"),
    sorted: await each("?sort_key=floating_ip_address&sort_dir=desc"),
    page: await each(`?limit=1000&marker=${some.id}`),
    one: await each(`?floating_ip_address=${some.address}`),
  };
}

/** Changes where a floating IP leads to. @returns when that was answered, and when the peer had the UPDATE */
async function lead(
  peer: Session,
  id: string,
  port_id: string | null,
): Promise<{ readonly answeredMs: number; readonly heardMs: number }> {
  const { heard } = peer;
  const sentMs = performance.now();
  await ask("PUT", `floatingips/${id}`, { floatingip: { port_id } });
  const answeredMs = performance.now() - sentMs;
  await until(() => peer.heard > heard);
  return { answeredMs, heardMs: peer.heardAtMs - sentMs };
}

function configuration(): object {
  return {
    hostname: "gateway-1",
    role: "gateway",
    bgp: {
      asn: 65_000,
      routerId: "192.0.2.1",
      listen: { addresses: [DAEMON] },
      peers: [
        { address: PEER, asn: 65_001, passive: true, import: [], export: [{ match: {}, then: "accept" }] },
      ],
    },
    store:
      etcd === undefined
        ? { type: "local", path: join(directory, "store") }
        : { type: "etcd", endpoints: [etcd.url], prefix: PREFIX, path: join(directory, "copy") },
    api: { socket: socketPath },
    kernel: { type: size.kernel },
    log: { level: "warn" },
  };
}

async function times(count: number, work: (i: number) => Promise<unknown>): Promise<Spread> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const beganMs = performance.now();
    await work(i);
    taken.push(performance.now() - beganMs);
  }
  return spread(taken);
}

function spread(taken: readonly number[]): Spread {
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}

function memoryOf(pids: readonly number[]): Memory {
  const sum = (field: string): number => {
    const kibibytes = pids.map((pid) =>
      Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0),
    );
    return Math.round(kibibytes.reduce((all, one) => all + one, 0) / 1024);
  };
  return { now: sum("VmRSS"), most: sum("VmHWM") };
}

function ask(method: string, path: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request({ socketPath, agent, method, path: `/v2.0/${path}`, headers }, (response) => {
      // A list is not read here: that is the client's time.
      if (method === "GET" && response.statusCode === 200) {
        response.on("end", resolve).resume();
        return;
      }
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 300)
          reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        else resolve(JSON.parse(text));
      });
    });
    asked.on("error", reject);
    asked.end(body && JSON.stringify(body));
  });
}
