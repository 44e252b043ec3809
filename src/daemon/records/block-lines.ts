/**
 * The plans of port blocks that were in force, and the blocks that were given besides, as lines of JSON in a file: one for
 * each change. Somebody may have cut or edited them: what cannot be read is left out, and counted.
 */

import { type Address, contains, ipv4, type Prefix } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import { type BlockGrant, type BlockPool, RANKS } from "../../model/blocks.ts";
import type { PortRange } from "../../model/model.ts";
import type { Epoch, GrantSpan } from "../../nat/history.ts";

/** Changes that are remembered, the latest ones. */
export const BLOCK_EPOCHS = 1000;
/** Blocks that were given and are remembered, the latest ones. */
const GRANT_SPANS = 100_000;
/** Pool addresses of one line. */
const MOST_ADDRESSES: number = 1 << 20;

/** One line, with its end. */
export function encodeEpoch({ fromMs, plan }: Epoch): string {
  const line = {
    from: new Date(fromMs).toISOString(),
    private: plan.private.map(formatPrefix),
    pools: plan.pools.map(({ addresses, ports, blockSize, overflowBlocks }) => ({
      addresses: rangesOf(addresses),
      ports: [ports.first, ports.last],
      blockSize,
      ...(overflowBlocks !== undefined && { overflowBlocks }),
    })),
  };
  return `${JSON.stringify(line)}\n`;
}

/** A block that is given, or taken back. */
export interface GrantChange {
  readonly atMs: number;
  readonly given: boolean;
  readonly grant: BlockGrant;
}

/** One line, with its end. */
export function encodeGrant({ atMs, given, grant: { holder, rank, block } }: GrantChange): string {
  const { address, ports } = block;
  const line = {
    at: new Date(atMs).toISOString(),
    [given ? "given" : "taken"]: [ports.first, ports.last],
    ...{ address: formatAddress(address), private: formatAddress(holder), rank },
  };
  return `${JSON.stringify(line)}\n`;
}

/** The lines of a file, the last {@link BLOCK_EPOCHS} and {@link GRANT_SPANS}, and how many of all cannot be read. */
export function decodeHistory(text: string): {
  readonly epochs: readonly Epoch[];
  readonly spans: GrantSpans;
  readonly broken: number;
} {
  const epochs: Epoch[] = [];
  const spans = new GrantSpans();
  let lastMs = 0;
  let broken = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const value = parseObject(line);
    const epoch = value && decodeEpoch(value);
    const change = value && decodeGrant(value);
    // A clock that was set back must not make two lines change places.
    lastMs = Math.max(lastMs, epoch?.fromMs ?? change?.atMs ?? 0);
    if (epoch !== undefined) epochs.push({ ...epoch, fromMs: lastMs });
    else if (change !== undefined) spans.take({ ...change, atMs: lastMs });
    else broken++;
  }
  return { epochs: epochs.slice(-BLOCK_EPOCHS), spans, broken };
}

/** What was given, in the order of time. */
export class GrantSpans {
  #list: OpenSpan[] = [];
  readonly #openByBlock = new Map<string, OpenSpan>();

  get list(): readonly GrantSpan[] {
    return this.#list;
  }

  /** Those that last. */
  get open(): readonly GrantSpan[] {
    return [...this.#openByBlock.values()];
  }

  take({ atMs, given, grant }: GrantChange): void {
    const key = `${grant.block.address.w0}:${grant.block.ports.first}`;
    const before = this.#openByBlock.get(key);
    if (before !== undefined) before.untilMs = atMs;
    this.#openByBlock.delete(key);
    if (!given) return;
    const span: OpenSpan = { grant, fromMs: atMs, untilMs: undefined };
    this.#openByBlock.set(key, span);
    this.#list.push(span);
    if (this.#list.length > 2 * GRANT_SPANS) this.#list = this.#list.slice(-GRANT_SPANS);
  }
}

interface OpenSpan extends GrantSpan {
  untilMs: number | undefined;
}

function decodeGrant(value: Fields): GrantChange | undefined {
  const atMs = timeOf(value["at"]);
  const given = value["given"] !== undefined;
  const ports = portsOf(given ? value["given"] : value["taken"]);
  const [address, holder] = [addressOf4(value["address"]), addressOf4(value["private"])];
  const rank = RANKS.find((one) => one === value["rank"]);
  if (atMs === undefined || ports === undefined || address === undefined || holder === undefined)
    return undefined;
  return rank === undefined ? undefined : { atMs, given, grant: { holder, rank, block: { address, ports } } };
}

function decodeEpoch(value: Fields): Epoch | undefined {
  const fromMs = timeOf(value["from"]);
  const ranges = listOf(value["private"], prefixOf4);
  const pools = listOf(value["pools"], poolOf);
  if (fromMs === undefined || ranges === undefined || pools === undefined) return undefined;
  const overlapping = ranges.some((a, i) => ranges.some((b, j) => i !== j && contains(a, b)));
  return overlapping ? undefined : { fromMs, plan: { private: ranges, pools } };
}

function poolOf(value: unknown): BlockPool | undefined {
  const { addresses: texts, ports: range, blockSize, overflowBlocks = 0 } = isObject(value) ? value : {};
  const ranges = listOf(texts, rangeOf);
  const ports = portsOf(range);
  if (ranges === undefined || ports === undefined || !isCount(blockSize) || !isCount(overflowBlocks))
    return undefined;
  const count = ranges.reduce((sum, { count: of }) => sum + of, 0);
  if (count > MOST_ADDRESSES || blockSize === 0 || blockSize > ports.last - ports.first + 1) return undefined;
  const addresses = ranges.flatMap(({ from, count: of }) =>
    Array.from({ length: of }, (_, i) => ipv4(from.w0 + i)),
  );
  return { addresses, ports, blockSize, ...(overflowBlocks > 0 && { overflowBlocks }) };
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0;

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

function addressOf4(value: unknown): Address | undefined {
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address?.family === 4 ? address : undefined;
}

function timeOf(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(ms) ? ms : undefined;
}

function portsOf(value: unknown): PortRange | undefined {
  const [first, last] = listOf(value, portOf) ?? [];
  return first === undefined || last === undefined || first > last ? undefined : { first, last };
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
