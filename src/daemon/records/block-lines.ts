/**
 * The plans of port blocks that were in force, as lines of JSON in a file: one for each change. Somebody may have cut or
 * edited them: what cannot be read is left out, and counted.
 */

import { type Address, contains, ipv4, type Prefix } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { BlockPool } from "../../model/blocks.ts";
import type { Epoch } from "../../nat/history.ts";

/** Changes that are remembered, the latest ones. */
export const BLOCK_EPOCHS = 1000;
/** Pool addresses of one line. */
const MOST_ADDRESSES: number = 1 << 20;

/** One line, with its end. */
export function encodeEpoch({ fromMs, plan }: Epoch): string {
  const line = {
    from: new Date(fromMs).toISOString(),
    private: plan.private.map(formatPrefix),
    pools: plan.pools.map(({ addresses, ports, blockSize }) => ({
      addresses: rangesOf(addresses),
      ports: [ports.first, ports.last],
      blockSize,
    })),
  };
  return `${JSON.stringify(line)}\n`;
}

/** The lines of a file, the last {@link BLOCK_EPOCHS}, and how many of all cannot be read. */
export function decodeHistory(text: string): { readonly epochs: readonly Epoch[]; readonly broken: number } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const read = lines.map(decodeEpoch);
  const epochs: Epoch[] = [];
  for (const epoch of read) {
    // A clock that was set back must not make two lines change places.
    if (epoch !== undefined)
      epochs.push({ ...epoch, fromMs: Math.max(epoch.fromMs, epochs.at(-1)?.fromMs ?? 0) });
  }
  return { epochs: epochs.slice(-BLOCK_EPOCHS), broken: read.filter((epoch) => epoch === undefined).length };
}

function decodeEpoch(line: string): Epoch | undefined {
  const value = parseObject(line);
  const fromMs = typeof value?.["from"] === "string" ? Date.parse(value["from"]) : Number.NaN;
  const ranges = listOf(value?.["private"], prefixOf4);
  const pools = listOf(value?.["pools"], poolOf);
  if (!Number.isFinite(fromMs) || ranges === undefined || pools === undefined) return undefined;
  const overlapping = ranges.some((a, i) => ranges.some((b, j) => i !== j && contains(a, b)));
  return overlapping ? undefined : { fromMs, plan: { private: ranges, pools } };
}

function poolOf(value: unknown): BlockPool | undefined {
  const { addresses: texts, ports, blockSize } = isObject(value) ? value : {};
  const ranges = listOf(texts, rangeOf);
  const [first, last] = listOf(ports, portOf) ?? [];
  if (ranges === undefined || first === undefined || last === undefined || first > last) return undefined;
  const count = ranges.reduce((sum, range) => sum + range.count, 0);
  const isSize = typeof blockSize === "number" && Number.isInteger(blockSize) && blockSize > 0;
  if (count > MOST_ADDRESSES || !isSize || blockSize > last - first + 1) return undefined;
  const addresses = ranges.flatMap(({ from, count: of }) =>
    Array.from({ length: of }, (_, i) => ipv4(from.w0 + i)),
  );
  return { addresses, ports: { first, last }, blockSize };
}

interface Range {
  readonly from: Address;
  readonly count: number;
}

/** "198.51.100.10", or "198.51.100.16-198.51.100.19". */
function rangeOf(value: unknown): Range | undefined {
  if (typeof value !== "string") return undefined;
  const [first = "", last = first, ...rest] = value.split("-");
  const [from, to] = [parseAddress(first), parseAddress(last)];
  if (from?.family !== 4 || to?.family !== 4 || rest.length > 0) return undefined;
  const count = to.w0 - from.w0 + 1;
  return count >= 1 && count <= MOST_ADDRESSES ? { from, count } : undefined;
}

/** Addresses that follow each other as one text. */
function rangesOf(addresses: readonly Address[]): string[] {
  const runs: { first: Address; last: Address }[] = [];
  for (const address of addresses) {
    const run = runs.at(-1);
    if (run !== undefined && run.last.w0 + 1 === address.w0) run.last = address;
    else runs.push({ first: address, last: address });
  }
  return runs.map(({ first, last }) =>
    first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`,
  );
}

function prefixOf4(value: unknown): Prefix | undefined {
  const prefix = typeof value === "string" ? parsePrefix(value) : undefined;
  return prefix?.family === 4 ? prefix : undefined;
}

const portOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;

/** All of a list, or undefined. */
function listOf<T>(value: unknown, of: (entry: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_ADDRESSES) return undefined;
  const list = value.flatMap((entry: unknown) => of(entry) ?? []);
  return list.length === value.length ? list : undefined;
}

type Fields = Readonly<Partial<Record<string, unknown>>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
