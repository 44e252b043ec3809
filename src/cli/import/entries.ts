/**
 * Keys and values of an etcd that Calico wrote to: asked of one that runs, by the JSON that etcd 3 and, for its v2 store,
 * etcd 2 to 3.5 speak, or read from a file that somebody has made of it.
 */

import { readFileSync } from "node:fs";
import { EXIT, Failure } from "../io.ts";

export type Entry = readonly [key: string, value: string];

const PREFIX = "/calico/";
/** The first key behind all that begin with it. */
const END = "/calico0";
/** Entries that are asked for at a time. */
const PAGE = 1000;
const TIMEOUT_MS = 30_000;

/** @throws Failure - it cannot be reached, or answers something else */
export async function entriesOf(origin: URL, signal: AbortSignal): Promise<readonly Entry[]> {
  const newer = await v3Entries(origin, signal);
  if (newer.length > 0) return newer;
  const answer = await ask(new URL("/v2/keys/calico?recursive=true&quorum=true", origin), undefined, signal);
  return answer === undefined ? [] : v2Entries(answer);
}

async function v3Entries(origin: URL, signal: AbortSignal): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (let from = PREFIX; ; ) {
    const body = { key: base64(from), range_end: base64(END), limit: PAGE };
    // Before 3.4 the path was another.
    const answer =
      (await ask(new URL("/v3/kv/range", origin), body, signal)) ??
      (await ask(new URL("/v3beta/kv/range", origin), body, signal));
    const page = rangeEntries(answer);
    found.push(...page);
    if (page.length < PAGE) return found;
    from = `${page.at(-1)![0]}\u0000`;
  }
}

/** Undefined: there is nothing at this path. */
async function ask(url: URL, body: object | undefined, signal: AbortSignal): Promise<unknown> {
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Failure(EXIT.error, `etcd at ${url.origin} answers ${answer.status}`);
    return await answer.json();
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (signal.aborted) throw new Failure(EXIT.interrupted, "interrupted");
    const { cause, message } = error as Error & { readonly cause?: { readonly message?: string } };
    throw new Failure(
      EXIT.unreachable,
      `etcd cannot be reached at ${url.origin}: ${cause?.message ?? message}`,
      "where it wants a client's certificate, make a file: etcdctl get --prefix /calico/ -w json > dump.json",
    );
  }
}

/**
 * A file in any of the forms that there are: an entry in JSON on each line, {"key": …, "value": …}; what
 * `etcdctl get --prefix /calico/ -w json` prints; what etcd 2 answers at /v2/keys/calico?recursive=true.
 * @throws Failure
 */
export function entriesIn(path: string): readonly Entry[] {
  const text = readText(path);
  const whole = parsed(text);
  if (whole !== undefined && isRecord(whole)) {
    if ("kvs" in whole) return rangeEntries(whole);
    if ("node" in whole) return v2Entries(whole);
  }
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const entry = parsed(line);
    if (isRecord(entry) && typeof entry["key"] === "string" && entry["value"] !== undefined) {
      const { value } = entry as { readonly value: unknown };
      return [[entry["key"], typeof value === "string" ? value : JSON.stringify(value)] as const];
    }
    throw new Failure(
      EXIT.error,
      `${path}:${i + 1}: expected {"key": …, "value": …}, not ${line.slice(0, 60)}`,
    );
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new Failure(EXIT.error, `${path}: ${(error as Error).message}`);
  }
}

function rangeEntries(answer: unknown): readonly Entry[] {
  const kvs = isRecord(answer) ? answer["kvs"] : undefined;
  if (!Array.isArray(kvs)) return [];
  return kvs.filter(isRecord).map(({ key, value }) => [unbase64(key), unbase64(value)] as const);
}

function v2Entries(answer: unknown): readonly Entry[] {
  const node = isRecord(answer) ? answer["node"] : undefined;
  return isRecord(node) ? [...leaves(node)] : [];
}

function* leaves(node: Readonly<Record<string, unknown>>): Generator<Entry> {
  const { key, value, nodes } = node;
  if (typeof key === "string" && typeof value === "string") yield [key, value];
  if (Array.isArray(nodes)) for (const inner of nodes.filter(isRecord)) yield* leaves(inner);
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const unbase64 = (text: unknown): string => Buffer.from(String(text ?? ""), "base64").toString("utf8");

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
