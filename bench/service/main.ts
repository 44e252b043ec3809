/**
 * `npm run bench -- service`: what one floating IP costs among others, through the API of a gatewayd with its kernel and
 * one BGP peer: lists, a new one, from an association to the octets of its UPDATE, and a start with all of them.
 */

import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureService } from "./place.ts";
import type { Figures, Memory, Spread } from "./run.ts";

const HELP = `npm run bench -- service [--sizes N,…] [--changes N] [--kernel linux|none] [--etcd]

  --sizes    floating IPs that are there: 10,1000,10000,100000
  --changes  floating IPs that are made and associated beside them: 100
  --kernel   none: nothing is programmed: linux
  --etcd     objects are kept in an etcd of one member, and not in the local store
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    sizes: { type: "string", default: "10,1000,10000,100000" },
    changes: { type: "string", default: "100" },
    kernel: { type: "string", default: "linux" },
    etcd: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
}).values;
if (given.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const sizes = given.sizes.split(",").map(Number);
const changes = Number(given.changes);
const { kernel, etcd } = given;
const isSensible = sizes.every((size) => size >= 1 && size <= 1_000_000) && changes >= 1;
if (!(isSensible && (kernel === "linux" || kernel === "none")) || process.getuid?.() !== 0) {
  process.stderr.write(`root is needed, and sensible numbers\n\n${HELP}`);
  process.exit(2);
}

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}\n`);
process.stdout.write("milliseconds, median / 99th percentile\n\n");
const ROWS: readonly [string, (figures: Figures) => string][] = [
  ["list, the first", ({ first }) => first.toFixed(0)],
  ["list", ({ list }) => spreadText(list)],
  ["list, two fields", ({ listFields }) => spreadText(listFields)],
  ["list, sorted by address", ({ sorted }) => spreadText(sorted)],
  ["list, a page of 1000", ({ page }) => spreadText(page)],
  ["list, one address", ({ one }) => spreadText(one)],
  ["create", ({ create }) => spreadText(create)],
  ["associate", ({ associate }) => spreadText(associate)],
  ["associate to UPDATE", ({ announced }) => spreadText(announced)],
  ["take off to UPDATE", ({ withdrawn }) => spreadText(withdrawn)],
  ["start to all announced", ({ start }) => start.toFixed(0)],
  ["memory, MiB, now / most", ({ memory }) => memoryText(memory)],
  ["  with its processes", ({ memoryOfAll }) => memoryText(memoryOfAll)],
];
for (const floating of sizes) {
  const figures = measureService({ floating, changes, kernel, etcd });
  const load = loadavg()[0]!.toFixed(1);
  process.stdout.write(`${floating} floating IPs, load of the machine ${load}\n`);
  for (const [name, text] of ROWS)
    process.stdout.write(`  ${name.padEnd(24)}${text(figures).padStart(20)}\n`);
}

function memoryText({ now, most }: Memory): string {
  return `${now} / ${most}`;
}

function spreadText({ median, p99 }: Spread): string {
  return `${median.toFixed(1)} / ${p99.toFixed(1)}`;
}
