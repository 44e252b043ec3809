/**
 * `npm test`: sets up what the tests need, checks the code, runs every test.
 * With arguments (`npm test -- src/bgp`) only those test files, and no checks.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build, PACKAGES, root, setUp } from "./setup.mjs";

const REPORT = join(root, "node_modules/.cache/test-report.json");

const files = process.argv.slice(2);
try {
  await setUp({ packages: PACKAGES, build: false });
  // Beside the build, which takes one processor: the checks read sources alone.
  const checked = files.length === 0 ? start("run", "--silent", "check") : 0;
  try {
    build();
  } finally {
    stopUnless(await checked);
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
const status = npm(
  "exec",
  "--",
  "vitest",
  "run",
  "--reporter=default",
  "--reporter=json",
  "--reporter=./test/requirements/reporter.ts",
  `--outputFile.json=${REPORT}`,
  ...files,
);
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(REPORT, "utf8"));
process.stdout.write(`\n${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`);
process.exit(status);

function npm(...args) {
  return spawnSync("npm", args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status ?? 1;
}

/** Resolves to its exit status. */
async function start(...args) {
  const [status] = await once(
    spawn("npm", args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }),
    "exit",
  );
  return status ?? 1;
}

function stopUnless(status) {
  if (status !== 0) process.exit(status);
}
