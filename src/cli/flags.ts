/** What all commands have in common: their options, the paths that they ask, their examples. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Target } from "./client.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import type { Format, Options } from "./show.ts";

export const DEFAULT_SOCKET = "/run/gatewayd/gatewayd.sock";

export interface Flags {
  readonly socket?: string;
  readonly url?: URL;
  readonly osCacert?: string;
  readonly osToken?: string;
  readonly output: Format;
  readonly headers: boolean;
  readonly watch?: number;
  readonly limit?: string;
  readonly all?: true;
  readonly kind?: string;
  readonly peer?: string;
  readonly prefix?: string;
  readonly local?: true;
  readonly text?: string;
  readonly soft?: true;
}

export function pathOf(list: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const text = new URLSearchParams(given).toString();
  return `/api/v1/${list}${text === "" ? "" : `?${text}`}`;
}

export function optionsOf(command: Command, io: Io): Options {
  const flags = command.optsWithGlobals<Flags>();
  return {
    target: {
      ...targetOf(flags, io),
      ...(flags.osToken !== undefined && { token: flags.osToken }),
    },
    format: flags.output,
    headers: flags.headers,
    watchSeconds: flags.watch,
  };
}

/** @throws Failure when a file cannot be read */
export function targetOf({ url, socket, osCacert }: Flags, io: Io): Target {
  const { GWCTL_SOCKET: named = "", OS_CACERT: usual = "" } = io.env;
  if (url === undefined) return { socketPath: socket ?? (named === "" ? DEFAULT_SOCKET : named) };
  const path = osCacert ?? usual;
  return path === "" || url.protocol === "http:" ? { url } : { url, ca: textOf(path) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`, "--os-cacert names a PEM file");
  }
}

export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;

/** Of long lists. */
export const addPaging = (command: Command): Command =>
  command.option("--limit <n>", "at most so many (1000)").option("--all", "every one, however many");
