/**
 * `npm run bench -- nat`: what our rules cost, against the shortest rule that translates at all, on the same machine in the
 * same run. Each figure is a median; what counts is the ratio, which is also given of processor times: the kernel forwards
 * within the process that sends, so that its time is that of the packets.
 */

import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type Passed, Place } from "./place.ts";
import type { Shape } from "./tables.ts";

const HELP = `npm run bench -- nat [--rows NAME,…] [--runs N] [--scale F]

  --rows   new, known, private, floating, change; all unless given
  --runs   of each, whose median counts: 5
  --scale  part of the flows, and of the most floating IPs and private addresses, for a quick look: 1
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    rows: { type: "string", default: "new,known,private,floating,change" },
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
const runs = Number(given.runs);
const scale = Number(given.scale);
if (!(runs >= 1 && scale > 0 && scale <= 1) || process.getuid?.() !== 0) {
  process.stderr.write(`root is needed, and sensible numbers\n\n${HELP}`);
  process.exit(2);
}

/** conntrack has room for some 260 000 flows by default. */
const FLOWS = Math.round(200_000 * scale);
/** Prime, so that source addresses and ports do not repeat together. */
const SOURCES = 251;
const KNOWN = 64;
const CHANGES = 50;

const MASQUERADE = `table ip nat {
  chain postrouting { type nat hook postrouting priority 100; oifname servers masquerade; }
}
`;

interface Contender {
  readonly name: string;
  /** "masquerade": by hand. */
  readonly rules: Shape | "masquerade";
  readonly sources: number;
}

const place = new Place();
try {
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}\n\n`);
  if (rows.has("new")) compare("new flows a second", modes(), newFlows);
  if (rows.has("known")) compare("packets a second of known flows", modes(), knownFlows);
  if (rows.has("private"))
    compare("new flows a second, by private addresses", sizes(60_000, byAddresses), newFlows);
  if (rows.has("floating"))
    compare("new flows a second, by floating IPs", sizes(1_000_000, byFloating), newFlows);
  if (rows.has("change")) changes();
} finally {
  place.remove();
}

function modes(): Contender[] {
  return [
    { name: "masquerade", rules: "masquerade", sources: SOURCES },
    { name: "addressAndPortDependent", rules: { mapping: "addressAndPortDependent" }, sources: SOURCES },
    { name: "endpointIndependent", rules: { mapping: "endpointIndependent" }, sources: SOURCES },
  ];
}

/** From ten on to as many as are asked for. */
function sizes(most: number, contender: (count: number) => Contender): Contender[] {
  return [...new Set([10, 1000, Math.round(most * scale)])].map(contender);
}

function byAddresses(count: number): Contender {
  return { name: `${count}`, rules: { mapping: "addressAndPortDependent" }, sources: count };
}

function byFloating(count: number): Contender {
  return { name: `${count}`, rules: { floating: count }, sources: count };
}

function newFlows({ sources }: Contender): Passed {
  place.forget();
  return place.send({ flows: FLOWS, datagrams: FLOWS, sources, payloadOctets: 32 });
}

function knownFlows({ sources }: Contender): Passed {
  place.forget();
  // The first datagrams are answered: from then on their flows are known both ways.
  place.send({ flows: KNOWN, datagrams: KNOWN, sources, payloadOctets: 1 });
  return place.send({ flows: KNOWN, datagrams: 2 * FLOWS, sources, payloadOctets: 1400 });
}

/** Each in turn, so that whatever else the machine does hits all of them; the first one is what they are compared with. */
function compare(title: string, contenders: readonly Contender[], measure: (one: Contender) => Passed): void {
  const results = contenders.map((): Passed[] => []);
  for (let run = 1; run <= runs; run++) {
    for (const [i, one] of contenders.entries()) {
      process.stderr.write(`${title}, run ${run} of ${runs}: ${one.name}\n`);
      if (one.rules === "masquerade") place.rules(MASQUERADE);
      else place.gateway({ shape: one.rules, changes: 0 });
      results[i]!.push(measure(one));
    }
  }
  const of = (i: number, figure: (passed: Passed) => number): number => median(results[i]!.map(figure));
  const lines = contenders.map(({ name }, i) => [
    name,
    Math.round(of(i, (r) => r.perSecond)).toString(),
    `${(of(i, (r) => r.perSecond) / of(0, (r) => r.perSecond)).toFixed(2)}×`,
    `${of(i, (r) => r.cpuMicroseconds).toFixed(2)} µs`,
    `${(of(0, (r) => r.cpuMicroseconds) / of(i, (r) => r.cpuMicroseconds)).toFixed(2)}×`,
    `${Math.min(...results[i]!.map((r) => r.arrived))}`,
  ]);
  print(title, [["", "a second", "", "CPU each", "", "arrived at least"], ...lines]);
}

function changes(): void {
  const lines = [10, 1000, Math.round(1_000_000 * scale)].map((floating) => {
    process.stderr.write(`one change among ${floating}\n`);
    const { loadSeconds, changeMilliseconds } = place.gateway({ shape: { floating }, changes: CHANGES });
    const each = changeMilliseconds.toSorted((a, b) => a - b);
    return [
      `${floating}`,
      `${loadSeconds.toFixed(2)} s`,
      `${median(each).toFixed(2)} ms`,
      `${each.at(-1)!.toFixed(2)} ms`,
    ];
  });
  print("one change among floating IPs", [["", "all of them", "one", "the slowest"], ...lines]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function print(title: string, lines: readonly (readonly string[])[]): void {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  process.stdout.write(`${title}\n${text.join("\n")}\n\n`);
}
