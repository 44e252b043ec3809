/**
 * The core's side of netd: starts it, starts it again when it dies, and turns method calls into commands.
 *
 * While netd is away every call is refused at once with {@link KernelError} "netd.down"; what was under way is refused
 * too, since nobody can know whether it was done. After {@link Kernel.onUp} read and compare.
 */

import { fileURLToPath } from "node:url";
import { comparePrefixes, type Prefix } from "../bgp/net/address.ts";
import { encodeAdvertisements } from "./advertisement-commands.ts";
import {
  CODE,
  type ConntrackUse,
  type Drift,
  decodeRows,
  encodeJson,
  encodePrefixes,
  encodeRoutes,
  type KernelRoute,
  type Link,
  type NatFound,
  type Neighbour,
  type Redirection,
  routesOf,
  type Settings,
  type Translation,
  type Warning,
} from "./commands.ts";
import type { SessionQuery, SessionsFound } from "./conntrack/session-commands.ts";
import { decodeSessionEvents, type SessionEvents } from "./conntrack/session-events.ts";
import { parseJson } from "./fields.ts";
import { decodeFoundEndpoint, type EndpointQuery, type FoundEndpoint } from "./nft/endpoints.ts";
import type { Followed, PacketQuery } from "./nft/trace-commands.ts";
import type { NextHopWay, Tracking } from "./routes/way-commands.ts";
import { Supervisor } from "./supervisor.ts";

/** Routes of one command: netd answers between two of them. */
const CHUNK_ROUTES = 16_384;

const NOTHING = Buffer.alloc(0);

export interface KernelOptions extends Settings {
  /** The script of netd; by default the one beside this module. */
  readonly script?: string;
}

/** The privileged half, seen from the core. Methods resolve when the kernel has answered. */
export interface Kernel {
  /**
   * What bears our mark: routes of our protocol in our table, some thousand at a time, and table inet gatewayd, which it
   * resolves to.
   * @param knowsNat - all that was done to that since it was listed last: then it is only where others may have changed it
   */
  read(take: (routes: readonly KernelRoute[]) => void, knowsNat: boolean): Promise<NatFound>;
  /** Adds or changes; resolves to the errors, by prefix text. The other routes are in place. */
  putRoutes(routes: readonly KernelRoute[]): Promise<ReadonlyMap<string, string>>;
  /** What is not there counts as removed. */
  removeRoutes(prefixes: readonly Prefix[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Has all routes that lead to one target lead to another, whatever their number, by one change of what they share.
   * Resolves to the errors, by the place of the redirection; of these every route leads where it led.
   */
  redirect(redirections: readonly Redirection[]): Promise<ReadonlyMap<number, string>>;
  /** One nftables transaction. @throws KernelError "refused" with what the kernel said; nothing was changed then */
  applyNat(nftables: string): Promise<void>;
  /** Removes the conntrack entries that translate between the two. Resolves to how many there were. */
  forget(translation: Translation): Promise<number>;
  /** Proxy ARP, forwarding and the like; resolves to the errors, by interface. */
  prepareTaps(interfaces: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Entries in use and their limit; undefined where the kernel tracks no connections. */
  conntrack(): Promise<ConntrackUse | undefined>;
  /** Looks at all flows that are translated; a million take some seconds, and others are served meanwhile. */
  sessions(query: SessionQuery): Promise<SessionsFound>;
  /**
   * The next sessions that came or went, at most as many as are written out in some milliseconds; after a second without
   * any, none. From the first call on netd listens, until {@link endSessions}.
   */
  nextSessions(): Promise<SessionEvents>;
  endSessions(): Promise<void>;
  /** A set of our table as nft lists it; undefined when there is none. */
  listSet(name: string): Promise<string | undefined>;
  /** The way of the next such packet through nftables; undefined when none came. One at a time. */
  follow(query: PacketQuery): Promise<Followed | undefined>;
  /** Of these bodies of `ct helper` objects, those that the kernel has no helper for. */
  lackedHelpers(bodies: readonly string[]): Promise<readonly string[]>;
  /** Which endpoint packets have written down for this one; undefined: none. */
  endpoint(query: EndpointQuery): Promise<FoundEndpoint | undefined>;
  /** The map of mappings that were asked for, as nft lists it with when its elements end; undefined without our table. */
  granted(): Promise<string | undefined>;
  /** The chain that refuses who has too much, as nft lists it with its counters; undefined without our table. */
  limited(): Promise<string | undefined>;
  /** Sends router advertisements over these interfaces, and no others, and hears those of others there. */
  seek(interfaces: readonly string[]): Promise<void>;
  /** Says this to the instances behind these interfaces, and nothing behind others; again to whoever asks. */
  advertise(advertisements: Parameters<typeof encodeAdvertisements>[0]): Promise<void>;
  /** Which router an advertisement came from; again after netd, or the link, was away. */
  onNeighbour(listener: (neighbour: Neighbour) => void): () => void;
  /** Looks for the ways to these next hops, and to those no more. Forgotten when netd ends. */
  track(tracking: Tracking): Promise<void>;
  /** How the kernel gets to next hops that are tracked: each soon after it was asked for, then when it is another way. */
  onWays(listener: (ways: readonly NextHopWay[]) => void): () => void;
  links(): readonly Link[];
  /** Called at once with what is, then with every change. Returns what ends it. */
  onLinks(listener: (links: readonly Link[]) => void): () => void;
  /** Called at once when netd runs, then each time that it has come back. */
  onUp(listener: (warnings: readonly Warning[]) => void): () => void;
  onDown(listener: (reason: string) => void): () => void;
  /** Somebody else changed what bears our mark, or the kernel took it away with a link. */
  onDrift(listener: (what: readonly Drift[]) => void): () => void;
  /** What netd wanted later than at its start and did not get. */
  onWarning(listener: (warning: Warning) => void): () => void;
  /** Ends netd; the kernel keeps everything. */
  close(): Promise<void>;
}

/**
 * Starts netd and resolves when it has told what is there.
 * @throws KernelError "netd.missing" when this machine lacks what netd needs; the text says how to get it
 */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  const { script, ...settings } = options;
  const supervisor = new Supervisor(script ?? besideThis(), settings);
  await supervisor.start();
  const tell = async (code: Parameters<Supervisor["ask"]>[0], payload: Buffer): Promise<void> => {
    await supervisor.ask(code, payload);
  };
  return {
    read: (take, knowsNat) => read(supervisor, take, knowsNat),
    putRoutes: (routes) =>
      inChunks(routes.length, (first, count) =>
        supervisor.ask(CODE.putRoutes, encodeRoutes(routes, first, count)),
      ),
    removeRoutes: (prefixes) => removeRoutes(supervisor, prefixes),
    redirect: async (redirections) => {
      const { end } = await supervisor.ask(CODE.redirect, encodeJson(redirections));
      return new Map(parseJson(end) as [number, string][]);
    },
    applyNat: (nftables) => tell(CODE.applyNat, Buffer.from(nftables)),
    forget: async (translation) => {
      const { end } = await supervisor.ask(CODE.forget, encodeJson(translation));
      return Number(parseJson(end));
    },
    prepareTaps: async (interfaces) => {
      const { end } = await supervisor.ask(CODE.prepareTaps, encodeJson(interfaces));
      return new Map(pairsIn(end));
    },
    conntrack: async () => {
      const { end } = await supervisor.ask(CODE.conntrack, NOTHING);
      const use = parseJson(end);
      return use === false ? undefined : (use as ConntrackUse);
    },
    sessions: async (query) => {
      const { end } = await supervisor.ask(CODE.sessions, encodeJson(query));
      return parseJson(end) as SessionsFound;
    },
    nextSessions: async () => decodeSessionEvents((await supervisor.ask(CODE.nextSessions, NOTHING)).end),
    endSessions: async () => {
      await supervisor.ask(CODE.endSessions, NOTHING);
    },
    listSet: async (name) => {
      const { end } = await supervisor.ask(CODE.listSet, encodeJson(name));
      const listed = parseJson(end);
      return listed === false ? undefined : String(listed);
    },
    follow: async (query) => {
      const found = parseJson((await supervisor.ask(CODE.follow, encodeJson(query))).end);
      return found === false ? undefined : (found as Followed);
    },
    endpoint: async (query) =>
      decodeFoundEndpoint(parseJson((await supervisor.ask(CODE.endpoint, encodeJson(query))).end)),
    lackedHelpers: (bodies) => lackedHelpers(supervisor, bodies),
    granted: () => listed(supervisor, CODE.granted),
    limited: () => listed(supervisor, CODE.limited),
    seek: (interfaces) => tell(CODE.seek, encodeJson(interfaces)),
    advertise: (advertisements) => tell(CODE.advertise, encodeAdvertisements(advertisements)),
    onNeighbour: (listener) => supervisor.on("neighbour", listener),
    track: (tracking) => tell(CODE.track, encodeJson(tracking)),
    onWays: (listener) => supervisor.on("ways", listener),
    links: () => supervisor.links(),
    onLinks: (listener) => {
      listener(supervisor.links());
      return supervisor.on("links", listener);
    },
    onUp: (listener) => {
      if (supervisor.warnings !== undefined) listener(supervisor.warnings);
      return supervisor.on("up", listener);
    },
    onDown: (listener) => supervisor.on("down", listener),
    onDrift: (listener) => supervisor.on("drift", listener),
    onWarning: (listener) => supervisor.on("warning", listener),
    close: () => supervisor.close(),
  };
}

async function lackedHelpers(supervisor: Supervisor, bodies: readonly string[]): Promise<string[]> {
  return parseJson((await supervisor.ask(CODE.helpers, encodeJson(bodies))).end) as string[];
}

/** What nft lists; undefined: there is nothing to be listed. */
async function listed(supervisor: Supervisor, code: number): Promise<string | undefined> {
  const text = parseJson((await supervisor.ask(code, NOTHING)).end);
  return text === false ? undefined : String(text);
}

async function read(
  supervisor: Supervisor,
  take: (routes: readonly KernelRoute[]) => void,
  knowsNat: boolean,
): Promise<NatFound> {
  const nat = parseJson((await supervisor.ask(CODE.read, encodeJson(knowsNat))).end);
  for (;;) {
    const rows = decodeRows((await supervisor.ask(CODE.readSome, NOTHING)).end, true);
    if (rows.count === 0) break;
    take(routesOf(rows));
  }
  if (nat === "known") return { is: "known" };
  return { is: "listed", text: nat === "listed" ? await readListing(supervisor) : undefined };
}

async function readListing(supervisor: Supervisor): Promise<string> {
  const parts: Buffer[] = [];
  for (;;) {
    const { end } = await supervisor.ask(CODE.readListing, NOTHING);
    if (end.length === 0) return Buffer.concat(parts).toString("utf8");
    parts.push(end);
  }
}

function removeRoutes(supervisor: Supervisor, prefixes: readonly Prefix[]): Promise<Map<string, string>> {
  // The last ones first: when the kernel removes a route it looks for the next one from the start of its trie, so that
  // 300 000 in ascending order take it 8 s, and 1 s in this one.
  const last = prefixes.toSorted((a, b) => comparePrefixes(b, a));
  return inChunks(last.length, (first, count) =>
    supervisor.ask(CODE.removeRoutes, encodePrefixes(last, first, count)),
  );
}

async function inChunks(
  length: number,
  ask: (first: number, count: number) => Promise<{ end: Buffer }>,
): Promise<Map<string, string>> {
  const errors = new Map<string, string>();
  for (let first = 0; first < length; first += CHUNK_ROUTES) {
    const { end } = await ask(first, Math.min(CHUNK_ROUTES, length - first));
    for (const [prefix, message] of pairsIn(end)) errors.set(prefix, message);
  }
  return errors;
}

const pairsIn = (end: Buffer): [string, string][] => parseJson(end) as [string, string][];

/** In the build the scripts are JavaScript; a Node that runs TypeScript finds the source. */
function besideThis(): string {
  const name = import.meta.url.endsWith(".ts") ? "./netd.ts" : "./netd.js";
  return fileURLToPath(new URL(name, import.meta.url));
}
