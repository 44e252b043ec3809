/** The process that is alone with the file of a store, or of a copy. */

import { readdirSync, readFileSync } from "node:fs";

export const SCRIPT: string = new URL("../../dist/src/store/local/process.js", import.meta.url).pathname;

/** Its id. */
export function processOf(directory: string): number {
  const found = readdirSync("/proc").find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(directory);
    } catch {
      return false;
    }
  });
  return Number(found);
}
