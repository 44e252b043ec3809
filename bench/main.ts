/**
 * `npm run bench`: BGP daemons side by side, each in a network namespace of its own, under the same load, in one run.
 * The table's figures are medians; what counts is the ratio to BIRD, which the same machine had in the same minutes.
 */

import {
  type ChildProcess,
  execFile,
  execFileSync,
  type StdioOptions,
  spawn,
  spawnSync,
} from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs, promisify } from "node:util";
import { type BlastResult, type BlastSettings, DAEMON_ADDRESS, receiverOf, senderOf } from "./blast.ts";
import { CONTENDERS, type Contender } from "./daemons.ts";
import type { LibraryFigures } from "./library.ts";
import { ROWS, type Row } from "./rows.ts";
import { type Measured, table } from "./table.ts";

const LIMIT_MS = 300_000;
const START_MS = 1500;
const DUT = `bench-${process.pid}-dut`;
const LOAD = `bench-${process.pid}-load`;
const HELP = `npm run bench -- [--rows NAME,…] [--daemons NAME,…] [--runs N] [--scale F] [--json FILE]

  --rows     ${ROWS.map(({ name }) => name).join(", ")}; all unless given
  --daemons  ${CONTENDERS.map(({ name }) => name).join(", ")}; those that are installed unless given
  --runs     of each, whose median counts: 5
  --scale    part of each row's prefixes, for a quick look: 1
  --json     every single figure into a file

Examples:
  npm run bench -- --rows 2to1 --daemons gatewayd,BIRD --runs 3
  npm run bench -- --scale 0.1 --runs 1
`;

const given = parseArgs({
  options: {
    rows: { type: "string" },
    daemons: { type: "string" },
    runs: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
}).values;
if (given.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (process.getuid?.() !== 0) fail("root is needed, for network namespaces");
const rows = chosen("rows", ROWS, given.rows);
const contenders = chosen("daemons", CONTENDERS, given.daemons).filter(({ binary }) => existsSync(binary));
const runs = positive("runs", given.runs);
const scale = positive("scale", given.scale);

const measured: Measured[] = [];
process.stdout.write(`${machine()}\n${contenders.map(versionOf).join("\n")}\n\n`);
for (const row of rows) {
  for (let run = 1; run <= runs; run++) {
    // Each in turn, so that whatever else the machine does hits all of them.
    for (const contender of contenders) {
      progress(`${row.name}, run ${run} of ${runs}: ${contender.name}`);
      measured.push({ row: row.name, daemon: contender.name, ...(await measure(row, contender)) });
    }
  }
  progress("");
  process.stdout.write(`${table(row, measured)}\n`);
}
if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(measured, null, 1)}\n`);

async function measure(row: Row, contender: Contender): Promise<{ result: BlastResult } | { error: string }> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  let daemon: ChildProcess | undefined;
  try {
    connectNamespaces(row);
    const args = contender.prepare({ directory, senders: row.senders, receivers: row.receivers });
    const stdio: StdioOptions = ["ignore", contender.reports ? "pipe" : "ignore", "ignore"];
    daemon = spawn("ip", ["netns", "exec", DUT, contender.binary, ...args], { stdio });
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    const settings: BlastSettings = {
      plan: { ...row.plan, count: Math.max(1, Math.round(row.plan.count * scale)) },
      senders: row.senders,
      receivers: row.receivers,
      pids: pidsIn(DUT),
      then: row.then,
      limitMs: LIMIT_MS,
    };
    const program = [process.execPath, join(import.meta.dirname, "blast.js"), JSON.stringify(settings)];
    const { stdout } = await promisify(execFile)("ip", ["netns", "exec", LOAD, ...program]);
    const result = JSON.parse(stdout) as BlastResult;
    return { result: { ...result, ...(contender.reports && (await reportOf(daemon))) } };
  } catch (error) {
    return { error: errorText(error) };
  } finally {
    for (const pid of existingPids()) process.kill(pid, "SIGKILL");
    daemon?.kill("SIGKILL");
    removeNamespaces();
    rmSync(directory, { recursive: true });
  }
}

/** What it says of itself at its end. */
async function reportOf(daemon: ChildProcess): Promise<LibraryFigures> {
  daemon.kill("SIGTERM");
  return JSON.parse(await text(daemon.stdout!)) as LibraryFigures;
}

function connectNamespaces({ senders, receivers }: Row): void {
  removeNamespaces();
  const ip = (...words: string[]): unknown => execFileSync("ip", words);
  for (const name of [DUT, LOAD]) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("-n", DUT, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", LOAD);
  ip("-n", DUT, "address", "add", `${DAEMON_ADDRESS}/24`, "dev", "veth0");
  ip("-n", DUT, "address", "add", "fd00:9::1/64", "dev", "veth0", "nodad");
  const others = [
    ...Array.from({ length: senders }, (_, i) => senderOf(i)),
    ...Array.from({ length: receivers }, (_, i) => receiverOf(i)),
  ];
  for (const { address } of others) ip("-n", LOAD, "address", "add", `${address}/24`, "dev", "veth0");
  for (const name of [DUT, LOAD]) ip("-n", name, "link", "set", "veth0", "up");
}

function removeNamespaces(): void {
  for (const name of [DUT, LOAD]) spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
}

function pidsIn(namespace: string): number[] {
  const listed = execFileSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return listed.split("\n").filter(Boolean).map(Number);
}

/** Of what this run started. */
function existingPids(): number[] {
  try {
    return pidsIn(DUT);
  } catch {
    return [];
  }
}

function errorText(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split("\n")[0]!;
}

function chosen<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  return (
    names?.split(",").map((name) => {
      const found = all.find((one) => one.name.toLowerCase() === name.trim().toLowerCase());
      return (
        found ?? fail(`--${what}: there is no ${name}; there are ${all.map((one) => one.name).join(", ")}`)
      );
    }) ?? all
  );
}

function positive(what: string, text: string): number {
  const value = Number(text);
  return value > 0 && Number.isFinite(value)
    ? value
    : fail(`--${what}: expected a number above 0, found ${text}`);
}

function versionOf({ name, binary, version }: Contender): string {
  const { stdout, stderr } = spawnSync(binary, version, { encoding: "utf8" });
  return `${name.padEnd(10)}${`${stdout}${stderr}`.trim().split("\n")[0]}`;
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}`;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}

function fail(words: string): never {
  process.stderr.write(`${words}\n\n${HELP}`);
  process.exit(2);
}
