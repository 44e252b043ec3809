/** Values of options, from text. */

import { InvalidArgumentError } from "commander";
import { EXIT, Failure } from "./io.ts";

/** Below this a watcher is load and not information. */
const WATCH_MIN_SECONDS = 0.1;

/** Of a server, with or without TLS. */
export function parseOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError("Expected e.g. http://127.0.0.1:9696 or https://gw1.example:9696.");
  }
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
