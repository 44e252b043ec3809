/**
 * `npm run bench -- kernel`: what peers tell, on its way into the kernel, and what becomes of the kernel's routes when a
 * next hop is lost, beside BIRD on the same machine in the same run. Each figure is a median.
 */

import { spawnSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { PrefixPlan } from "../load.ts";
import { CONTENDERS, type Contender } from "./contenders.ts";
import { Place } from "./place.ts";

const HELP = `npm run bench -- kernel [--rows NAME,…] [--daemons NAME,…] [--runs N] [--scale F]

  --rows     rate, nexthop, link, member; all unless given
  --daemons  ${CONTENDERS.map(({ name }) => name).join(", ")}; all unless given
  --runs     of each, whose median counts: 5
  --scale    part of the 1 000 000 routes, for a quick look: 1
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    rows: { type: "string", default: "rate,nexthop,link,member" },
    daemons: { type: "string", default: CONTENDERS.map(({ name }) => name).join(",") },
    runs: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    help: { type: "boolean", short: "h" },
  },
}).values;
if (given.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const rows = new Set(given.rows.split(","));
const names = new Set(given.daemons.toLowerCase().split(","));
const contenders = CONTENDERS.filter(({ name }) => names.has(name.toLowerCase()));
const runs = Number(given.runs);
const scale = Number(given.scale);
if (!(runs >= 1 && scale > 0) || contenders.length === 0 || process.getuid?.() !== 0) {
  process.stderr.write(`root is needed, and sensible numbers and names\n\n${HELP}`);
  process.exit(2);
}

const FEW = 1000;
const MANY = Math.round(1_000_000 * scale);
const hosts = (count: number): PrefixPlan => ({ family: 4, length: 32, count });

interface Taken {
  readonly ms: number;
  readonly cpuMs: number;
}

const load = loadavg().map((value) => value.toFixed(1));
process.stdout.write(`${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}\n`);
process.stdout.write(`load before: ${load.join(" ")}; ${birdVersion()}\n\n`);
if (rows.has("rate")) await compare(`${MANY} routes into the kernel`, (one) => fill(one, MANY), MANY);
for (const [row, title] of [
  ["nexthop", "the next hop is lost, all routes lead to the other"],
  ["link", "the link to the next hop goes down, all routes lead to the other, over another"],
  ["member", "a next hop of two is lost, all routes lead to the other"],
] as const) {
  if (!rows.has(row)) continue;
  for (const count of [FEW, MANY])
    await compare(`${title}: ${count} routes`, (one) => lose(one, row, count), undefined);
}

/** From the first octet to the last route. */
async function fill(contender: Contender, count: number): Promise<Taken> {
  const place = await Place.make(contender, false, hosts(count), false);
  try {
    const cpuMs = place.cpuMs();
    const began = await place.order({ tell: 0 });
    await place.isFull();
    return { ms: since(began), cpuMs: place.cpuMs() - cpuMs };
  } finally {
    place.remove();
  }
}

/** From the end of the session, or of the link, to the kernel that does without. The CPU time is of all that comes of it. */
async function lose(contender: Contender, row: string, count: number): Promise<Taken> {
  const multipath = row === "member";
  const place = await Place.make(contender, multipath, hosts(count), row === "link");
  try {
    await place.order({ tell: 0 });
    await place.order({ tell: 1 });
    await place.isFull();
    await place.rests();
    if (multipath) await place.isShared();
    else await place.leadsTo(0);
    const cpuMs = place.cpuMs();
    const began = row === "link" ? place.cut() : await place.order({ end: 0 });
    await place.leadsTo(1);
    const ms = since(began);
    await place.rests();
    return { ms, cpuMs: place.cpuMs() - cpuMs };
  } finally {
    place.remove();
  }
}

/** Each in turn, so that whatever else the machine does hits all of them. */
async function compare(
  title: string,
  measure: (one: Contender) => Promise<Taken>,
  routes: number | undefined,
): Promise<void> {
  const taken = contenders.map((): Taken[] => []);
  for (let run = 1; run <= runs; run++) {
    for (const [i, one] of contenders.entries()) {
      process.stderr.write(`${title}, run ${run} of ${runs}: ${one.name}\n`);
      taken[i]!.push(await measure(one));
    }
  }
  process.stdout.write(`${title}\n`);
  for (const [i, { name }] of contenders.entries()) {
    const ms = median(taken[i]!.map((one) => one.ms));
    const rate = routes === undefined ? "" : `  ${Math.round((routes * 1000) / ms)} routes/s`;
    const cpu = `${Math.round(median(taken[i]!.map(({ cpuMs }) => cpuMs)))} ms of CPU`;
    process.stdout.write(`  ${name.padEnd(10)}${ms.toFixed(0).padStart(7)} ms  ${cpu}${rate}\n`);
  }
  process.stdout.write("\n");
}

function since(began: bigint): number {
  return Number(process.hrtime.bigint() - began) / 1e6;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function birdVersion(): string {
  const { stdout, stderr } = spawnSync("/usr/sbin/bird", ["--version"], { encoding: "utf8" });
  return `${stdout}${stderr}`.trim();
}
