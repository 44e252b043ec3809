/** What all commands have in common: their options, the paths that they ask, their examples. */

import type { Command } from "commander";
import type { Target } from "./client.ts";
import type { Io } from "./io.ts";
import type { Format, Options } from "./show.ts";

export const DEFAULT_SOCKET = "/run/gatewayd/gatewayd.sock";

export interface Flags {
  readonly socket?: string;
  readonly url?: URL;
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
    target: targetOf(flags, io),
    format: flags.output,
    headers: flags.headers,
    watchSeconds: flags.watch,
  };
}

function targetOf({ url, socket }: Flags, io: Io): Target {
  if (url !== undefined) return { url };
  const { GWCTL_SOCKET: named = "" } = io.env;
  return { socketPath: socket ?? (named === "" ? DEFAULT_SOCKET : named) };
}

export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
