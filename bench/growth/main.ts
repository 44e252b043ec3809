/**
 * `npm run bench -- growth`: how time and memory grow with routes and with peers, ours beside BIRD's, and with floating
 * IPs, as figures and as SVG. A step that costs more than its share bends the line, and the table marks it.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BlastResult } from "../blast.ts";
import { CONTENDERS } from "../daemons.ts";
import { machine, measure, progress, versionOf } from "../measure.ts";
import type { Row } from "../rows.ts";
import { chart, type Line } from "./chart.ts";
import { FLOATING_IPS, growFloating } from "./floating.ts";

const HELP = `npm run bench -- growth [--of routes,peers,floating] [--daemons NAME,…] [--runs N] [--most N] [--out FOLDER]

  --of       routes: 10 000 to 3 000 000 of them from one peer to another; peers: 10 000 routes to 1 to 200 peers;
             floating: 10 to 1 000 000 floating IPs of a gateway with its kernel, of which a million take some 10 GB. All
  --daemons  ${CONTENDERS.map(({ name }) => name).join(", ")}: gatewayd,BIRD
  --runs     of each, whose median counts: 3
  --most     routes, and floating IPs, for a quick look: 3000000
  --out      where growth-routes.svg, growth-peers.svg and growth-floating.svg go: .
`;

const ROUTES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];
const PEERS = [1, 2, 5, 10, 20, 50, 100, 200];
const ROUTES_TO_PEERS = 10_000;
/** Times its share, from one step to the next. */
const BENT = 1.5;

interface Series {
  readonly name: string;
  readonly axis: string;
  readonly grow: () => Promise<Readonly<Record<string, Line[]>>> | Readonly<Record<string, Line[]>>;
}

const upToMost = (counts: readonly number[]): readonly number[] =>
  counts.filter((count) => count <= Number(given.most));

const SERIES: readonly Series[] = [
  {
    name: "routes",
    axis: "routes",
    grow: () =>
      growSpeaker("routes", upToMost(ROUTES), (count) => ({
        name: `${count}`,
        senders: 1,
        receivers: 1,
        plan: hosts(count),
        then: "ends",
      })),
  },
  {
    name: "peers",
    axis: "peers",
    grow: () =>
      growSpeaker("peers", PEERS, (count) => ({
        name: `${count}`,
        senders: 1,
        receivers: count,
        plan: hosts(ROUTES_TO_PEERS),
        then: "ends",
      })),
  },
  { name: "floating", axis: "floating IPs", grow: () => growFloating(upToMost(FLOATING_IPS), runs) },
];

const hosts = (count: number): Row["plan"] => ({ family: 4, length: 32, count });

const FIGURES = {
  "converged, ms": (result: BlastResult) => result.convergedMs,
  "withdrawn, ms": (result: BlastResult) => result.withdrawnMs ?? 0,
  "resident, MiB": (result: BlastResult) => result.residentMiB,
} as const;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    of: { type: "string", default: SERIES.map(({ name }) => name).join(",") },
    daemons: { type: "string", default: "gatewayd,BIRD" },
    runs: { type: "string", default: "3" },
    most: { type: "string", default: "3000000" },
    out: { type: "string", default: "." },
    help: { type: "boolean", short: "h" },
  },
}).values;
const wanted = SERIES.filter(({ name }) => given.of.split(",").includes(name));
const contenders = CONTENDERS.filter(({ name }) => given.daemons.split(",").includes(name));
const runs = Number(given.runs);
const isSensible = wanted.length > 0 && contenders.length > 0 && runs >= 1 && Number(given.most) > 0;
if (given.help === true || !isSensible || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and names and numbers that there are\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

mkdirSync(given.out, { recursive: true });
process.stdout.write(`${machine()}\n${contenders.map(versionOf).join("\n")}\n\n`);
for (const series of wanted) {
  const panels = Object.entries(await series.grow()).map(([title, lines]) => ({ title, lines }));
  const file = join(given.out, `growth-${series.name}.svg`);
  writeFileSync(file, chart(`By the number of ${series.axis}`, series.axis, panels));
  const tables = panels.map(({ title, lines }) => table(series.axis, title, lines));
  process.stdout.write(`${tables.join("\n")}${file}\n\n`);
}

async function growSpeaker(
  name: string,
  counts: readonly number[],
  row: (count: number) => Row,
): Promise<Readonly<Record<string, Line[]>>> {
  const found = new Map<string, [number, BlastResult][]>(contenders.map((one) => [one.name, []]));
  for (const count of counts) {
    for (const contender of contenders) {
      const results: BlastResult[] = [];
      for (let run = 1; run <= runs; run++) {
        progress(`${name}: ${count}, run ${run} of ${runs}: ${contender.name}`);
        const measured = await measure(row(count), contender, 1);
        if ("result" in measured) results.push(measured.result);
        else process.stderr.write(`${contender.name}, ${count} ${name}: ${measured.error}\n`);
      }
      const middle = medianOf(results);
      if (middle !== undefined) found.get(contender.name)!.push([count, middle]);
    }
  }
  progress("");
  const linesOf = (of: (result: BlastResult) => number): Line[] =>
    [...found].map(([daemon, points]) => ({
      name: daemon,
      points: points.map(([count, result]) => [count, of(result)]),
    }));
  return Object.fromEntries(Object.entries(FIGURES).map(([title, of]) => [title, linesOf(of)]));
}

/** The run whose convergence is the median. */
function medianOf(results: readonly BlastResult[]): BlastResult | undefined {
  return [...results].sort((a, b) => a.convergedMs - b.convergedMs)[results.length >> 1];
}

/** One line per count: each daemon's figure, and in brackets how many times its share the step from the count before cost. */
function table(name: string, title: string, lines: readonly Line[]): string {
  const counts = [...new Set(lines.flatMap(({ points }) => points.map(([count]) => count)))];
  const rows = counts.map((count) => [String(count), ...lines.map((line) => cellOf(line, count))]);
  const all = [[name, ...lines.map((line) => line.name)], ...rows];
  return `${title}\n${all
    .map((row) =>
      row
        .map((cell) => cell.padEnd(28))
        .join("")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

function cellOf({ points }: Line, count: number): string {
  const at = points.findIndex(([one]) => one === count);
  const here = points[at];
  const before = points[at - 1];
  if (here === undefined) return "-";
  const text = here[1].toFixed(here[1] < 10 ? 1 : 0);
  if (before === undefined) return text;
  const share = here[1] / before[1] / (here[0] / before[0]);
  return `${text} (${share.toFixed(2)}${share > BENT ? ", bends" : ""})`;
}
