/**
 * `npm run bench`: sets up what is missing, builds, and measures BGP daemons side by side; `npm run bench -- nat`: our rules
 * of NAT beside the shortest one; `npm run bench -- kernel`: what peers tell on its way into the kernel. `--help` says how.
 */

import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

/** Debian packages: the daemons that ours is measured against, and what NAT is measured with. */
const PACKAGES = ["bird2", "conntrack", "frr", "gobgpd", "iproute2", "libnftables1", "nftables", "openbgpd"];

try {
  await setUp({ packages: process.argv.includes("--help") ? [] : PACKAGES, build: true });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const [, , part] = process.argv;
const room = part === "nat" || part === "kernel" ? `${part}/` : "";
await import(join(root, `dist/bench/${room}main.js`));
