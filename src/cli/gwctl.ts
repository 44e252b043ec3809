#!/usr/bin/env node
/** The gwctl command. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "./main.ts";

// `gwctl … | head` closes the pipe early: nobody reads on, and nothing is wrong.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const { stdout, stderr, env } = process;
process.exitCode = await main(
  process.argv.slice(2),
  { stdout, stderr, env, signal: interrupt.signal },
  versionOf(dirname(fileURLToPath(import.meta.url))),
);

/** The version of the package that this file is in, wherever it was built to. */
function versionOf(directory: string): string {
  const file = join(directory, "package.json");
  if (existsSync(file)) return String(JSON.parse(readFileSync(file, "utf8")).version);
  const parent = dirname(directory);
  if (parent === directory) throw new Error("gwctl is not in a package");
  return versionOf(parent);
}
