/** Runs `speaker-process.mjs` in a namespace and talks to it. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = join(import.meta.dirname, "../..");
const SOURCES = join(ROOT, "src/bgp");
const BUILDS = join(ROOT, "dist/interop");
/** Builds of older sources go after a day: whoever uses one has long ended. */
const KEPT_MS = 86_400_000;

/**
 * Returns its entry. A build is named after what it was made of, and comes to its name whole: test files that run at
 * once share one, and none gets an older one.
 */
export function buildLibrary(): string {
  const home = join(BUILDS, contentHash());
  if (!existsSync(home)) build(home);
  return join(home, "index.js");
}

function build(home: string): void {
  const draft = `${home}.${process.pid}`;
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  mkdirSync(draft, { recursive: true });
  for (const name of readdirSync(BUILDS)) {
    const build = join(BUILDS, name);
    if (Date.now() - statSync(build).mtimeMs > KEPT_MS) rmSync(build, { recursive: true, force: true });
  }
  execFileSync(process.execPath, [tsc, "-p", join(SOURCES, "tsconfig.json"), "--outDir", draft]);
  writeFileSync(join(draft, "package.json"), '{ "type": "module" }\n');
  try {
    renameSync(draft, home);
  } catch (error) {
    // Another file's tests were faster.
    if (!existsSync(home)) throw error;
    rmSync(draft, { recursive: true });
  }
}

function contentHash(): string {
  const hash = createHash("sha256");
  for (const name of (readdirSync(SOURCES, { recursive: true }) as string[]).sort()) {
    if (/\.(ts|json)$/.test(name) && !/^dist\/|node_modules|\.test\.ts$/.test(name)) {
      hash.update(`${name}\n`).update(readFileSync(join(SOURCES, name)));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

export interface OurEvent {
  readonly on: string;
  readonly [field: string]: unknown;
}

export interface OurPeer {
  readonly address: string;
  readonly state: string;
  readonly flaps: number;
  /** Families, each way. */
  readonly addPath: { readonly send: readonly number[]; readonly receive: readonly number[] };
  readonly md5: boolean;
  readonly ttlSecurity: boolean;
  readonly lastError?: { readonly words: string };
  readonly prefixes: { readonly received: number; readonly accepted: number; readonly advertised: number };
  readonly bfd?: { readonly state: string; readonly remoteState: string; readonly diagnostic?: string };
  readonly messages: Readonly<Record<"received" | "sent", Readonly<Record<string, number>>>>;
  readonly gracefulRestart: {
    readonly negotiated: boolean;
    readonly stalePaths: number;
    readonly stale: readonly { readonly family: number; readonly phase: string; readonly leftMs: number }[];
  };
}

export interface OurRoute {
  readonly prefix: string;
  /** RFC 7911; 0 without. */
  readonly pathId: number;
  readonly accepted: boolean;
  readonly nextHop: string;
  readonly stale: boolean;
  /** The import rule that decided. */
  readonly rule: string;
  /** As import policy left it. */
  readonly after?: {
    readonly asPath: string;
    readonly med?: number;
    readonly onlyToCustomer?: number;
    readonly localPref?: number;
    readonly communities: readonly number[];
  };
}

export interface SpeakerSettings {
  readonly namespace: string;
  readonly library: string;
  readonly listen: readonly string[];
  readonly options: object;
}

export class OurSpeaker {
  readonly events: OurEvent[] = [];
  readonly #child: ChildProcess;
  readonly #answers: Map<number, (result: unknown) => void> = new Map();
  readonly #exited: Promise<void>;
  #id = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
    });
  }

  /** Resolves once it listens. */
  static async start({ namespace, library, listen, options }: SpeakerSettings): Promise<OurSpeaker> {
    const script = fileURLToPath(new URL("./speaker-process.mjs", import.meta.url));
    const given = [library, listen.join(","), JSON.stringify(options)];
    const child = spawn("ip", ["netns", "exec", namespace, process.execPath, script, ...given], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const speaker = new OurSpeaker(child);
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the speaker ended with ${code}`)));
      createInterface({ input: child.stdout! }).on("line", (line) =>
        speaker.#hear(JSON.parse(line), resolve),
      );
    });
    return speaker;
  }

  ask(command: string, argument?: unknown): Promise<unknown> {
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.stdin!.write(`${JSON.stringify({ id, command, argument })}\n`);
    });
  }

  async peers(): Promise<readonly OurPeer[]> {
    return (await this.ask("peers")) as readonly OurPeer[];
  }

  async received(peer: string): Promise<readonly OurRoute[]> {
    return (await this.ask("received", peer)) as readonly OurRoute[];
  }

  /** SIGKILL: nothing is said to anybody. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #hear(value: { id?: number; result?: unknown; event?: OurEvent }, listening: () => void): void {
    if (value.event?.on === "listening") listening();
    else if (value.event !== undefined) this.events.push(value.event);
    else if (value.id !== undefined) {
      this.#answers.get(value.id)?.(value.result);
      this.#answers.delete(value.id);
    }
  }
}
