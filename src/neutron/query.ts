/** Lists: filters (repeated ones are OR), sorting, pages with links, and the choice of fields. */

import { badRequest, invalidAttribute } from "./fault.ts";
import { booleanOf, shown } from "./values.ts";

/** As answered: an object of the API, its members in any form that JSON has. */
export type View = Readonly<Record<string, unknown>>;

/** In the order of the request; names may repeat. */
export type QueryPairs = readonly (readonly [name: string, value: string])[];

interface ListQuery {
  readonly fields: readonly string[];
  readonly isFiltered: boolean;
  readonly matches: (view: View) => boolean;
  readonly sorts: readonly { readonly key: string; readonly descending: boolean }[];
  /** Undefined: all of it, in one answer. */
  readonly limit: number | undefined;
  readonly marker: string | undefined;
  readonly backwards: boolean;
}

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
  const tests = filters.map(([name, asked]) => filterOf(name, asked));
  return {
    fields: values.get("fields") ?? [],
    isFiltered: tests.length > 0,
    matches: (view) => tests.every((test) => test(view)),
    sorts: sortsOf(values, known),
    limit: limitOf(values.get("limit")),
    marker: values.get("marker")?.[0],
    backwards: booleanOf(values.get("page_reverse")?.[0] ?? "false") ?? false,
  };
}

function filterOf(name: string, asked: readonly string[]): (view: View) => boolean {
  const ofTags = TAG_FILTERS[name];
  if (ofTags !== undefined) {
    const tags = asked.flatMap((value) => value.split(","));
    return (view) => ofTags(new Set(view["tags"] as readonly string[]), tags);
  }
  if (name === "fixed_ips") return fixedIpFilter(asked);
  const wanted = new Set(asked);
  const flags = new Set(asked.map(booleanOf));
  return (view) => {
    const value = view[name];
    if (typeof value === "boolean") return flags.has(value);
    if (Array.isArray(value)) return value.some((item) => wanted.has(String(item)));
    return wanted.has(value === null || value === undefined ? "" : String(value));
  };
}

/** `subnet_id=X`, `ip_address=X` or `ip_address_substr=X`: of each kind one, of all kinds given, must hold. */
function fixedIpFilter(asked: readonly string[]): (view: View) => boolean {
  const parts = asked.map((value) => /^(subnet_id|ip_address|ip_address_substr)=(.*)$/.exec(value));
  const bad = parts.indexOf(null);
  if (bad >= 0)
    throw invalidAttribute("fixed_ips", `'${shown(asked[bad])}' is not of the form <key>=[value]`);
  const of = (kind: string): string[] => parts.flatMap((part) => (part?.[1] === kind ? [part[2]!] : []));
  const subnets = of("subnet_id");
  const addresses = of("ip_address");
  const pieces = of("ip_address_substr");
  return (view) => {
    const own = view["fixed_ips"] as readonly { subnet_id: string; ip_address: string }[];
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

/** Numbers by size, all else by its text; nothing comes first. */
function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [a, b].map((value) => (value === null || value === undefined ? "" : String(value)));
  return left! < right! ? -1 : Number(left !== right);
}

/** How objects of a list are shown: as a view, which filters and sorts look at, and as its JSON. */
export interface Showing<T> {
  readonly view: (object: T) => View;
  readonly text: (object: T) => string;
}

interface Page {
  readonly views: readonly View[];
  /** What to ask for the pages before and behind this one, relation first. */
  readonly links: readonly (readonly ["next" | "previous", QueryPairs])[];
}

/** What a list is of: objects that the caller may see. */
export interface Listed<T> {
  /** In the order in which they were found. */
  readonly all: () => Iterable<T>;
  /** In the order of their ids, from an id on and without it, or the other way round up to it; undefined: from the end. */
  readonly inOrder: (from: string | undefined, backwards: boolean) => Iterable<T>;
  readonly get: (id: string) => T | undefined;
  /** The fault for a marker that names nothing. */
  readonly unknownMarker: (marker: string) => Error;
}

/** Cuts out of what is sorted by id, and looks at no more than the page. */
function pageById<T>(
  listed: Listed<T>,
  view: (object: T) => View,
  { limit, marker, backwards, matches }: ListQuery & { readonly limit: number },
  pairs: QueryPairs,
): Page {
  const at = marker === undefined ? undefined : listed.get(marker);
  if (marker !== undefined && (at === undefined || !matches(view(at)))) throw listed.unknownMarker(marker);
  const views: View[] = [];
  let isMore = false;
  for (const object of listed.inOrder(marker, backwards)) {
    const row = view(object);
    if (!matches(row)) continue;
    isMore = views.length === limit;
    if (isMore) break;
    views.push(row);
  }
  const hasMarker = marker !== undefined;
  if (!backwards) return { views, links: linksOf(views, hasMarker, isMore, pairs) };
  views.reverse();
  return { views, links: linksOf(views, isMore, hasMarker, pairs) };
}

/**
 * Sorts and cuts. Without `limit` the order of what is alike is that in which they were found; a page needs a total order, so the id
 * decides what the keys leave open.
 */
function pageOf(
  rows: View[],
  { sorts: wanted, limit, marker, backwards }: ListQuery,
  pairs: QueryPairs,
  unknownMarker: (marker: string) => Error,
): Page {
  const sorts = limit === undefined ? wanted : [...wanted, { key: "id", descending: false }];
  rows.sort((a, b) => compareViews(a, b, sorts));
  if (limit === undefined) return { views: rows, links: [] };
  const at = marker === undefined ? -1 : rows.findIndex((row) => row["id"] === marker);
  if (marker !== undefined && at < 0) throw unknownMarker(marker);
  const end = backwards ? (marker === undefined ? rows.length : at) : Math.min(rows.length, at + 1 + limit);
  const begin = backwards ? Math.max(0, end - limit) : at + 1;
  const page = rows.slice(begin, end);
  return { views: page, links: linksOf(page, begin > 0, end < rows.length, pairs) };
}

function compareViews(a: View, b: View, sorts: ListQuery["sorts"]): number {
  for (const { key, descending } of sorts) {
    const order = compareValues(a[key], b[key]);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

function linksOf(
  page: readonly View[],
  isAfter: boolean,
  isBefore: boolean,
  pairs: QueryPairs,
): Page["links"] {
  const [head, tail] = [page[0], page.at(-1)];
  if (head === undefined || tail === undefined) return [];
  const rest = pairs.filter(([name]) => name !== "marker" && name !== "page_reverse");
  const next: Page["links"] = [["next", [...rest, ["marker", String(tail["id"])]]]];
  const back: QueryPairs = [
    ["marker", String(head["id"])],
    ["page_reverse", "True"],
  ];
  return [...(isBefore ? next : []), ...(isAfter ? [["previous", [...rest, ...back]] as const] : [])];
}

export function projected(view: View, fields: readonly string[]): View {
  if (fields.length === 0) return view;
  return Object.fromEntries(
    fields.filter((field) => Object.hasOwn(view, field)).map((field) => [field, view[field]]),
  );
}

/**
 * The body of a list, as JSON piece by piece: of all objects that the caller may see, those and that of them which the
 * query asks for. Nothing is shown before it is asked for, so that whoever writes it out can give others their turn.
 * @param known - what objects of this kind have
 * @throws Fault - before the first piece
 */
export function listAnswer<T>(
  collection: string,
  known: ReadonlySet<string>,
  listed: Listed<T>,
  showing: Showing<T>,
  request: { readonly query: QueryPairs; readonly url: string },
): Iterable<string> {
  const query = readQuery(request.query, known);
  const { limit, sorts } = query;
  if (limit === undefined && sorts.length === 0) {
    // Of this moment, whatever changes until it is written.
    return piecesOf(collection, textsOf([...listed.all()], showing, query), []);
  }
  const { views, links } =
    limit !== undefined && sorts.length === 0
      ? pageById(listed, showing.view, { ...query, limit }, request.query)
      : pageOf(
          Array.from(listed.all(), showing.view).filter(query.matches),
          query,
          request.query,
          listed.unknownMarker,
        );
  const hrefs = links.map(([rel, pairs]) => {
    const text = pairs.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
    return { rel, href: `${request.url}?${text}` };
  });
  const texts = views.map((view) => JSON.stringify(projected(view, query.fields)));
  return piecesOf(collection, texts, hrefs);
}

function* textsOf<T>(objects: readonly T[], { view, text }: Showing<T>, query: ListQuery): Generator<string> {
  const { fields, isFiltered, matches } = query;
  for (const object of objects) {
    if (isFiltered && !matches(view(object))) continue;
    yield fields.length === 0 ? text(object) : JSON.stringify(projected(view(object), fields));
  }
}

function* piecesOf(collection: string, texts: Iterable<string>, links: readonly object[]): Generator<string> {
  yield `{${JSON.stringify(collection)}:[`;
  let isFirst = true;
  for (const text of texts) {
    if (!isFirst) yield ",";
    isFirst = false;
    yield text;
  }
  yield links.length === 0 ? "]}" : `],${JSON.stringify(`${collection}_links`)}:${JSON.stringify(links)}}`;
}
