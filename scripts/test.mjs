/**
 * `npm test`: sets up what the tests need, checks the code, runs every test.
 * With arguments (`npm test -- src/bgp`) only those test files, and no checks.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGES, root, setUp } from "./setup.mjs";

const REPORT = join(root, "node_modules/.cache/test-report.json");

try {
  await setUp({ packages: PACKAGES, build: true });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const files = process.argv.slice(2);
if (files.length === 0) stopUnless(npm("run", "--silent", "check"));
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

function stopUnless(status) {
  if (status !== 0) process.exit(status);
}
