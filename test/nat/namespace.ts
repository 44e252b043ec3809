/** Network namespaces: made here, joined here, removed here. nftables in them is spoken to as netd does it. */

import {
  type ChildProcessByStdio,
  execFileSync,
  type SpawnSyncReturns,
  spawn,
  spawnSync,
} from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** A fresh namespace, named after this process: test files run side by side. */
export function makeNamespace(name: string): Namespace {
  const full = `nat-${process.pid}-${name}`;
  execFileSync("ip", ["netns", "add", full]);
  const space = new Namespace(full);
  space.run("ip", "link", "set", "lo", "up");
  return space;
}

export class Namespace {
  readonly name: string;
  readonly #processes: LineProcess[] = [];
  #nft: LineProcess | undefined;
  constructor(name: string) {
    this.name = name;
  }

  /** What the command printed. @throws Error with its standard error when it fails */
  run(...command: readonly string[]): string {
    const { status, stdout, stderr } = this.attempt(...command);
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  attempt(...command: readonly string[]): SpawnSyncReturns<string> {
    return spawnSync("ip", ["netns", "exec", this.name, ...command], { encoding: "utf8" });
  }

  /** Lays a cable: its end here is called `name`, the other one is the other namespace's eth0. Both are up. */
  join(name: string, other: Namespace): void {
    this.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", other.name);
    this.run("ip", "link", "set", name, "up");
    other.run("ip", "link", "set", "eth0", "up");
  }

  /** A program that answers each line with a line. It is ended with the namespace. */
  start(...command: readonly string[]): LineProcess {
    const started = new LineProcess(["ip", "netns", "exec", this.name, ...command]);
    this.#processes.push(started);
    return started;
  }

  /** One nftables transaction, as netd does it. @throws Error as nft says it */
  async nft(text: string): Promise<void> {
    const { failed } = (await this.#ask(text)) as { failed?: string };
    if (failed !== undefined) throw new Error(failed.slice(0, 2000));
  }

  /** Our table as nft lists it; undefined when there is none. */
  async listing(): Promise<string | undefined> {
    return ((await this.#ask(null)) as { listing?: string }).listing;
  }

  async remove(): Promise<void> {
    for (const started of this.#processes) await started.end();
    execFileSync("ip", ["netns", "del", this.name]);
  }

  #ask(what: string | null): Promise<unknown> {
    this.#nft ??= this.start(process.execPath, fileURLToPath(new URL("nft-process.mjs", import.meta.url)));
    return this.#nft.ask(what);
  }
}

export class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  constructor([program = "", ...words]: readonly string[]) {
    this.#child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    this.#interface = createInterface(this.#child.stdout);
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** Asks with one value, as JSON, and resolves with the answer. Never two at a time. */
  async ask(what: unknown): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(what)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the process ended without an answer");
    return JSON.parse(value);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
    this.#interface.close();
  }
}
