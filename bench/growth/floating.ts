/** How a gateway with its kernel, its store and one peer grows with floating IPs. */

import { freemem } from "node:os";
import { progress } from "../measure.ts";
import { measureService } from "../service/place.ts";
import type { Figures } from "../service/run.ts";
import type { Line } from "./chart.ts";

export const FLOATING_IPS: readonly number[] = [10, 100, 1000, 10_000, 100_000, 1_000_000];

/** Beside those that are there. */
const CHANGES = 10;

/** What the gateway, its processes and this bench take of memory for each: a machine that has less is left alone. */
const OCTETS_EACH = 12_288;

const FIGURES = {
  "from a start to all announced, ms": ({ start }: Figures) => start,
  "list of all, ms": ({ list }: Figures) => list.median,
  "one more, from the API to its UPDATE, ms": ({ announced }: Figures) => announced.median,
  "resident, MiB": ({ memory }: Figures) => memory.most,
} as const;

/** @param runs - of each count, of which the one with the median start is taken */
export function growFloating(counts: readonly number[], runs: number): Readonly<Record<string, Line[]>> {
  const points: (readonly [number, Figures])[] = [];
  for (const floating of counts) {
    if (freemem() < floating * OCTETS_EACH) {
      process.stderr.write(`${floating} floating IPs: left out, for want of memory\n`);
      continue;
    }
    const results: Figures[] = [];
    for (let run = 1; run <= runs; run++) {
      progress(`floating IPs: ${floating}, run ${run} of ${runs}`);
      try {
        results.push(measureService({ floating, changes: CHANGES, kernel: "linux", etcd: false }));
      } catch (error) {
        process.stderr.write(`${floating} floating IPs: ${String(error)}\n`);
      }
    }
    const middle = results.sort((a, b) => a.start - b.start)[results.length >> 1];
    if (middle !== undefined) points.push([floating, middle]);
  }
  progress("");
  return Object.fromEntries(
    Object.entries(FIGURES).map(([title, of]) => [
      title,
      [{ name: "gatewayd", points: points.map(([count, figures]) => [count, of(figures)] as const) }],
    ]),
  );
}
