/**
 * `npm run bench -- store`: how long a change in etcd takes to be kept, and to be told to the last of many hosts. Each host
 * is a store of its own with its own connection and its own watch, as in its gatewayd; all are in this process, so that the
 * figures are worse than those of as many machines.
 */

import { parseArgs } from "node:util";
import { EtcdStore } from "../../src/store/etcd/etcd.ts";
import { Etcd } from "../etcd.ts";

const HELP = `npm run bench -- store [--watchers N,…] [--changes N]

  --watchers  hosts that follow one etcd, one row each: 10,100,1000,3000
  --changes   made one after the other in each row: 50
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    watchers: { type: "string", default: "10,100,1000,3000" },
    changes: { type: "string", default: "50" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const counts = given.watchers.split(",").map(Number);
const changes = Number(given.changes);
if (given.help === true || !counts.every((count) => count >= 1) || !(changes >= 1)) {
  process.stdout.write(HELP);
  process.exit(given.help === true ? 0 : 2);
}

const etcd = await Etcd.start();
try {
  const heads = ["watchers", "kept: median", "most", "told to the last: median", "most", "etcd's memory"];
  process.stdout.write(`${heads.map((head) => head.padStart(24)).join("")}\n`);
  for (const count of counts) {
    const { kept, told } = await measured(count);
    const cells = [String(count), ...figures(kept), ...figures(told), `${etcd.memoryMib} MiB`];
    process.stdout.write(`${cells.map((cell) => cell.padStart(24)).join("")}\n`);
  }
} finally {
  await etcd.stop();
}

/** In milliseconds, by change: until it was answered, and until every watcher had heard of it. */
async function measured(count: number): Promise<{ kept: number[]; told: number[] }> {
  const settings = { endpoints: [new URL(etcd.url)], prefix: "/bench", tls: undefined, login: undefined };
  const stores = await Promise.all(Array.from({ length: count }, () => EtcdStore.open(settings)));
  const { revision } = await stores[0]!.read("/");
  let missing = 0;
  let allTold = (): void => undefined;
  for (const store of stores) {
    const heard = (): void => {
      if (--missing === 0) allTold();
    };
    store.watch("/", revision, heard, () => process.stderr.write("a watch has lost its place\n"));
  }
  const [kept, told]: [number[], number[]] = [[], []];
  // The first one waits until all watches are there, and does not count.
  for (let i = 0; i <= changes; i++) {
    missing = count;
    const all = new Promise<void>((resolve) => {
      allTold = resolve;
    });
    const began = performance.now();
    await stores[0]!.commit({ put: [{ key: "/changed", value: String(i) }] });
    const answered = performance.now() - began;
    await all;
    if (i === 0) continue;
    kept.push(answered);
    told.push(performance.now() - began);
  }
  await Promise.all(stores.map((store) => store.close()));
  return { kept, told };
}

function figures(milliseconds: readonly number[]): [string, string] {
  const inOrder = milliseconds.toSorted((a, b) => a - b);
  const median = inOrder[Math.floor(inOrder.length / 2)]!;
  return [`${median.toFixed(1)} ms`, `${inOrder.at(-1)!.toFixed(1)} ms`];
}
