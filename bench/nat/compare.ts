/** Contenders side by side in one place, by turns, and what came of it as a table. */

import { Place } from "./place.ts";
import type { Shape } from "./tables.ts";

export interface Contender {
  readonly name: string;
  /** Ours; or text for nft, by hand. */
  readonly rules: Shape | string;
  /** Text for nft that takes something away from them. */
  readonly without?: string;
  /** Private addresses that send. */
  readonly sources: number;
}

/** One turn of one contender. */
interface Turn {
  /** Datagrams, each of which opened a flow. */
  readonly opened: Rate;
  /** Datagrams of flows that were known both ways. */
  readonly known: Rate;
}

interface Rate {
  readonly perSecond: number;
  /** Of one processor, for each. */
  readonly cpuMicroseconds: number;
}

const NEW_FLOWS = 20_000;
const KNOWN_FLOWS = 64;
const KNOWN_DATAGRAMS = 40_000;
const NEW_OCTETS = 32;
const KNOWN_OCTETS = 1400;
const HEADERS_OCTETS = 28;

/** The first contender is what the others are compared with. */
export async function compare(
  title: string,
  contenders: readonly Contender[],
  { turns, scale }: { readonly turns: number; readonly scale: number },
): Promise<void> {
  const place = new Place(contenders.length);
  try {
    for (const [at, contender] of contenders.entries()) {
      process.stderr.write(`${title}: ${contender.name}\n`);
      begin(place, at, contender);
    }
    const results = contenders.map((): Turn[] => []);
    // The first turn warms up, and does not count.
    for (let turn = 0; turn <= turns; turn++) {
      process.stderr.write(`${title}, turn ${turn} of ${turns}\n`);
      const order = [...contenders.entries()];
      for (const [at, contender] of turn % 2 === 0 ? order : order.reverse()) {
        const result = await take(place, at, contender, scale);
        if (turn > 0) results[at]!.push(result);
      }
    }
    print(title, [
      ["", "new flows/s", "", "CPU each", "", "known packets/s", "", "CPU each", "", "Gbit/s"],
      ...contenders.map(({ name }, at) => lineOf(name, results[at]!, results[0]!)),
    ]);
  } finally {
    place.remove();
  }
}

function begin(place: Place, at: number, { rules, without }: Contender): void {
  if (typeof rules === "string") place.rules(at, rules);
  else place.gateway(at, { shape: rules, changes: 0 });
  if (without !== undefined) place.rules(at, without);
}

async function take(place: Place, at: number, { rules, sources }: Contender, scale: number): Promise<Turn> {
  place.forget(at, typeof rules === "string" ? [] : FILLED);
  const flows = Math.round(NEW_FLOWS * scale);
  const opened = await rateOf(place, at, { flows, datagrams: flows, sources, payloadOctets: NEW_OCTETS });
  const flow = { flows: KNOWN_FLOWS, sources };
  // These are answered: from then on their flows are known both ways.
  await place.send(at, { ...flow, datagrams: KNOWN_FLOWS, payloadOctets: 1 });
  const datagrams = Math.round(KNOWN_DATAGRAMS * scale);
  const known = await rateOf(place, at, { ...flow, datagrams, payloadOctets: KNOWN_OCTETS });
  return { opened, known };
}

/** What packets wrote there of their flows. */
const FILLED = ["map mapping", "map endpoints", "set contacts", "set shared"].map((of) =>
  of.replace(" ", " inet gatewayd "),
);

async function rateOf(place: Place, at: number, load: Parameters<Place["send"]>[1]): Promise<Rate> {
  const before = place.arrived(at);
  const { seconds, cpuSeconds } = await place.send(at, load);
  const arrived = place.arrived(at) - before;
  return { perSecond: arrived / seconds, cpuMicroseconds: (cpuSeconds * 1e6) / arrived };
}

function lineOf(name: string, turns: readonly Turn[], reference: readonly Turn[]): string[] {
  const cells = (["opened", "known"] as const).flatMap((what) => [
    Math.round(median(turns.map((turn) => turn[what].perSecond))).toString(),
    ratio(turns.map((turn, i) => turn[what].perSecond / reference[i]![what].perSecond)),
    `${median(turns.map((turn) => turn[what].cpuMicroseconds)).toFixed(2)} µs`,
    ratio(turns.map((turn, i) => reference[i]![what].cpuMicroseconds / turn[what].cpuMicroseconds)),
  ]);
  const perSecond = median(turns.map(({ known }) => known.perSecond));
  return [name, ...cells, ((perSecond * (KNOWN_OCTETS + HEADERS_OCTETS) * 8) / 1e9).toFixed(2)];
}

/** The median, and within which bounds the middle half of all is. */
function ratio(ratios: readonly number[]): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(ratios, part).toFixed(2));
  return `${middle}× (${low}-${high})`;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(part * values.length)] ?? Number.NaN;

export function print(title: string, lines: readonly (readonly string[])[]): void {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  process.stdout.write(`${title}\n${text.join("\n")}\n\n`);
}
