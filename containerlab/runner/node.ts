/**
 * A node of a lab: a process that holds its namespaces, and what runs in them.
 *
 * The holder is the first process of its process namespace, so the kernel ends all of the node with it. It dies with
 * the runner, too, whatever the runner dies of: each process here asks for SIGKILL when its parent goes.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Background, background, collect, type Output } from "./background.ts";
import { holderScript } from "./holder.ts";
import { type Identity, identify } from "./identity.ts";
import { INSIDE } from "./images.ts";
import type { TopologyNode } from "./topology.ts";
import { typed } from "./words.ts";

/** What docker leaves to root in a container that is not privileged. */
const CONTAINER_CAPABILITIES =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE";
const PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const EXEC_TIMEOUT_MS = 60_000;
const HOLD_TIMEOUT_MS = 30_000;

export class RunningNode {
  readonly name: string;
  readonly holder: Identity;
  readonly #enter: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  constructor(node: TopologyNode, holder: Identity) {
    this.name = node.name;
    this.holder = holder;
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"];
    this.#enter = ["nsenter", "--target", String(holder.pid), ...namespaces, "--", ...confine(node)];
    this.#env = {
      PATH: `${INSIDE}/containerlab/image/bin:${dirname(process.execPath)}:${PATHS}`,
      HOME: "/root",
      HOSTNAME: node.name,
      LANG: "C.UTF-8",
      ...node.env,
    };
  }

  /** Runs a command in the node and waits for it. Never rejects: a command that cannot be run has code 127. */
  exec(command: readonly string[], timeoutMs: number = EXEC_TIMEOUT_MS): Promise<Output> {
    return new Promise((resolve) => {
      const child = this.#spawn(command, ["ignore", "pipe", "pipe"]);
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      const written = collect(child);
      child.once("error", (error) => resolve({ stdout: "", stderr: error.message, code: 127 }));
      child.once("close", (code) => {
        clearTimeout(timer);
        resolve({ ...written(), code: code ?? 137 });
      });
    });
  }

  start(command: readonly string[]): Background {
    return background(this.#spawn(command, ["ignore", "pipe", "pipe"]), typed(command));
  }

  /** Runs the node's main program; what it writes goes to a file. */
  run(command: readonly string[], logFile: string): void {
    const log = openSync(logFile, "a");
    this.#spawn(command, ["ignore", log, log]).once("error", () => undefined);
    closeSync(log);
  }

  /** A shell script that runs its arguments in the node, for people. */
  script(): string {
    const env = Object.entries(this.#env).map(([name, value]) => `${name}=${value}`);
    return `#!/bin/sh\nexec env -i TERM="$TERM" ${typed([...env, ...this.#enter])} "$@"\n`;
  }

  #spawn(command: readonly string[], stdio: ["ignore", "pipe" | number, "pipe" | number]): ChildProcess {
    const [program = "nsenter", ...rest] = this.#enter;
    // detached: Ctrl-C in the terminal is for the runner alone, which then takes the node down in order.
    return spawn(program, [...rest, ...command], { stdio, env: this.#env, detached: true });
  }
}

/**
 * Starts a node's holder.
 * @param directory - of the lab; the node's /run and its logs live there
 * @throws Error with what the holder said, when it could not set itself up
 */
export async function hold(
  labName: string,
  node: TopologyNode,
  directory: string,
  root: string,
): Promise<Identity> {
  const script = join(directory, `${node.name}.holder`);
  const run = join(directory, node.name);
  const memory = join(directory, `${node.name}.memory`);
  for (const path of [run, memory]) mkdirSync(path, { recursive: true });
  writeFileSync(script, holderScript(node, { run, memory, root }));
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"];
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "unshare", ...namespaces, "sh", script, `gwlab-${labName}-${node.name}`],
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  try {
    const [, pid] = await background(child, `node ${node.name}`).said(/^(\d+)$/m, HOLD_TIMEOUT_MS);
    const holder = identify(Number(pid));
    if (holder === undefined) throw new Error(`node ${node.name}: its first process died at once`);
    return holder;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** What a node's processes are started by, so that they have what a container would have and no more. */
function confine(node: TopologyNode): string[] {
  if (node.privileged) return ["setpriv", "--pdeathsig", "KILL"];
  const kept = new Set([...CONTAINER_CAPABILITIES.split(" "), ...node.capabilities]);
  const bounding = ["-all", ...[...kept].map((capability) => `+${capability.toLowerCase()}`)].join(",");
  return ["setpriv", `--bounding-set=${bounding}`, "--inh-caps=-all", "--pdeathsig", "KILL"];
}
