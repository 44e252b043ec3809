/** Network namespaces for the tests of this folder: made here, removed here. */

import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";

/** A fresh namespace, named after this process: test files run side by side. */
export function makeNamespace(name: string): Namespace {
  const full = `nat-${process.pid}-${name}`;
  execFileSync("ip", ["netns", "add", full]);
  const space = new Namespace(full);
  space.run("ip", "link", "set", "lo", "up");
  return space;
}

/** The listing of a big table, and then some. */
const MAX_OUTPUT = 1 << 28;

export class Namespace {
  readonly name: string;
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
    return spawnSync("ip", ["netns", "exec", this.name, ...command], {
      encoding: "utf8",
      maxBuffer: MAX_OUTPUT,
    });
  }

  /** One nftables transaction. */
  nft(text: string): void {
    const { status, stderr } = spawnSync("ip", ["netns", "exec", this.name, "nft", "-f", "-"], {
      input: text,
      encoding: "utf8",
      maxBuffer: MAX_OUTPUT,
    });
    if (status !== 0) throw new Error(stderr.slice(0, 2000));
  }

  /** Our table as nft lists it; undefined when there is none. */
  listing(): string | undefined {
    const listed = this.attempt("nft", "-s", "list", "table", "inet", "gatewayd");
    return listed.status === 0 ? listed.stdout : undefined;
  }

  remove(): void {
    execFileSync("ip", ["netns", "del", this.name]);
  }
}
