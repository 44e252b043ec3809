/**
 * What every Loc-RIB must be, from who is connected to whom and what is announced: RFC 4271 section 9.1 written out on
 * plain objects, without a thought for speed. It shares no code with the speaker.
 *
 * All routers decide and tell their neighbours, round after round, until nobody changes his mind. That has one outcome
 * only where policies cannot chase each other; the topologies see to that.
 */

export interface Router {
  /** IPv4 address: name, BGP identifier and next hop. */
  readonly name: string;
  /** The next hop of IPv6 prefixes. */
  readonly v6: string;
  readonly asn: number;
  readonly multipath: number;
  /** By name. */
  readonly neighbours: Map<string, Neighbour>;
  /** By prefix. */
  readonly originates: Map<string, Originated>;
  /** What it knows of next hops; of others it thinks that they can be reached, at metric 0. */
  readonly nextHops: Map<string, { readonly reachable: boolean; readonly metric: number }>;
}

export interface Neighbour {
  readonly nextHopSelf: boolean;
  /** RFC 7911: what each side would do; `send`: how many paths, 0 the best alone. */
  readonly addPath: { readonly receive: boolean; readonly send: number | "all" };
  readonly importRules: readonly PlainRule[];
  readonly exportRules: readonly PlainRule[];
}

/** The first rule that names the prefix decides; none: accepted as it is. */
export interface PlainRule {
  readonly prefixes: readonly string[];
  readonly reject: boolean;
  readonly localPref?: number;
  readonly med?: number;
  readonly community?: number;
}

export interface Originated {
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origin: 0 | 1 | 2;
  readonly med?: number;
  readonly communities: readonly number[];
}

export interface Path {
  readonly prefix: string;
  /** The neighbour's name; undefined: a route of our own. */
  readonly from: string | undefined;
  readonly external: boolean;
  readonly asPath: readonly number[];
  readonly origin: number;
  readonly nextHop: string;
  readonly med: number | undefined;
  readonly localPref: number;
  readonly communities: readonly number[];
}

/** By prefix: the best path, then those of equal cost; and all that could be used. */
type LocRib = Map<string, { readonly chosen: Path[]; readonly usable: readonly Path[] }>;

/**
 * The number by which a neighbour tells the `nth` of the paths that look like this one. It decides last, and only the
 * one who gave it knows it; 0 for a path that is not there.
 */
export type PathIds = (router: Router, path: Path, nth: number) => number;

const NO_EXPORT = 0xffffff01;
const NO_ADVERTISE = 0xffffff02;
const MOST_ROUNDS = 500;

/** The Loc-RIB of every router, by name. */
export function solve(routers: readonly Router[], pathIds: PathIds): Map<string, LocRib> {
  let now = new Map<string, LocRib>(routers.map(({ name }) => [name, new Map()]));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const next = new Map(routers.map((router) => [router.name, decideAll(router, routers, now, pathIds)]));
    if (JSON.stringify(plain(next)) === JSON.stringify(plain(now))) return next;
    now = next;
  }
  throw new Error("the oracle finds no rest: these policies chase each other");
}

const plain = (ribs: Map<string, LocRib>): unknown => [...ribs].map(([name, rib]) => [name, [...rib].sort()]);

function decideAll(
  router: Router,
  routers: readonly Router[],
  before: Map<string, LocRib>,
  pathIds: PathIds,
): LocRib {
  const candidates = new Map<string, Path[]>();
  const add = (path: Path | undefined): void => {
    if (path !== undefined) candidates.set(path.prefix, [...(candidates.get(path.prefix) ?? []), path]);
  };
  for (const [prefix, route] of router.originates) add(ownPath(prefix, route));
  for (const other of routers) {
    if (!router.neighbours.has(other.name)) continue;
    for (const route of before.get(other.name)!.values()) {
      for (const told of tellAll(other, router, route, pathIds)) add(heard(router, other, told));
    }
  }
  const decided: LocRib = new Map();
  for (const [prefix, usable] of candidates) {
    decided.set(prefix, { chosen: choose(router, usable, pathIds), usable });
  }
  return decided;
}

const ownPath = (prefix: string, { origin, med, communities }: Originated): Path => ({
  prefix,
  from: undefined,
  external: false,
  asPath: [],
  origin,
  nextHop: "self",
  med,
  localPref: 100,
  communities,
});

/** All that `router` tells `to` of one prefix: the best path, or (RFC 7911) several. Its own are not told it back. */
function tellAll(
  router: Router,
  to: Router,
  { chosen, usable }: { readonly chosen: readonly Path[]; readonly usable: readonly Path[] },
  pathIds: PathIds,
): Path[] {
  const { send } = router.neighbours.get(to.name)!.addPath;
  const several = send !== 0 && to.neighbours.get(router.name)!.addPath.receive;
  let left = [...(several ? usable : chosen.slice(0, 1))];
  const most = several && send !== "all" ? send : left.length;
  const told: Path[] = [];
  for (let count = 0; count < most && left.length > 0; ) {
    const [best] = choose(router, left, pathIds) as [Path];
    left = left.filter((path) => path !== best);
    const said = tell(router, to, best);
    if (said === undefined) continue;
    count++;
    if (best.from !== to.name) told.push(said);
  }
  return told;
}

/** What `router` makes of a path that `other` told it; undefined: it does not use it. */
function heard(router: Router, other: Router, told: Path): Path | undefined {
  const external = router.asn !== other.asn;
  // 5.1.5: LOCAL_PREF counts inside an AS only.
  const received: Path = { ...told, from: other.name, external, localPref: external ? 100 : told.localPref };
  const judged = apply(router.neighbours.get(other.name)!.importRules, received);
  // 9.1.2: a loop, and a next hop that cannot be reached, rule a path out.
  if (judged === undefined || judged.asPath.includes(router.asn)) return undefined;
  return router.nextHops.get(judged.nextHop)?.reachable === false ? undefined : judged;
}

/** 9.1.3, 9.2: what `router` tells such as `to` of a path; undefined: nothing. */
function tell(router: Router, to: Router, best: Path): Path | undefined {
  const external = router.asn !== to.asn;
  const isOwn = best.from === undefined;
  const neighbour = router.neighbours.get(to.name)!;
  if (!isOwn && !external && !best.external) return undefined;
  if (!isOwn && best.communities.includes(NO_ADVERTISE)) return undefined;
  if (!isOwn && external && best.communities.includes(NO_EXPORT)) return undefined;
  // 5.1.4: the MED of one AS is not told to the next.
  const judged = apply(neighbour.exportRules, external && !isOwn ? { ...best, med: undefined } : best);
  if (judged === undefined) return undefined;
  const ours = best.prefix.includes(":") ? router.v6 : router.name;
  const changesNextHop = isOwn || external || (best.external && neighbour.nextHopSelf);
  return {
    ...judged,
    asPath: external ? [router.asn, ...judged.asPath] : judged.asPath,
    nextHop: changesNextHop ? ours : judged.nextHop,
  };
}

function apply(rules: readonly PlainRule[], path: Path): Path | undefined {
  const rule = rules.find(({ prefixes }) => prefixes.includes(path.prefix));
  if (rule === undefined) return path;
  if (rule.reject) return undefined;
  const { localPref = path.localPref, med = path.med, community } = rule;
  const added = community === undefined || path.communities.includes(community) ? [] : [community];
  return { ...path, localPref, med, communities: [...path.communities, ...added] };
}

/** 9.1.2.2, and our own routes before all others. */
function choose(router: Router, paths: readonly Path[], pathIds: PathIds): Path[] {
  let left = leastBy(paths, (path) => (path.from === undefined ? 0 : 1));
  left = leastBy(left, (path) => -path.localPref);
  left = leastBy(left, (path) => path.asPath.length);
  left = leastBy(left, (path) => path.origin);
  const all = left;
  left = all.filter(
    (path) => !all.some((other) => neighbourAs(other) === neighbourAs(path) && med(other) < med(path)),
  );
  left = leastBy(left, (path) => (path.external ? 0 : 1));
  left = leastBy(left, (path) => router.nextHops.get(path.nextHop)?.metric ?? 0);
  const alike = new Map<string, number>();
  const ordered = left.map((path) => {
    const looks = JSON.stringify(path);
    const nth = alike.get(looks) ?? 0;
    alike.set(looks, nth + 1);
    return { path, pathId: pathIds(router, path, nth) };
  });
  ordered.sort((a, b) => identifier(a.path) - identifier(b.path) || a.pathId - b.pathId);
  return ordered.map(({ path }) => path).slice(0, router.multipath);
}

const med = (path: Path): number => path.med ?? 0;
const neighbourAs = (path: Path): number => path.asPath[0] ?? 0;
const identifier = ({ from }: Path): number =>
  (from ?? "0.0.0.0").split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);

function leastBy(paths: readonly Path[], rank: (path: Path) => number): Path[] {
  const least = Math.min(...paths.map(rank));
  return paths.filter((path) => rank(path) === least);
}
