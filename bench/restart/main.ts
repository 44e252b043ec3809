/**
 * `npm run bench -- restart`: gatewayd ends and is started again with floating IPs and learned routes in place. How long it
 * takes until all is announced again and it may remove things, and how much it writes into the kernel, which is to be nothing.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../measure.ts";
import { runInside } from "../service/place.ts";
import type { Figures } from "./run.ts";

const HELP = `npm run bench -- restart [--sizes N,…]

  --sizes  floating IPs, and as many routes that a peer tells: 10000,100000
`;

const given = parseArgs({
  args: process.argv.slice(3),
  options: {
    sizes: { type: "string", default: "10000,100000" },
    help: { type: "boolean", short: "h" },
  },
}).values;
const sizes = given.sizes.split(",").map(Number);
const isSensible = sizes.every((size) => size >= 1 && size <= 1_000_000);
if (given.help === true || !isSensible || process.getuid?.() !== 0) {
  const why = given.help === true ? "" : "root is needed, and sensible numbers\n\n";
  process[why === "" ? "stdout" : "stderr"].write(`${why}${HELP}`);
  process.exit(why === "" ? 0 : 2);
}

const script = join(import.meta.dirname, "run.js");
process.stdout.write(`${machine()}\n\n`);
process.stdout.write("floating IPs and routes  first start  start again  changes written, first and again\n");
for (const size of sizes) {
  const { firstMs, againMs, firstWritten, againWritten } = runInside<Figures>(script, String(size));
  const ms = [firstMs, againMs].map((one) => `${one.toFixed(0)} ms`.padEnd(13)).join("");
  process.stdout.write(`${String(size).padEnd(25)}${ms}${firstWritten}, ${againWritten}\n`);
}
