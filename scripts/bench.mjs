/**
 * `npm run bench`: sets up what is missing, builds, and measures BGP daemons side by side; `npm run bench -- NAME`: another
 * folder of bench/, such as `nat`. `--help` says how.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

/** Debian packages: the daemons that ours is measured against, and what NAT is measured with. */
const PACKAGES = [
  "bird2",
  "conntrack",
  "exabgp",
  "frr",
  "gobgpd",
  "iproute2",
  "libnftables1",
  "nftables",
  "openbgpd",
];

try {
  await setUp({ packages: process.argv.includes("--help") ? [] : PACKAGES, build: true });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const [, , first] = process.argv;
const room = first !== undefined && !first.startsWith("-") ? first : ".";
const main = join(root, "dist/bench", room, "main.js");
if (!existsSync(main)) {
  process.stderr.write(`there is no bench of that name: ${first}; look into bench/\n`);
  process.exit(2);
}
await import(main);
