/** Medians side by side, and how many times better or worse than BIRD each is. */

import type { BlastResult } from "./blast.ts";
import type { Row } from "./rows.ts";

export type Measured = { readonly row: string; readonly daemon: string } & (
  | { readonly result: BlastResult }
  | { readonly error: string }
);

const FIGURES: readonly (readonly [
  title: string,
  of: (result: BlastResult) => number | undefined,
  unit: string,
])[] = [
  ["converged", (r) => r.convergedMs, "ms"],
  ["CPU", (r) => r.cpuMs, "ms"],
  ["failover", (r) => r.failoverMs, "ms"],
  ["CPU", (r) => r.failoverCpuMs, "ms"],
  ["withdrawn", (r) => r.withdrawnMs, "ms"],
  ["CPU", (r) => r.withdrawnCpuMs, "ms"],
  ["resident", (r) => r.residentMiB, "MiB"],
  ["peak", (r) => r.peakMiB, "MiB"],
  ["100 rounds", (r) => r.roundsMs, "ms"],
  ["after one", (r) => r.firstRoundMiB, "MiB"],
  ["after all", (r) => r.lastRoundMiB, "MiB"],
  ["silence", (r) => r.silenceMs, "ms"],
  ["blocked", (r) => r.blockedMs, "ms"],
];
const REFERENCE = "BIRD";

/** The row's lines: a daemon each, with medians, and in brackets BIRD's figure divided by it: above 1 is better. */
export function table({ name, senders, receivers, plan }: Row, measured: readonly Measured[]): string {
  const own = measured.filter(({ row }) => row === name);
  const daemons = [...new Set(own.map(({ daemon }) => daemon))];
  const median = (daemon: string, figure: number): number | undefined => {
    const values = own.flatMap((one) =>
      one.daemon === daemon && "result" in one ? (FIGURES[figure]![1](one.result) ?? []) : [],
    );
    return values.sort((a, b) => a - b)[values.length >> 1];
  };
  const cells = daemons.map((daemon) => [
    daemon,
    ...FIGURES.map(([, , unit], figure) => {
      const value = median(daemon, figure);
      const reference = median(REFERENCE, figure);
      if (value === undefined) return "-";
      const ratio =
        reference === undefined || daemon === REFERENCE ? "" : ` (${(reference / value).toFixed(2)}×)`;
      return `${Math.round(value)} ${unit}${ratio}`;
    }),
    [...new Set(own.flatMap((one) => (one.daemon === daemon && "error" in one ? [one.error] : [])))].join(
      "; ",
    ),
  ]);
  const all = [["", ...FIGURES.map(([title]) => title), ""], ...cells];
  // A figure that this row has not is no column.
  const shown = all[0]!.map(
    (_, column) => column === 0 || cells.some((cell) => !["-", ""].includes(cell[column]!)),
  );
  const lines = all.map((line) => line.filter((_, column) => shown[column]));
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
  return `${name}: ${senders} senders, ${receivers} receivers, IPv${plan.family} /${plan.length}\n${text}\n`;
}
