/** Some rows of a frame of routes. */

import { formatPrefix } from "../../bgp/net/text.ts";
import { prefixAt, ROW_OCTETS, type RouteRows } from "../commands.ts";

/** For each chosen row, the last one of its prefix: of two in one frame the later counts. */
export function lastOf({ count, rows }: RouteRows, chosen: readonly number[]): number[] {
  const lastByPrefix = new Map<string, number>();
  for (const row of chosen) lastByPrefix.set(formatPrefix(prefixAt(rows, row)), row);
  for (let row = 0; row < count; row++) {
    const text = formatPrefix(prefixAt(rows, row));
    if (lastByPrefix.has(text)) lastByPrefix.set(text, row);
  }
  return [...lastByPrefix.values()];
}

/** Some rows of a frame, with the same targets. */
export function subset({ targets, rows }: RouteRows, chosen: readonly number[]): RouteRows {
  const picked = chosen.map((row) => rows.subarray(row * ROW_OCTETS, (row + 1) * ROW_OCTETS));
  return { targets, count: chosen.length, rows: Buffer.concat(picked) };
}
