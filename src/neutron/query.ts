/** Lists: filters (repeated ones are OR), sorting, pages with links, and the choice of fields. */

import { badRequest, invalidAttribute } from "./fault.ts";
import { chosen, type Members, writerOf } from "./members.ts";
import { STEP, sorted } from "./turns.ts";
import { booleanOf, shown } from "./values.ts";

/** In the order of the request; names may repeat. */
export type QueryPairs = readonly (readonly [name: string, value: string])[];

interface ListQuery {
  readonly fields: readonly string[];
  readonly filters: readonly Filter[];
  readonly sorts: readonly { readonly key: string; readonly descending: boolean }[];
  /** Undefined: all of it, in one answer. */
  readonly limit: number | undefined;
  readonly marker: string | undefined;
  readonly backwards: boolean;
}

interface Filter {
  readonly name: string;
  readonly holds: (value: unknown) => boolean;
}

/** By the name of the filter; all are about the member `tags`. */
const TAG_FILTERS: Readonly<Record<string, (own: ReadonlySet<string>, asked: readonly string[]) => boolean>> =
  {
    tags: (own, asked) => asked.every((tag) => own.has(tag)),
    "tags-any": (own, asked) => asked.some((tag) => own.has(tag)),
    "not-tags": (own, asked) => !asked.every((tag) => own.has(tag)),
    "not-tags-any": (own, asked) => !asked.some((tag) => own.has(tag)),
  };

const CONTROLS = new Set(["fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"]);

/** @param known - what objects of this kind have; @throws Fault */
function readQuery(pairs: QueryPairs, known: ReadonlySet<string>): ListQuery {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const old = values.get(name);
    if (old === undefined) values.set(name, [value]);
    else old.push(value);
  }
  const filters = [...values].filter(([name]) => !CONTROLS.has(name));
  const invalid = filters.filter(([name]) => !known.has(name) && TAG_FILTERS[name] === undefined);
  if (invalid.length > 0) {
    const names = invalid.slice(0, 10).map(([name]) => `'${shown(name)}'`);
    throw badRequest(`[${names.join(", ")}] is invalid attribute for filtering`);
  }
  return {
    fields: values.get("fields") ?? [],
    filters: filters.map(([name, asked]) => filterOf(name, asked)),
    sorts: sortsOf(values, known),
    limit: limitOf(values.get("limit")),
    marker: values.get("marker")?.[0],
    backwards: booleanOf(values.get("page_reverse")?.[0] ?? "false") ?? false,
  };
}

function filterOf(name: string, asked: readonly string[]): Filter {
  const ofTags = TAG_FILTERS[name];
  if (ofTags !== undefined) {
    const tags = asked.flatMap((value) => value.split(","));
    return { name: "tags", holds: (own) => ofTags(new Set(own as readonly string[]), tags) };
  }
  if (name === "fixed_ips") return { name, holds: fixedIpFilter(asked) };
  const wanted = new Set(asked);
  const flags = new Set(asked.map(booleanOf));
  const holds = (value: unknown): boolean => {
    if (typeof value === "boolean") return flags.has(value);
    if (Array.isArray(value)) return value.some((item) => wanted.has(String(item)));
    return wanted.has(value === null || value === undefined ? "" : String(value));
  };
  return { name, holds };
}

/** `subnet_id=X`, `ip_address=X` or `ip_address_substr=X`: of each kind one, of all kinds given, must hold. */
function fixedIpFilter(asked: readonly string[]): Filter["holds"] {
  const parts = asked.map((value) => /^(subnet_id|ip_address|ip_address_substr)=(.*)$/.exec(value));
  const bad = parts.indexOf(null);
  if (bad >= 0)
    throw invalidAttribute("fixed_ips", `'${shown(asked[bad])}' is not of the form <key>=[value]`);
  const of = (kind: string): string[] => parts.flatMap((part) => (part?.[1] === kind ? [part[2]!] : []));
  const subnets = of("subnet_id");
  const addresses = of("ip_address");
  const pieces = of("ip_address_substr");
  return (value) => {
    const own = value as readonly { subnet_id: string; ip_address: string }[];
    return (
      (subnets.length === 0 || own.some((ip) => subnets.includes(ip.subnet_id))) &&
      (addresses.length === 0 || own.some((ip) => addresses.includes(ip.ip_address))) &&
      (pieces.length === 0 || own.some((ip) => pieces.some((piece) => ip.ip_address.includes(piece))))
    );
  };
}

function sortsOf(
  values: ReadonlyMap<string, readonly string[]>,
  known: ReadonlySet<string>,
): ListQuery["sorts"] {
  const keys = values.get("sort_key") ?? [];
  const directions = values.get("sort_dir") ?? [];
  if (directions.length > 0 && keys.length !== directions.length) {
    throw badRequest("The number of sort_keys and sort_dirs must be same");
  }
  const unknown = keys.filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw badRequest(
      `[${unknown.map((key) => `'${shown(key)}'`).join(", ")}] is invalid attribute for sort keys`,
    );
  }
  if (directions.some((direction) => direction !== "asc" && direction !== "desc")) {
    throw badRequest("The valid value of sort_dir is 'asc' or 'desc'.");
  }
  return keys.map((key, i) => ({ key, descending: directions[i] === "desc" }));
}

function limitOf(given: readonly string[] | undefined): number | undefined {
  const text = given?.at(-1);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) {
    throw badRequest(`Limit must be an integer 0 or greater and not '${shown(text)}'`);
  }
  return text === "0" ? undefined : Number(text);
}

/** What a list is sorted by: numbers by size, all else by its text; nothing comes first. */
type SortKey = number | string;

const sortKeyOf = (value: unknown): SortKey =>
  typeof value === "number" ? value : value === null || value === undefined ? "" : String(value);

function compareKey(a: SortKey, b: SortKey): number {
  if (a === b) return 0;
  if (typeof a === typeof b) return a < b ? -1 : 1;
  return String(a) < String(b) ? -1 : 1;
}

/** What to ask for the pages before and behind this one, relation first. */
type Links = readonly (readonly ["next" | "previous", QueryPairs])[];

/** A list step by step: some objects at a time, or none yet. */
type Batches<T> = Generator<readonly T[], Links>;

interface Identified {
  readonly id: string;
}

/** What a list is of. */
export interface Listed<T> {
  /** In the order in which they were found. */
  readonly all: () => Iterable<T>;
  /** In the order of their ids, from an id on and without it, or the other way round up to it; undefined: from the end. */
  readonly inOrder: (from: string | undefined, backwards: boolean) => Iterable<T>;
  readonly get: (id: string) => T | undefined;
  /** Whether the caller may see one of these. */
  readonly isSeen: (object: T) => boolean;
  /** Of an object as the caller sees it. */
  readonly members: Members<T>;
  /** All of these members as they were written last, by `write`; undefined: that is not kept. */
  readonly kept: ((objects: readonly T[], write: (object: T) => string) => Uint8Array) | undefined;
  /** The fault for a marker that names nothing. */
  readonly unknownMarker: (marker: string) => Error;
}

/** Whether it is in the list: filtered out is nobody's marker either. */
function judgeOf<T>({ isSeen, members }: Listed<T>, { filters }: ListQuery): (object: T) => boolean {
  const tests = filters.map(({ name, holds }) => {
    const make = members.get(name);
    return (object: T) => holds(make?.(object));
  });
  return (object) => isSeen(object) && tests.every((test) => test(object));
}

/** All that there are, in the order in which they were found. */
function* unsorted<T>(objects: readonly T[], isListed: (object: T) => boolean): Batches<T> {
  for (let i = 0; i < objects.length; i += STEP) yield objects.slice(i, i + STEP).filter(isListed);
  return [];
}

/** Cuts out of what is sorted by id, and looks at no more than the page. */
function pageById<T extends Identified>(
  { inOrder }: Listed<T>,
  { limit, marker, backwards }: ListQuery,
  isListed: (object: T) => boolean,
  pairs: QueryPairs,
): Batches<T> {
  const page: T[] = [];
  let isMore = false;
  for (const object of inOrder(marker, backwards)) {
    if (!isListed(object)) continue;
    isMore = page.length === limit;
    if (isMore) break;
    page.push(object);
  }
  const hasMarker = marker !== undefined;
  const links = backwards
    ? linksOf(page.reverse(), isMore, hasMarker, pairs)
    : linksOf(page, hasMarker, isMore, pairs);
  return inBatches(page, links);
}

/**
 * Sorts and cuts. Without `limit` the order of what is alike is that in which they were found; a page needs a total order, so
 * the id decides what the keys leave open.
 */
function* pageBySorting<T extends Identified>(
  objects: readonly T[],
  members: Members<T>,
  { sorts: wanted, limit, marker, backwards }: ListQuery,
  isListed: (object: T) => boolean,
  pairs: QueryPairs,
): Batches<T> {
  const sorts = limit === undefined ? wanted : [...wanted, { key: "id", descending: false }];
  const makes = sorts.map(({ key }) => members.get(key));
  const rows: { readonly object: T; readonly keys: readonly SortKey[] }[] = [];
  for (const [i, object] of objects.entries()) {
    if (i % STEP === 0) yield [];
    if (isListed(object)) rows.push({ object, keys: makes.map((make) => sortKeyOf(make?.(object))) });
  }
  const list = yield* sorted(rows, (a, b) => compareKeys(a.keys, b.keys, sorts));
  const inOrder = list.map(({ object }) => object);
  if (limit === undefined) return yield* inBatches(inOrder, []);
  const at = marker === undefined ? -1 : inOrder.findIndex(({ id }) => id === marker);
  const end = backwards && marker !== undefined ? at : backwards ? list.length : at + 1 + limit;
  const begin = backwards ? Math.max(0, end - limit) : at + 1;
  const page = inOrder.slice(begin, end);
  return yield* inBatches(page, linksOf(page, begin > 0, end < list.length, pairs));
}

function compareKeys(a: readonly SortKey[], b: readonly SortKey[], sorts: ListQuery["sorts"]): number {
  for (let i = 0; i < sorts.length; i++) {
    const order = compareKey(a[i]!, b[i]!);
    if (order !== 0) return sorts[i]!.descending ? -order : order;
  }
  return 0;
}

function* inBatches<T>(page: readonly T[], links: Links): Batches<T> {
  for (let i = 0; i < page.length; i += STEP) yield page.slice(i, i + STEP);
  return links;
}

function linksOf(page: readonly Identified[], isAfter: boolean, isBefore: boolean, pairs: QueryPairs): Links {
  const [head, tail] = [page[0], page.at(-1)];
  if (head === undefined || tail === undefined) return [];
  const rest = pairs.filter(([name]) => name !== "marker" && name !== "page_reverse");
  const next: Links = [["next", [...rest, ["marker", tail.id]]]];
  const back: QueryPairs = [
    ["marker", head.id],
    ["page_reverse", "True"],
  ];
  return [...(isBefore ? next : []), ...(isAfter ? [["previous", [...rest, ...back]] as const] : [])];
}

/**
 * The body of a list, as octets of JSON piece by piece, some of which are empty: of all objects of this moment those, and
 * that of them, which the query asks for. No piece takes long, so that whoever writes them out can give others their turn.
 * @param known - what objects of this kind have
 * @throws Fault - before the first piece
 */
export function listAnswer<T extends Identified>(
  collection: string,
  known: ReadonlySet<string>,
  listed: Listed<T>,
  { query: pairs, url }: { readonly query: QueryPairs; readonly url: string },
): Iterable<Uint8Array> {
  const query = readQuery(pairs, known);
  const { limit, sorts, marker, fields } = query;
  const isListed = judgeOf(listed, query);
  if (limit !== undefined && marker !== undefined) {
    const at = listed.get(marker);
    if (at === undefined || !isListed(at)) throw listed.unknownMarker(marker);
  }
  const batches =
    sorts.length > 0
      ? pageBySorting([...listed.all()], listed.members, query, isListed, pairs)
      : limit === undefined
        ? unsorted([...listed.all()], isListed)
        : pageById(listed, query, isListed, pairs);
  return piecesOf(collection, batches, textOf(listed, fields), url);
}

/** Of objects as many as there are, each with a comma before it. */
function textOf<T>(
  { members, kept }: Listed<T>,
  fields: readonly string[],
): (batch: readonly T[]) => Uint8Array {
  const write = writerOf(chosen(members, fields));
  if (kept !== undefined && fields.length === 0) return (batch) => kept(batch, write);
  return (batch) => ENCODER.encode(batch.map((object) => `,${write(object)}`).join(""));
}

const ENCODER = new TextEncoder();

function* piecesOf<T>(
  collection: string,
  batches: Batches<T>,
  text: (batch: readonly T[]) => Uint8Array,
  url: string,
): Generator<Uint8Array> {
  yield ENCODER.encode(`{${JSON.stringify(collection)}:[`);
  let isFirst = true;
  let step = batches.next();
  for (; step.done !== true; step = batches.next()) {
    const octets = text(step.value);
    yield isFirst ? octets.subarray(1) : octets;
    isFirst &&= octets.length === 0;
  }
  const links = step.value.map(([rel, pairs]) => {
    const search = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
    return { rel, href: `${url}?${search}` };
  });
  const name = JSON.stringify(`${collection}_links`);
  yield ENCODER.encode(links.length === 0 ? "]}" : `],${name}:${JSON.stringify(links)}}`);
}
