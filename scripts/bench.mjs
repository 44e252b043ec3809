/** `npm run bench`: sets up what is missing, builds, and measures BGP daemons side by side. `--help` says how. */

import { join } from "node:path";
import { root, setUp } from "./setup.mjs";

/** The Debian packages of the daemons that ours is measured against. */
const PACKAGES = ["bird2", "frr", "gobgpd", "iproute2", "openbgpd"];

try {
  await setUp({ packages: process.argv.includes("--help") ? [] : PACKAGES, build: true });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
await import(join(root, "dist/bench/main.js"));
