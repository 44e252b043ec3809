/** Keeps netd running, and pairs its answers with what was asked. */

import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import {
  CODE,
  type Drift,
  decodeLinkChanges,
  decodeNeighbour,
  encodeJson,
  type Link,
  type LinkChanges,
  type Neighbour,
  type Settings,
  type Warning,
} from "./commands.ts";
import { InvalidCommand, parseJson } from "./fields.ts";
import { encodeFrame, type Frame, FrameReader } from "./frames.ts";
import { KernelError } from "./kernel-error.ts";
import { decodeWays, type NextHopWay } from "./routes/way-commands.ts";

/** How long to wait before the next start, by the number of starts that came to nothing. */
const LADDER_MS = [0, 100, 500, 1000];
/** A run of this length counts as a success: the ladder begins anew. */
const STEADY_MS = 10_000;
/** A command without an answer for so long means that netd hangs. */
const ANSWER_MS = 60_000;
/** The end of what netd wrote to stderr before it died. */
const LAST_WORDS = 2000;

export interface Answer {
  readonly end: Buffer;
}

interface Pending {
  readonly timer: NodeJS.Timeout;
  resolve(answer: Answer): void;
  reject(error: KernelError): void;
}

interface Events {
  up: readonly Warning[];
  down: string;
  links: readonly Link[];
  drift: readonly Drift[];
  warning: Warning;
  neighbour: Neighbour;
  ways: readonly NextHopWay[];
}

type Listeners = { [Name in keyof Events]: Set<(told: Events[Name]) => void> };

/** One life of netd. */
interface Run {
  readonly child: ChildProcess;
  readonly stream: Duplex;
  readonly pending: Map<number, Pending>;
  lastWords: string;
  fatal: KernelError | undefined;
  upAt: number | undefined;
}

export class Supervisor {
  readonly #script: string;
  readonly #settings: Settings;
  readonly #listeners: Listeners = {
    up: new Set(),
    down: new Set(),
    links: new Set(),
    drift: new Set(),
    warning: new Set(),
    neighbour: new Set(),
    ways: new Set(),
  };
  #links = new Map<number, Link>();
  #warnings: readonly Warning[] | undefined;
  #run: Run | undefined;
  #failures = 0;
  #nextId = 1;
  #respawn: NodeJS.Timeout | undefined;
  #closed: (() => void) | undefined;
  #first: { resolve(): void; reject(error: KernelError): void } | undefined;

  constructor(script: string, settings: Settings) {
    this.#script = script;
    this.#settings = settings;
  }

  /** What netd could not set at its start; undefined while it is not running. */
  get warnings(): readonly Warning[] | undefined {
    return this.#warnings;
  }

  /** As netd told last; those of before while it is away. */
  links(): readonly Link[] {
    return [...this.#links.values()];
  }

  on<Name extends keyof Events>(event: Name, listener: (told: Events[Name]) => void): () => void {
    const listeners: Set<(told: Events[Name]) => void> = this.#listeners[event];
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Resolves when netd runs for the first time. A first start that fails is not tried again. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#spawn();
    });
  }

  /** @throws KernelError */
  ask(code: number, payload: Buffer): Promise<Answer> {
    const run = this.#run;
    if (run?.upAt === undefined) return Promise.reject(new KernelError("netd.down", "netd is not running"));
    const id = this.#nextId;
    this.#nextId = id === 0xffffffff ? 1 : id + 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => run.child.kill("SIGKILL"), ANSWER_MS);
      timer.unref();
      run.pending.set(id, { timer, resolve, reject });
      run.stream.write(encodeFrame(id, code, payload));
    });
  }

  /** Ends netd and waits for its end. */
  close(): Promise<void> {
    clearTimeout(this.#respawn);
    const run = this.#run;
    return new Promise((resolve) => {
      this.#closed = resolve;
      if (run === undefined) resolve();
      else run.stream.destroy();
    });
  }

  #spawn(): void {
    const child = spawn(process.execPath, [this.#script, encodeJson(this.#settings).toString()], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      // One thread waits for events all the time; a second for whatever else Node has to do.
      env: { UV_THREADPOOL_SIZE: "2" },
    });
    const stream = child.stdio[3] as Duplex;
    const run: Run = {
      child,
      stream,
      pending: new Map(),
      lastWords: "",
      fatal: undefined,
      upAt: undefined,
    };
    this.#run = run;
    const frames = new FrameReader();
    stream.on("data", (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) this.#hearOrEnd(run, frame);
    });
    // A broken pipe comes with the end of the process, which is heard of below.
    stream.on("error", () => undefined);
    child.stderr?.on("data", (chunk: Buffer) => {
      run.lastWords = `${run.lastWords}${chunk.toString()}`.slice(-LAST_WORDS);
    });
    child.on("error", (error) => this.#ended(run, error.message));
    child.on("close", (status, signal) => this.#ended(run, signal ?? `exit status ${status}`));
  }

  /** A netd that talks nonsense is ended, and started again. */
  #hearOrEnd(run: Run, frame: Frame): void {
    try {
      this.#hear(run, frame);
    } catch (error) {
      if (!(error instanceof InvalidCommand)) throw error;
      run.lastWords = `netd said what it must not: ${error.message}`;
      run.child.kill("SIGKILL");
    }
  }

  #hear(run: Run, { id, code, payload }: Frame): void {
    switch (code) {
      case CODE.done:
        this.#settle(run, id, (pending) => pending.resolve({ end: payload }));
        return;
      case CODE.failed:
        this.#settle(run, id, (pending) => pending.reject(failureIn(payload)));
        return;
      case CODE.hello:
        this.#up(run, payload);
        return;
      case CODE.links:
        this.#change(decodeLinkChanges(parseJson(payload)));
        return;
      case CODE.drift:
        this.#tell("drift", parseJson(payload) as Drift[]);
        return;
      case CODE.warning:
        this.#tell("warning", parseJson(payload) as Warning);
        return;
      case CODE.neighbour:
        this.#tell("neighbour", decodeNeighbour(payload));
        return;
      case CODE.ways:
        this.#tell("ways", decodeWays(payload));
        return;
      case CODE.fatal: {
        const { code: reason, message } = parseJson(payload) as { code: string; message: string };
        run.fatal = new KernelError(reason === "netd.missing" ? "netd.missing" : "netd.down", message);
      }
    }
  }

  #up(run: Run, payload: Buffer): void {
    const hello = parseJson(payload) as { warnings: readonly Warning[]; links: unknown };
    run.upAt = performance.now();
    this.#warnings = hello.warnings;
    this.#links = new Map();
    this.#first?.resolve();
    this.#first = undefined;
    this.#change(decodeLinkChanges(hello.links));
    this.#tell("up", hello.warnings);
  }

  #change({ changed, gone }: LinkChanges): void {
    for (const index of gone) this.#links.delete(index);
    for (const link of changed) this.#links.set(link.index, link);
    this.#tell("links", this.links());
  }

  #settle(run: Run, id: number, settle: (pending: Pending) => void): void {
    const pending = run.pending.get(id);
    if (pending === undefined) return;
    run.pending.delete(id);
    clearTimeout(pending.timer);
    settle(pending);
  }

  #ended(run: Run, how: string): void {
    if (this.#run !== run) return;
    this.#run = undefined;
    this.#warnings = undefined;
    const words = run.lastWords.trim();
    const reason = run.fatal?.message ?? `netd ended (${how})${words === "" ? "" : `: ${words}`}`;
    const error = run.fatal ?? new KernelError("netd.down", reason);
    for (const id of [...run.pending.keys()]) this.#settle(run, id, (pending) => pending.reject(error));
    if (this.#closed !== undefined) {
      this.#closed();
      return;
    }
    if (this.#first !== undefined) {
      this.#first.reject(error);
      this.#first = undefined;
      return;
    }
    const steady = run.upAt !== undefined && performance.now() - run.upAt >= STEADY_MS;
    const wait = LADDER_MS[steady ? 0 : Math.min(this.#failures, LADDER_MS.length - 1)]!;
    this.#failures = steady ? 1 : this.#failures + 1;
    this.#respawn = setTimeout(() => this.#spawn(), wait);
    if (run.upAt !== undefined) this.#tell("down", reason);
  }

  #tell<Name extends keyof Events>(event: Name, told: Events[Name]): void {
    const listeners: Set<(told: Events[Name]) => void> = this.#listeners[event];
    for (const listener of [...listeners]) listener(told);
  }
}

function failureIn(payload: Buffer): KernelError {
  const { code, message } = parseJson(payload) as { code: string; message: string };
  return new KernelError(code === "InvalidCommand" ? "invalid" : "refused", message);
}
