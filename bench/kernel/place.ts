/** A daemon in a namespace of its own, which programs that namespace's kernel, and two speakers in another one. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DAEMON_ADDRESS, senderOf } from "../blast.ts";
import type { PrefixPlan } from "../load.ts";
import type { Contender } from "./contenders.ts";
import type { Order } from "./speak.ts";

const DUT = `kernel-bench-${process.pid}-dut`;
const LOAD = `kernel-bench-${process.pid}-load`;
const LIMIT_MS = 300_000;
const START_MS = 1500;
const LOOK_MS = 20;
/** Prefixes that are looked at, over all that there are. */
const SAMPLES = 32;

export class Place {
  readonly #directory: string = mkdtempSync(join(tmpdir(), "kernel-bench-"));
  readonly #daemon: ChildProcess;
  readonly #speakers: ChildProcess;
  readonly #plan: PrefixPlan;
  readonly #samples: readonly string[];

  /** @param apart - the second speaker is behind a link of its own */
  static async make(
    contender: Contender,
    multipath: boolean,
    plan: PrefixPlan,
    apart: boolean,
  ): Promise<Place> {
    removeNamespaces();
    wire(apart);
    const place = new Place(contender, multipath, plan);
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    await place.order("meet");
    return place;
  }

  private constructor(contender: Contender, multipath: boolean, plan: PrefixPlan) {
    this.#plan = plan;
    const step = Math.max(1, Math.floor(plan.count / SAMPLES));
    const indexes = [...Array.from({ length: SAMPLES }, (_, i) => i * step), plan.count - 1];
    this.#samples = indexes.filter((i) => i < plan.count).map(addressOf);
    const [binary, ...args] = contender.prepare(this.#directory, multipath);
    this.#daemon = spawn("ip", ["netns", "exec", DUT, binary!, ...args], { stdio: "ignore" });
    const script = [process.execPath, join(import.meta.dirname, "speak.js"), JSON.stringify(plan)];
    this.#speakers = spawn("ip", ["netns", "exec", LOAD, ...script], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }

  /** Resolves to when it began, in ns of the monotonic clock. */
  async order(order: Order): Promise<bigint> {
    this.#speakers.send(order);
    const [began] = (await once(this.#speakers, "message")) as [string];
    return BigInt(began);
  }

  /** The link to the first speaker goes down. Returns when, as {@link order} does. */
  cut(): bigint {
    const began = process.hrtime.bigint();
    execFileSync("ip", ["-n", LOAD, "link", "set", "veth0", "down"]);
    return began;
  }

  /** Waits until the kernel has every prefix. */
  async isFull(): Promise<void> {
    const last = this.#samples.slice(-1);
    await this.#until(() => leadsOf(last).every((way) => way.includes(" via ")));
    await this.#until(() => this.#routes() >= this.#plan.count);
  }

  /** Waits until every prefix that is looked at leads to one speaker. */
  async leadsTo(speaker: number): Promise<void> {
    const via = ` via ${senderOf(speaker).address} `;
    await this.#until(() => leadsOf(this.#samples).every((way) => way.includes(via)));
  }

  /** Waits until some lead to the one and some to the other. */
  async isShared(): Promise<void> {
    await this.#until(
      () => new Set(leadsOf(this.#samples).map((way) => / via (\S+)/.exec(way)?.[1])).size > 1,
    );
  }

  /** Waits until the daemon, and what belongs to it, has nothing to do. */
  async rests(): Promise<void> {
    let before = this.cpuMs();
    for (let quiet = 0; quiet < 4; ) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      const now = this.cpuMs();
      quiet = now - before <= 20 ? quiet + 1 : 0;
      before = now;
    }
  }

  /** Of the daemon and what belongs to it. Ticks of Linux are 10 ms. */
  cpuMs(): number {
    return pidsIn(DUT).reduce((sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return sum + (Number(fields[11]) + Number(fields[12])) * 10;
    }, 0);
  }

  remove(): void {
    for (const namespace of [DUT, LOAD]) for (const pid of pidsIn(namespace)) process.kill(pid, "SIGKILL");
    this.#daemon.kill("SIGKILL");
    this.#speakers.kill("SIGKILL");
    removeNamespaces();
    rmSync(this.#directory, { recursive: true });
  }

  /** IPv4 routes in the daemon's namespace. */
  #routes(): number {
    const [pid] = pidsIn(DUT);
    const counted = readFileSync(`/proc/${pid}/net/fib_triestat`, "utf8").matchAll(/Prefixes:\s+(\d+)/g);
    return [...counted].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async #until(holds: () => boolean): Promise<void> {
    const untilMs = performance.now() + LIMIT_MS;
    while (!holds()) {
      if (this.#daemon.exitCode !== null) throw new Error(`the daemon ended with ${this.#daemon.exitCode}`);
      if (performance.now() > untilMs) throw new Error(`not within ${LIMIT_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 10));
    }
  }
}

/** Where packets to each of these leave, a line each. */
function leadsOf(addresses: readonly string[]): string[] {
  const input = addresses.map((address) => `route get ${address}\n`).join("");
  const { stdout } = spawnSync("ip", ["-n", DUT, "-o", "-force", "-batch", "-"], { input, encoding: "utf8" });
  const lines = stdout.split("\n").filter((line) => line.trim() !== "");
  return lines.length < addresses.length ? [""] : lines;
}

const addressOf = (k: number): string =>
  [20 + (k >>> 24), (k >>> 16) & 255, (k >>> 8) & 255, k & 255].join(".");

function wire(apart: boolean): void {
  const ip = (...words: readonly string[]): unknown => execFileSync("ip", words);
  for (const name of [DUT, LOAD]) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("-n", DUT, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", LOAD);
  if (apart) {
    ip("-n", DUT, "link", "add", "veth1", "type", "veth", "peer", "name", "veth1", "netns", LOAD);
    for (const i of [0, 1]) {
      const { address } = senderOf(i);
      ip("-n", DUT, "address", "add", DAEMON_ADDRESS, "peer", `${address}/32`, "dev", `veth${i}`);
      ip("-n", LOAD, "address", "add", address, "peer", `${DAEMON_ADDRESS}/32`, "dev", `veth${i}`);
    }
  } else {
    ip("-n", DUT, "address", "add", `${DAEMON_ADDRESS}/24`, "dev", "veth0");
    for (const i of [0, 1]) ip("-n", LOAD, "address", "add", `${senderOf(i).address}/24`, "dev", "veth0");
  }
  for (const name of [DUT, LOAD])
    for (const link of apart ? ["veth0", "veth1"] : ["veth0"]) ip("-n", name, "link", "set", link, "up");
}

function removeNamespaces(): void {
  for (const name of [DUT, LOAD]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
}

function pidsIn(namespace: string): number[] {
  const { stdout } = spawnSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}
