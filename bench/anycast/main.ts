/**
 * `npm run bench -- anycast`: from the moment that a member of an anycast service is lost to the last packet that still went
 * to it, and was not one of those that the others get. Packets of a client go through the gateway to members on hosts of
 * their own; one after the other is lost, each in the same way.
 */

import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { machine, progress } from "../measure.ts";
import { BFD_MISSED, BFD_MS, CHECK_FALL, CHECK_MS, CONTENDERS, type Contender } from "./contenders.ts";
import { Place } from "./place.ts";

interface Row {
  readonly title: string;
  readonly bfd?: true;
  readonly checks?: true;
  readonly lose: (place: Place, member: number) => Promise<void> | void;
}

const ROWS: Readonly<Record<string, Row>> = {
  withdrawn: { title: "its host withdraws it", lose: (place, i) => place.withdraw(i) },
  session: { title: "its host's BGP daemon is killed", lose: (place, i) => place.endSession(i) },
  bfd: {
    title: `its host's BFD falls silent, ${BFD_MS} ms × ${BFD_MISSED}`,
    bfd: true,
    lose: (place, i) => place.muteBfd(i),
  },
  link: { title: "the link to its host goes down", lose: (place, i) => place.loseLink(i) },
  check: {
    title: `it fails its health checks, ${CHECK_MS} ms × ${CHECK_FALL}`,
    checks: true,
    lose: (place, i) => place.fail(i),
  },
};

const HELP = `npm run bench -- anycast [--rows NAME,…] [--daemons NAME,…] [--members N] [--rounds N]

  --rows     ${Object.keys(ROWS).join(", ")}; all unless given
  --daemons  of the gateway: ${CONTENDERS.map(({ name }) => name).join(", ")}; all unless given
  --members  of the service, 3 to 16, all but two of which are lost one by one: 8
  --rounds   that so many are lost in: 2
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    rows: { type: "string", default: Object.keys(ROWS).join(",") },
    daemons: { type: "string", default: CONTENDERS.map(({ name }) => name).join(",") },
    members: { type: "string", default: "8" },
    rounds: { type: "string", default: "2" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const rows = given.rows.split(",").map((name) => ROWS[name]);
const names = new Set(given.daemons.toLowerCase().split(","));
const contenders = CONTENDERS.filter(({ name }) => names.has(name.toLowerCase()));
const members = Number(given.members);
const rounds = Number(given.rounds);
const isSensible =
  !rows.includes(undefined) && contenders.length > 0 && members >= 3 && members <= 16 && rounds >= 1;
if (given.help === true || !isSensible || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and names and numbers that there are\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

/** Packets are on their way for less. */
const STEADY_MS = 400;
/** After the last packet that was not where it should be. */
const QUIET_MS = 600;
const LIMIT_MS = 30_000;

process.stdout.write(
  `${machine()}\nmilliseconds to the last packet, median / largest; packets that were lost\n\n`,
);
for (const row of rows as Row[]) {
  process.stdout.write(`${row.title}\n`);
  for (const contender of contenders) {
    progress(`${row.title}: ${contender.name}`);
    const taken: Loss[] = [];
    for (let round = 0; round < rounds; round++) taken.push(...(await measure(contender, row)));
    progress("");
    const of = (figure: (one: Loss) => number): number[] => taken.map(figure).toSorted((a, b) => a - b);
    const ms = of((one) => one.ms);
    const packets = of((one) => one.packets)[taken.length >> 1];
    const figures = `${ms[ms.length >> 1]!.toFixed(1)} / ${ms.at(-1)!.toFixed(1)} ms`;
    process.stdout.write(`  ${contender.name.padEnd(10)}${figures.padStart(20)}  ${packets} packets\n`);
  }
}

interface Loss {
  readonly ms: number;
  /** Which were sent after it and which no other member got. */
  readonly packets: number;
}

async function measure(contender: Contender, row: Row): Promise<readonly Loss[]> {
  const place = new Place();
  try {
    await place.build(contender, members, row.bfd ?? false, row.checks ?? false);
    const losses: Loss[] = [];
    for (let member = 0; member < members - 2; member++) losses.push(await lose(place, row, member));
    return losses;
  } finally {
    await place.remove();
  }
}

async function lose(place: Place, row: Row, member: number): Promise<Loss> {
  await setTimeout(STEADY_MS);
  await place.sent();
  const others = Array.from({ length: members - member - 1 }, (_, i) => member + 1 + i);
  for (const i of [member, ...others]) {
    if ((await place.heard(i)).length === 0) throw new Error(`member ${i} hears nothing before it is lost`);
  }
  await setTimeout(STEADY_MS);
  const began = now();
  await row.lose(place, member);
  const sentAtMs = new Map<number, number>();
  const arrived = new Set<number>();
  for (;;) {
    await setTimeout(QUIET_MS);
    await collect(place, others, sentAtMs, arrived);
    const missing = [...sentAtMs].filter(([number, at]) => at >= began && !arrived.has(number));
    const last = missing.at(-1)?.[1] ?? began;
    if (now() - last > QUIET_MS) return { ms: last - began, packets: missing.length };
    if (now() - began > LIMIT_MS)
      throw new Error(`${row.title}: after ${LIMIT_MS} ms packets still go there`);
  }
}

/** What was sent since the last time, and what others have got by now. */
async function collect(
  place: Place,
  others: readonly number[],
  sentAtMs: Map<number, number>,
  arrived: Set<number>,
): Promise<void> {
  const { first, atMs } = await place.sent();
  for (const [i, at] of atMs.entries()) sentAtMs.set(first + i, at);
  // What was sent a moment ago arrives.
  await setTimeout(STEADY_MS / 4);
  for (const i of others) for (const number of await place.heard(i)) arrived.add(number);
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
