/** One daemon under one load, in two network namespaces of its own; and what all benches say of machine and progress. */

import { type ChildProcess, execFile, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { type BlastResult, type BlastSettings, receiverOf, senderOf } from "./blast.ts";
import type { Contender } from "./daemons.ts";
import type { LibraryFigures } from "./library.ts";
import { Pair } from "./pair.ts";
import type { Row } from "./rows.ts";

const LIMIT_MS = 300_000;
const START_MS = 1500;
const pair = new Pair();

/** @param scale - part of the row's prefixes */
export async function measure(
  row: Row,
  contender: Contender,
  scale: number,
): Promise<{ result: BlastResult } | { error: string }> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  let daemon: ChildProcess | undefined;
  try {
    pair.connect([...ofMany(row.senders, senderOf), ...ofMany(row.receivers, receiverOf)]);
    const args = contender.prepare({ directory, senders: row.senders, receivers: row.receivers });
    const stdio: StdioOptions = ["ignore", contender.reports ? "pipe" : "ignore", "ignore"];
    daemon = spawn("ip", ["netns", "exec", pair.dut, contender.binary, ...args], { stdio });
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    const settings: BlastSettings = {
      plan: { ...row.plan, count: Math.max(1, Math.round(row.plan.count * scale)) },
      senders: row.senders,
      receivers: row.receivers,
      pids: pair.pids(),
      then: row.then,
      limitMs: LIMIT_MS,
    };
    const program = [process.execPath, join(import.meta.dirname, "blast.js"), JSON.stringify(settings)];
    const { stdout } = await promisify(execFile)("ip", ["netns", "exec", pair.load, ...program]);
    const result = JSON.parse(stdout) as BlastResult;
    return { result: { ...result, ...(contender.reports && (await reportOf(daemon))) } };
  } catch (error) {
    return { error: errorText(error) };
  } finally {
    for (const pid of pair.pids()) process.kill(pid, "SIGKILL");
    daemon?.kill("SIGKILL");
    pair.remove();
    rmSync(directory, { recursive: true });
  }
}

/** What it says of itself at its end. */
async function reportOf(daemon: ChildProcess): Promise<LibraryFigures> {
  daemon.kill("SIGTERM");
  return JSON.parse(await text(daemon.stdout!)) as LibraryFigures;
}

const ofMany = (count: number, of: (i: number) => { address: string }): string[] =>
  Array.from({ length: count }, (_, i) => of(i).address);

function errorText(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split("\n")[0]!;
}

export function versionOf({ name, binary, version }: Contender): string {
  const { stdout, stderr } = spawnSync(binary, version, { encoding: "utf8" });
  return `${name.padEnd(10)}${`${stdout}${stderr}`.trim().split("\n")[0]}`;
}

export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}`;
}

export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}
