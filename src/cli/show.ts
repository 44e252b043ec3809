/** Asks the API and prints the answer, once or again and again. */

import { setTimeout as wait } from "node:timers/promises";
import { type Answer, get, type Target } from "./client.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import type { Look } from "./table.ts";
import { printable } from "./text.ts";
import { toYaml } from "./yaml.ts";

export const FORMATS = ["table", "wide", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

export interface Options {
  readonly target: Target;
  readonly format: Format;
  readonly headers: boolean;
  /** Undefined: once. */
  readonly watchSeconds: number | undefined;
}

/** One kind of answer: where it comes from, and what it looks like to people. */
export interface Subject<T> {
  readonly path: string;
  /** Follow the pages to the end. */
  readonly all?: boolean;
  /** The error when there is nothing: of a list that is empty, or as the answer has it. */
  readonly missing?: string | ((answer: T) => string | undefined);
  readonly render: (answer: T, look: Look) => string;
}

/** @throws Failure */
export const show = <T>(subject: Subject<T>, options: Options, io: Io): Promise<void> =>
  repeat(() => ask(subject, options, io), options, io);

/** Writes what `ask` gives, once or as often as --watch says. @throws Failure */
export async function repeat(ask: () => Promise<string>, options: Options, io: Io): Promise<void> {
  if (options.watchSeconds === undefined) {
    io.stdout.write(await ask());
    return;
  }
  for (let first = true; ; first = false) {
    try {
      await showFrame(ask, options, io, first);
      await wait(options.watchSeconds * 1000, undefined, { signal: io.signal });
    } catch (error) {
      // Ctrl-C is how watching ends.
      if (io.signal.aborted) return;
      throw error;
    }
  }
}

async function showFrame(
  ask: () => Promise<string>,
  options: Options,
  io: Io,
  first: boolean,
): Promise<void> {
  const clear = io.stdout.isTTY === true;
  try {
    const text = await ask();
    io.stdout.write(clear ? `\u001b[H\u001b[2J${text}` : separated(text, options.format, first));
  } catch (error) {
    // A restart of gatewayd is worth watching: only what never worked ends it.
    if (first || !(error instanceof Failure) || error.detail.exit === EXIT.interrupted) throw error;
    io.stderr.write(`gwctl: ${printable(error.message)}\n`);
  }
}

/** Frames that a program reads: JSON is one line each, YAML one document each, tables have an empty line between. */
function separated(text: string, format: Format, first: boolean): string {
  if (first || format === "json") return text;
  return format === "yaml" ? `---\n${text}` : `\n${text}`;
}

async function ask<T>(subject: Subject<T>, options: Options, io: Io): Promise<string> {
  const pages: Answer[] = [];
  let path: string | undefined = subject.path;
  do {
    const page: Answer = await get(options.target, path, io.signal);
    pages.push(page);
    path = page.next;
  } while (path !== undefined && subject.all === true);
  const answer = pages.length === 1 ? pages[0]!.json : pages.flatMap(({ json }) => json as unknown[]);
  const missing = missingIn(subject, answer as T);
  if (missing !== undefined) throw new Failure(EXIT.notFound, missing);
  if (path !== undefined) {
    io.stderr.write("gwctl: more follow; --all shows every one, --limit N more of them\n");
  }
  return format(subject, answer as T, pages, options, io);
}

function missingIn<T>({ missing }: Subject<T>, answer: T): string | undefined {
  if (typeof missing === "function") return missing(answer);
  return Array.isArray(answer) && answer.length === 0 ? missing : undefined;
}

function format<T>(
  subject: Subject<T>,
  answer: T,
  pages: readonly Answer[],
  options: Options,
  io: Io,
): string {
  if (options.format === "json") return `${jsonOf(pages).trimEnd()}\n`;
  if (options.format === "yaml") return toYaml(answer);
  return subject.render(answer, {
    headers: options.headers,
    color: wantsColor(io),
    wide: options.format === "wide",
  });
}

/** The API's own octets; of several pages, one list. */
function jsonOf(pages: readonly Answer[]): string {
  if (pages.length === 1) return pages[0]!.text;
  const items = pages.map(({ text }) => text.trim().slice(1, -1)).filter((text) => text !== "");
  return `[${items.join(",")}]`;
}

/** https://no-color.org: set and not empty means none. */
export function wantsColor({ stdout, env }: Io): boolean {
  const { NO_COLOR: refused = "", TERM: terminal } = env;
  return stdout.isTTY === true && refused === "" && terminal !== "dumb";
}
