/**
 * `npm run bench -- nat`: what our rules cost, against the shortest rule that translates at all, on the same machine in the
 * same run. The contenders take short turns, and what counts is the median of the ratios of turns beside each other: what
 * else the machine does hits both. The kernel forwards within the process that sends, whose processor time is that of the
 * packets; its ratio says most where others use the machine too.
 */

import { cpus, freemem } from "node:os";
import { parseArgs } from "node:util";
import { type Contender, compare, median, print } from "./compare.ts";
import { Place } from "./place.ts";
import type { Shape } from "./tables.ts";

const HELP = `npm run bench -- nat [--rows NAME,…] [--turns N] [--scale F]

  --rows   modes, private, floating, change, price; all unless given
  --turns  of each contender: 21
  --scale  part of the packets, and of the most floating IPs and private addresses, for a quick look: 1

A million floating IPs where 10 GiB of memory are free, else 100 000.
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    rows: { type: "string", default: "modes,private,floating,change,price" },
    turns: { type: "string", default: "21" },
    scale: { type: "string", default: "1" },
    help: { type: "boolean", short: "h" },
  },
}).values;
if (given.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const rows = new Set(given.rows.split(","));
const turns = Number(given.turns);
const scale = Number(given.scale);
if (!(turns >= 1 && scale > 0 && scale <= 1) || process.getuid?.() !== 0) {
  process.stderr.write(`root is needed, and sensible numbers\n\n${HELP}`);
  process.exit(2);
}

/** A million in the kernel, beside those of the other contenders, and what writes them. */
const MILLION_BYTES = 10 * 2 ** 30;
const MOST_FLOATING = freemem() >= MILLION_BYTES ? 1_000_000 : 100_000;

/** Prime, so that source addresses and ports do not repeat together. */
const SOURCES = 251;
const CHANGES = 200;

const MASQUERADE = `table ip nat {
  chain postrouting { type nat hook postrouting priority 100; oifname servers masquerade; }
}
`;

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model ?? "CPU"}, Node ${process.versions.node}\n\n`);
const settings = { turns, scale };
if (rows.has("modes")) await compare("beside masquerade", modes(), settings);
if (rows.has("private")) await compare("by private addresses", sizes(60_000, byAddresses), settings);
if (rows.has("floating")) await compare("by floating IPs", sizes(MOST_FLOATING, byFloating), settings);
if (rows.has("change")) changes();
if (rows.has("price")) await compare("what each part costs: without it", parts(), settings);

function modes(): Contender[] {
  return [
    { name: "masquerade", rules: MASQUERADE, sources: SOURCES },
    ours("addressAndPortDependent", { mapping: "addressAndPortDependent" }),
    ours("endpointIndependent", { mapping: "endpointIndependent" }),
  ];
}

function ours(name: string, rules: Shape, sources = SOURCES): Contender {
  return { name, rules, sources };
}

function sizes(most: number, contender: (count: number) => Contender): Contender[] {
  return countsUpTo(most).map(contender);
}

function countsUpTo(most: number): number[] {
  const all = [10, 1000, 100_000, most].filter((count) => count <= most);
  return [...new Set(all.map((count) => Math.min(count, Math.max(10, Math.round(most * scale)))))];
}

function byAddresses(count: number): Contender {
  return ours(`${count}`, { mapping: "addressAndPortDependent" }, count);
}

function byFloating(count: number): Contender {
  return ours(`${count}`, { floating: count }, count);
}

/** Each part of our rules taken away by itself. What stays would not translate as it has to. */
function parts(): Contender[] {
  const mapping = "addressAndPortDependent";
  const without = (name: string, text: string): Contender => ({
    ...ours(name, { mapping }),
    without: text,
  });
  const flushed = (chain: string): string => `flush chain inet gatewayd ${chain}\n`;
  const added = (rule: string): string => `add rule inet gatewayd srcnat ${rule}\n`;
  const exempt = added("ip daddr @exempt accept");
  const source = "meta l4proto udp ip saddr @private";
  const timer = 'ct timeout set "udp_timers"';
  const toSlot = "snat ip to jhash ip saddr mod 4096 seed 0x86 map @slots:1024-65535";
  const rule = (...parts: readonly string[]): string => added(parts.join(" "));
  return [
    ours("nothing taken away", { mapping }),
    without("timers", `${flushed("srcnat")}${exempt}${rule(source, toSlot, "fully-random")}`),
    without("what is invalid dropped", flushed("untranslated")),
    without("exemptions", `${flushed("srcnat")}${rule(source, timer, toSlot, "fully-random")}`),
    without("ports by chance", `${flushed("srcnat")}${exempt}${rule(source, timer, toSlot)}`),
    without(
      "an address by hash",
      `${flushed("srcnat")}${exempt}${rule(source, timer, "snat ip to 198.51.100.1:1024-65535 fully-random")}`,
    ),
  ];
}

function changes(): void {
  const place = new Place(1);
  try {
    const lines = countsUpTo(MOST_FLOATING).map((floating) => {
      process.stderr.write(`one change among ${floating}\n`);
      const { loadSeconds, changeMilliseconds } = place.gateway(0, { shape: { floating }, changes: CHANGES });
      const slowest = Math.max(...changeMilliseconds);
      return [
        `${floating}`,
        `${loadSeconds.toFixed(2)} s`,
        `${median(changeMilliseconds).toFixed(2)} ms`,
        `${slowest.toFixed(2)} ms`,
      ];
    });
    print("one change among floating IPs", [["", "all of them", "one", "slowest"], ...lines]);
  } finally {
    place.remove();
  }
}
