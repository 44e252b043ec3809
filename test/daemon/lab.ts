/** A place of its own for one file of tests: a directory, loopback addresses, and the processes started in it. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { PeerAnswer, RouteAnswer, StatusAnswer } from "../../src/api/schema.ts";

const ROOT = join(import.meta.dirname, "../..");
export const GATEWAYD: string = join(ROOT, "dist/src/daemon/gatewayd.js");
export const GWCTL: string = join(ROOT, "dist/src/cli/gwctl.js");
/** High, and the same everywhere: what is told apart is the address. */
export const PORT = 17_900;

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly event: string;
  readonly msg?: string;
  readonly [fact: string]: unknown;
}

/** Polls until `look` gives something. @throws Error naming `what` when it does not within `limitMs` */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 50_000,
): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > until) throw new Error(`within ${limitMs} ms, not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Runs a program to its end; after `limitMs` it is killed, and `signal` says so. */
export async function runToEnd(program: string, args: readonly string[], limitMs = 50_000): Promise<Ended> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const ended = await endOf(child);
  clearTimeout(timer);
  return ended;
}

export const gatewayd = (...args: readonly string[]): Promise<Ended> =>
  runToEnd(process.execPath, [GATEWAYD, ...args]);

function endOf(child: ChildProcess): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

let blocks = 0;

export class Lab {
  readonly directory: string = mkdtempSync(join(tmpdir(), "gatewayd-test-"));
  readonly #block: number = blocks++;
  readonly #daemons: Daemon[] = [];

  constructor() {
    if (statSync(GATEWAYD, { throwIfNoEntry: false }) === undefined) {
      throw new Error("dist/ is missing: npm run build");
    }
  }

  /** An address of this lab alone: of 127.0.0.0/8, by process. */
  address(last: number): string {
    return `${this.prefix}.${last}`;
  }

  /** The first three octets of the lab's /24. */
  get prefix(): string {
    return `127.${64 + ((process.pid >> 6) & 127)}.${((process.pid & 63) << 2) + (this.#block & 3)}`;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** A configuration as JSON, which is YAML; text is written as it is. */
  write(name: string, config: object | string | Uint8Array): string {
    const path = this.path(name);
    const raw = typeof config === "string" || config instanceof Uint8Array;
    writeFileSync(path, raw ? config : `${JSON.stringify(config, null, 2)}\n`);
    return path;
  }

  /** Starts a daemon and waits until its API answers. `wrapper` comes before node on the command line. */
  async start(file: string, socket: string, wrapper: readonly string[] = []): Promise<Daemon> {
    const daemon = this.spawn(file, socket, wrapper);
    await eventually(`${file} answers`, async () => {
      if (daemon.ended !== undefined) throw new Error(`gatewayd ended: ${daemon.text}`);
      return (await daemon.tryGet("/healthz")) !== undefined;
    });
    return daemon;
  }

  spawn(file: string, socket: string, wrapper: readonly string[] = []): Daemon {
    const daemon = new Daemon(file, socket, wrapper);
    this.#daemons.push(daemon);
    return daemon;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.kill()));
    rmSync(this.directory, { recursive: true });
  }
}

/** A running `gatewayd run FILE`. */
export class Daemon {
  readonly pid: number;
  readonly logs: LogLine[] = [];
  /** What it wrote that is no line of log. */
  text = "";
  ended: Ended | undefined;
  readonly child: ChildProcess;
  readonly socket: string;
  readonly #end: Promise<Ended>;

  constructor(file: string, socket: string, wrapper: readonly string[]) {
    const [program, ...args] = [...wrapper, process.execPath, GATEWAYD, "run", "--no-rehearsal", file];
    this.socket = socket;
    this.child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.pid = this.child.pid!;
    createInterface({ input: this.child.stderr! }).on("line", (line) => this.#hear(line));
    this.#end = endOf(this.child).then((ended) => {
      this.ended = ended;
      return ended;
    });
  }

  /** Resolves with its end, however that comes. */
  end(limitMs = 50_000): Promise<Ended> {
    return eventually(`gatewayd ${this.pid} ends`, () => this.ended, limitMs);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.ended === undefined) this.child.kill("SIGKILL");
    await this.#end;
  }

  /** Lines of one event, those with all of `facts`. */
  events(event: string, facts: Readonly<Record<string, unknown>> = {}): LogLine[] {
    return this.logs.filter(
      (line) => line.event === event && Object.entries(facts).every(([name, value]) => line[name] === value),
    );
  }

  logged(event: string, facts: Readonly<Record<string, unknown>> = {}, limitMs?: number): Promise<LogLine> {
    const what = `a line ${event} ${JSON.stringify(facts)}`;
    return eventually(what, () => this.events(event, facts)[0], limitMs);
  }

  /** SIGHUP, and what the daemon then says about the file. */
  async reload(): Promise<LogLine> {
    const seen = (): LogLine[] => [...this.events("config.loaded"), ...this.events("config.refused")];
    const before = new Set(seen());
    this.signal("SIGHUP");
    return await eventually("a word about the reload", () => seen().find((line) => !before.has(line)));
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.ask(path)).body) as T;
  }

  /** Undefined while nobody answers. */
  tryGet(path: string): Promise<{ status: number; body: string } | undefined> {
    return this.ask(path).catch(() => undefined);
  }

  ask(path: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.socket, path, agent: false }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      });
      asked.setTimeout(50_000, () => asked.destroy(new Error(`${path}: no answer within 50 s`)));
      asked.on("error", reject);
      asked.end();
    });
  }

  status(): Promise<StatusAnswer> {
    return this.get("/api/v1/status");
  }

  peers(): Promise<readonly PeerAnswer[]> {
    return this.get("/api/v1/peers");
  }

  /** Undefined when there is no such peer. */
  async peer(address: string): Promise<PeerAnswer | undefined> {
    return (await this.peers()).find((peer) => peer.address === address);
  }

  async route(prefix: string): Promise<RouteAnswer | undefined> {
    const [route] = await this.get<readonly RouteAnswer[]>(`/api/v1/routes?prefix=${prefix}`);
    return route;
  }

  async metric(name: string): Promise<number | undefined> {
    const { body } = await this.ask("/metrics");
    const line = body.split("\n").find((text) => text.startsWith(`${name} `) || text.startsWith(`${name}{`));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ")));
  }

  established(...peers: readonly string[]): Promise<true> {
    return eventually(`sessions with ${peers.join(", ")}`, async () => {
      const states = new Map((await this.peers()).map(({ address, state }) => [address, state]));
      return peers.every((peer) => states.get(peer) === "established");
    });
  }

  gwctl(...args: readonly string[]): Promise<Ended> {
    return runToEnd(process.execPath, [GWCTL, "--socket", this.socket, ...args]);
  }

  #hear(line: string): void {
    if (line.startsWith("{")) this.logs.push(JSON.parse(line) as LogLine);
    else this.text += `${line}\n`;
  }
}
