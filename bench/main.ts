/**
 * `npm run bench`: BGP daemons side by side, each in a network namespace of its own, under the same load, in one run.
 * The table's figures are medians; what counts is the ratio to BIRD, which the same machine had in the same minutes.
 */

import { existsSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CONTENDERS } from "./daemons.ts";
import { machine, measure, progress, versionOf } from "./measure.ts";
import { ROWS } from "./rows.ts";
import { type Measured, table } from "./table.ts";

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
      measured.push({ row: row.name, daemon: contender.name, ...(await measure(row, contender, scale)) });
    }
  }
  progress("");
  process.stdout.write(`${table(row, measured)}\n`);
}
if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(measured, null, 1)}\n`);

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

function fail(words: string): never {
  process.stderr.write(`${words}\n\n${HELP}`);
  process.exit(2);
}
