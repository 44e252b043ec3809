/**
 * `npm run bench -- announce`: from the word that there is one address more to its UPDATE at the last of so many peers, with
 * every daemon in the way that its users have.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { receiverOf } from "../blast.ts";
import { machine, progress } from "../measure.ts";
import { Pair } from "../pair.ts";
import { CONTENDERS, type Contender, MOST_ADDRESSES, type Place } from "./contenders.ts";
import { Lines } from "./lines.ts";
import type { ListenSettings } from "./listen.ts";

const HELP = `npm run bench -- announce [--daemons WORD,…] [--peers N,…] [--addresses N]

  --daemons    those whose names begin so: ${CONTENDERS.map(({ name }) => name).join("; ")}
  --peers      1,100
  --addresses  one after the other, 1 to ${MOST_ADDRESSES}: 50
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    daemons: { type: "string", default: "" },
    peers: { type: "string", default: "1,100" },
    addresses: { type: "string", default: "50" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const wanted = given.daemons.toLowerCase().split(",");
const contenders = CONTENDERS.filter(({ name }) =>
  wanted.some((word) => name.toLowerCase().startsWith(word)),
);
const peerCounts = given.peers.split(",").map(Number);
const count = Number(given.addresses);
const isSensible =
  contenders.length > 0 && peerCounts.every((one) => one >= 1) && count >= 1 && count <= MOST_ADDRESSES;
if (given.help === true || !isSensible || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and names and numbers that there are\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

const START_MS = 2000;
const pair = new Pair();
/** Those below are a network's own. */
const FIRST = 4;
/** As the load's prefixes are numbered (load.ts). */
const addresses = Array.from({ length: count }, (_, i) => `20.0.0.${FIRST + i}`);

process.stdout.write(
  `${machine()}\n\n${["", ...peerCounts.map((one) => `${one} ${one === 1 ? "peer" : "peers"}`)].map(cell).join("")}\n`,
);
for (const contender of contenders) {
  const cells = [contender.name];
  for (const peers of peerCounts) {
    progress(`${contender.name}, ${peers} peers`);
    cells.push(existsSync(contender.binary) ? await shown(contender, peers) : "not installed");
  }
  progress("");
  process.stdout.write(`${cells.map(cell).join("").trimEnd()}\n`);
}

function cell(text: string): string {
  return text.padEnd(30);
}

async function shown(contender: Contender, peers: number): Promise<string> {
  try {
    const sorted = (await measure(contender, peers)).toSorted((a, b) => a - b);
    const at = (part: number): string => sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(1);
    return `${at(0.5)} ms, 99th ${at(0.99)} ms`;
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

/** Milliseconds, of each address. */
async function measure(contender: Contender, peers: number): Promise<readonly number[]> {
  const directory = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const place: Place = { directory, peers, inside: ["ip", "netns", "exec", pair.dut] };
  const started: ChildProcess[] = [];
  try {
    pair.connect(Array.from({ length: peers }, (_, i) => receiverOf(i).address));
    const { args, env } = await contender.prepare(place);
    const [program, ...words] = [...place.inside, contender.binary, ...args];
    started.push(spawn(program!, words, { stdio: "ignore", env: { ...process.env, ...env } }));
    await setTimeout(START_MS);
    const listener = listen(peers);
    started.push(listener);
    const lines = new Lines(listener);
    await lines.at(0, `${peers} sessions`);
    await contender.ready?.(place, addresses);
    // Addresses of its own may have been told by now.
    await setTimeout(START_MS);
    const before = lines.count;
    const [pid] = pair.pids();
    const taken: number[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const began = process.hrtime.bigint();
      const said = contender.announce(place, addresses.slice(0, i + 1), pid!);
      const heard = BigInt(await lines.at(before + i, `${addresses[i]} announced`));
      await said;
      taken.push(Number(heard - began) / 1e6);
    }
    return taken;
  } finally {
    for (const pid of pair.pids()) process.kill(pid, "SIGKILL");
    for (const child of started) child.kill("SIGKILL");
    pair.remove();
    rmSync(directory, { recursive: true });
  }
}

function listen(peers: number): ChildProcess {
  const settings: ListenSettings = { peers, plan: { family: 4, length: 32, count: FIRST + count } };
  const program = [process.execPath, join(import.meta.dirname, "listen.js"), JSON.stringify(settings)];
  return spawn("ip", ["netns", "exec", pair.load, ...program], { stdio: ["ignore", "pipe", "ignore"] });
}
