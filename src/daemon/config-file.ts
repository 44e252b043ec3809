/** gateway.yaml on disk. */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Change, diff } from "../config/diff.ts";
import { type Loaded, load } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";

/** Reads and checks. @throws Error when the file cannot be read; the text names it */
export function loadFile(file: string): Loaded {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: ${readFailure(error)}`);
  }
  return load(text, { file, hostname: hostname() });
}

function readFailure(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "is a directory";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** What every session, the kernel's process or a listener was started with, and keeps until a restart. */
const FIXED: ReadonlySet<Change["subject"]> = new Set([
  "bgp",
  "role",
  "hostname",
  "bgp.listen",
  "bgp.multipath",
  "kernel",
]);

export interface Reload {
  readonly changes: readonly Change[];
  /** What differs and cannot change while the daemon runs; then nothing of the file is taken over. */
  readonly fixed: readonly string[];
}

export function compare(before: Settings, after: Settings): Reload {
  const changes = diff(before.model, after.model);
  const fixed = changes
    .filter(({ subject }) => FIXED.has(subject))
    .map(({ subject, keys }) =>
      keys[0] === subject ? subject : keys.map((key) => `${subject}.${key}`).join(", "),
    );
  for (const section of ["api", "log"] as const) {
    if (JSON.stringify(before[section]) !== JSON.stringify(after[section])) fixed.push(section);
  }
  return { changes, fixed };
}
