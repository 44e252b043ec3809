/** gateway.yaml on disk. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { type Change, diff } from "../config/diff.ts";
import { FILE_OCTETS } from "../config/limits.ts";
import { type Loaded, load } from "../config/load.ts";
import type { Settings, TlsSettings } from "../config/settings.ts";
import type { Violation } from "../model/violation.ts";
import { readCertificate } from "./certificate.ts";

/** Reads and checks. A file that cannot be read is refused as one that is wrong. */
export function loadFile(file: string): Loaded {
  const read = readText(file);
  if ("text" in read) {
    const checkCertificate = (files: TlsSettings): readonly Violation[] =>
      readCertificate(files, Date.now()).faults;
    return load(read.text, { file, hostname: hostname(), readPassword: readText, checkCertificate });
  }
  const place = { file, line: 1, column: 1, width: 1, source: "", path: "" };
  const error = { severity: "error", code: "unreadable", ...place, ...read } as const;
  return { ok: false, errors: [error], warnings: [], more: false };
}

type Read =
  | { readonly text: string; readonly mode: number }
  | { readonly message: string; readonly hint: string };

function readText(file: string): Read {
  let descriptor: number | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe waits for somebody to write to it.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (stats.isFile()) return { text: textOf(descriptor), mode: stats.mode };
    const what = stats.isDirectory() ? "this is a directory" : "this is no regular file";
    return { message: what, hint: "name the file itself, such as /etc/gatewayd/gateway.yaml" };
  } catch (error) {
    return readFailure(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** One octet more than a file may have is enough to refuse it. */
function textOf(descriptor: number): string {
  const octets = Buffer.allocUnsafe(FILE_OCTETS + 1);
  let length = 0;
  while (length < octets.length) {
    const count = readSync(descriptor, octets, length, octets.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return octets.toString("utf8", 0, length);
}

function readFailure(error: unknown): { message: string; hint: string } {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return {
        message: "there is no such file",
        hint: "is the path right? examples/ has files to begin with",
      };
    case "EACCES":
      return {
        message: "permission denied",
        hint: "the user that gatewayd runs as must be able to read the file",
      };
    default:
      return {
        message: error instanceof Error ? error.message : String(error),
        hint: "is the path right, and the disk?",
      };
  }
}

/** Why a file is refused, on one line: its first error, and how many more there are. */
export function refusalOf({ errors, more }: Loaded & { readonly ok: false }): string {
  const first = errors[0];
  if (first === undefined) throw new TypeError("a file is refused without an error");
  const { file, line, column, path, message, hint } = first;
  const place = `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}`;
  const rest = errors.length - 1;
  const others = `${more ? "more than " : ""}${rest} more ${rest === 1 ? "error" : "errors"}`;
  return [
    `${place}${message}`,
    ...(hint === undefined ? [] : [hint]),
    ...(rest === 0 ? [] : [`${others}: gatewayd check ${file}`]),
  ].join("; ");
}

/** What every session, the kernel's process or a listener was started with, and keeps until a restart. */
const FIXED: ReadonlySet<Change["subject"]> = new Set([
  "bgp",
  "role",
  "hostname",
  "bgp.listen",
  "bgp.multipath",
  "bgp.multipathRelax",
  "bgp.decision",
  "nat.blockHistory",
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
  if (JSON.stringify(before.api) !== JSON.stringify(after.api)) fixed.push("api");
  if (JSON.stringify(before.dhcp) !== JSON.stringify(after.dhcp)) fixed.push("dhcp");
  if (JSON.stringify(before.store) !== JSON.stringify(after.store)) fixed.push("store");
  if (before.log.format !== after.log.format) fixed.push("log.format");
  return { changes, fixed };
}
