/** A log whose lines are kept, for tests to look at. */

import { pino } from "pino";
import type { Log } from "../records/log.ts";

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [fact: string]: unknown;
}

export function keptLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const formatters = { level: (label: string): object => ({ level: label }) };
  const stream = { write: (line: string): unknown => lines.push(JSON.parse(line) as Line) };
  return { log: pino({ level: "trace", base: null, timestamp: false, formatters }, stream), lines };
}
