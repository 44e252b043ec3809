/** An etcd of one member, for as long as a bench runs. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ETCD = "/usr/bin/etcd";
const CLIENTS = "http://127.0.0.1:23790";
const PEERS = "http://127.0.0.1:23800";
const START_MS = 10_000;
const PAUSE_MS = 50;

export class Etcd {
  readonly url: string = CLIENTS;
  readonly #folder: string = mkdtempSync(join(tmpdir(), "gatewayd-bench-"));
  readonly #process: ChildProcess;

  /** In the network namespace of this process. @throws Error when it does not answer */
  static async start(): Promise<Etcd> {
    const etcd = new Etcd();
    try {
      await untilWell();
      return etcd;
    } catch (error) {
      await etcd.stop();
      throw error;
    }
  }

  private constructor() {
    const options = [
      ...["--name=bench", `--data-dir=${this.#folder}`, "--log-level=error"],
      ...[`--listen-client-urls=${CLIENTS}`, `--advertise-client-urls=${CLIENTS}`],
      ...[`--listen-peer-urls=${PEERS}`, `--initial-advertise-peer-urls=${PEERS}`],
      `--initial-cluster=bench=${PEERS}`,
    ];
    this.#process = spawn(ETCD, options, { stdio: "ignore", env: { PATH: process.env["PATH"] } });
    this.#process.on("error", () => undefined);
  }

  get memoryMib(): number {
    const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kib) / 1024);
  }

  async stop(): Promise<void> {
    if (this.#process.pid !== undefined && this.#process.exitCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function untilWell(): Promise<void> {
  const until = performance.now() + START_MS;
  for (;;) {
    const isWell = await fetch(`${CLIENTS}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isWell) return;
    if (performance.now() > until) throw new Error("etcd did not start: is etcd-server installed?");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
