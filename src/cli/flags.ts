/** What stands on the command line beside the command, and what becomes of it. */

import { type Command, InvalidArgumentError } from "commander";
import type { Target } from "./client.ts";
import { EXIT, Failure, type Io } from "./io.ts";
import type { Format, Options } from "./show.ts";

export const DEFAULT_SOCKET = "/run/gatewayd/gatewayd.sock";
export const WATCH_SECONDS = 2;
/** Below this a watcher is load and not information. */
const WATCH_MIN_SECONDS = 0.1;

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
}

/** All of them come in the largest pages that the API gives. */
export const pageSize = (limit: string | undefined, all: true | undefined): string | undefined =>
  all === true ? "10000" : limit;

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

export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:") throw new InvalidArgumentError("Expected e.g. http://127.0.0.1:9696.");
  return url;
}

export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, `--limit takes a whole number from 1, not ${text}`);
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= WATCH_MIN_SECONDS && seconds <= 86_400)) {
    throw new Failure(EXIT.usage, `--watch takes seconds, from ${WATCH_MIN_SECONDS} to 86400, not ${text}`);
  }
  return seconds;
}
