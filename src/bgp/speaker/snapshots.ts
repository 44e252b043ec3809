/** What a speaker shows of itself: plain values, made when asked for. Long lists are generators, read page by page. */

import type { StateName, Timer } from "../fsm/state.ts";
import type { Address, Family, Prefix } from "../net/address.ts";
import { NO_PREFIX } from "../net/prefix-table.ts";
import type { ExportReason } from "../rib/exporter.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type {
  AdvertisedRoute,
  Page,
  PathDescription,
  ReceivedRoute,
  RouteDescription,
} from "../rib/snapshot.ts";
import type { SecondsByFamily } from "../session/negotiation.ts";
import type { Reaction } from "../wire/fault.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { Role } from "../wire/roles.ts";
import type { Opens } from "./connection.ts";
import { drains } from "./maintenance.ts";
import type { PeerOptions, PrefixLimit, SpeakerOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { BfdSnapshot } from "./peer-bfd.ts";
import type { OffendingMessage, Said } from "./peer-error-log.ts";
import type { Halt } from "./peer-halt.ts";
import { sessionAsn } from "./peer-options.ts";
import type { StaleFamily } from "./restart-helper.ts";
import type { MessageCounts } from "./traffic.ts";

export interface PeerSnapshot {
  /** Of a peer by interface: :: with the name of that, as long as nobody knows the router there. */
  readonly address: Address;
  /** Of a peer by interface. */
  readonly interface: string | undefined;
  /** Undefined: any but our own, and there is no session. */
  readonly asn: number | undefined;
  /** Any AS but our own may be there. */
  readonly anyAsn: boolean;
  /** Our own as the peer knows it. */
  readonly localAsn: number;
  /** What we are to the peer (RFC 9234), and what it says that it is to us. */
  readonly role: { readonly local: Role | undefined; readonly remote: Role | undefined };
  readonly description: string | undefined;
  readonly group: string | undefined;
  /** From a range rather than configured by address. */
  readonly dynamic: boolean;
  /** TCP-MD5 (RFC 2385) and GTSM (RFC 5082) are asked for. */
  readonly md5: boolean;
  readonly ttlSecurity: boolean;
  readonly state: StateName;
  /** How long it has been in this state. */
  readonly inStateMs: number;
  /** What each side said in its OPEN, of the session or of one that is about to be. */
  readonly opens: Pick<Opens, "sent" | "heard"> | undefined;
  /** Of the connection that there is: our own address on it, and who opened it. */
  readonly localAddress: Address | undefined;
  readonly initiator: "local" | "remote" | undefined;
  /** Milliseconds that are left of each timer that is armed. */
  readonly timersMs: ReadonlyMap<Timer, number>;
  /** What applies to it: as it was configured. */
  readonly limits: Pick<PeerOptions, "maxAsPathLength" | "maxCommunities">;
  /** Of the session: its BGP identifier, unsigned 32-bit. */
  readonly routerId: number | undefined;
  readonly holdSeconds: number | undefined;
  /** Of the session; without one, those configured. */
  readonly families: readonly Family[];
  /** Of the session: families whose prefixes have path identifiers (RFC 7911), each way. */
  readonly addPath: { readonly send: readonly Family[]; readonly receive: readonly Family[] };
  /** It has told all that it knew at least once. */
  readonly learned: boolean;
  /** What leads over it is a last resort: the session is about to end (RFC 8326). */
  readonly drains: boolean;
  readonly gracefulRestart: {
    readonly negotiated: boolean;
    /** RFC 9494; of the session: how long stale paths may be kept behind the restart time. */
    readonly longLivedSeconds: SecondsByFamily;
    readonly stalePaths: number;
    /** Families with stale paths, and how long they may stay. */
    readonly stale: readonly StaleFamily[];
  };
  /** Undefined: the peer is not watched by BFD. */
  readonly bfd: BfdSnapshot | undefined;
  /** With ADD-PATH, paths. refused: more than 256 of one prefix, not kept; since the peer is known. */
  readonly prefixes: {
    readonly received: number;
    readonly accepted: number;
    readonly advertised: number;
    readonly refused: number;
  };
  readonly messages: { readonly received: MessageCounts; readonly sent: MessageCounts };
  readonly updateErrors: Readonly<Record<Reaction, number>>;
  /** The last messages that were wrong, raw, latest last. */
  readonly offendingMessages: readonly (Omit<OffendingMessage, "atMs"> & { readonly agoMs: number })[];
  /** Times that a route was not told to it because its attributes do not fit into a message. */
  readonly unsendable: number;
  /** Sessions lost. */
  readonly flaps: number;
  readonly maxPrefixes: PrefixLimit | undefined;
  /** Why no session is wanted; undefined: one is. */
  readonly halt: HaltSnapshot | undefined;
  readonly lastError: LastSaid | undefined;
  /** The last NOTIFICATION each way. */
  readonly notifications: { readonly sent: LastSaid | undefined; readonly received: LastSaid | undefined };
}

export interface LastSaid {
  readonly agoMs: number;
  readonly words: string;
}

export interface HaltSnapshot {
  readonly reason: Halt["reason"];
  /** What the other side's operator is told. */
  readonly text: string | undefined;
  /** Undefined: it lasts until somebody ends it. */
  readonly restartsInMs: number | undefined;
}

export interface RouteFilterOptions {
  readonly family?: Family;
  /** Only this one. */
  readonly prefix?: Prefix;
}

export interface RouteSnapshot {
  readonly prefix: Prefix;
  readonly tag: number;
  /** The best path is our own. */
  readonly local: boolean;
  readonly installed: boolean;
  readonly paths: readonly PathSnapshot[];
}

export interface PathSnapshot {
  /** Undefined: a route of our own. */
  readonly peer: Address | undefined;
  /** As its peer numbers it (RFC 7911); 0 without ADD-PATH. */
  readonly pathId: number;
  /** After import policy; as received where it was rejected. */
  readonly attributes: PathAttributes;
  readonly tag: number;
  /** Import policy let it in, and it is no loop. */
  readonly accepted: boolean;
  /** best, multipath, or why it is neither. */
  readonly status: string;
  /** The import rule that decided; undefined for our own routes. */
  readonly rule: string | undefined;
  readonly stale: boolean;
}

export interface ExportSnapshot extends ExportReason {
  readonly peer: Address;
}

/** Routes looked at between two chances for the reader to stop. */
const PAGE = 1000;
const FAMILIES: readonly Family[] = [4, 6];

export function peerSnapshot(peer: Peer, speaker: SpeakerOptions, nowMs: number): PeerSnapshot {
  const { negotiated, options, errors } = peer;
  const restart = negotiated?.gracefulRestart;
  const counts = peer.pathCounts();
  const advertised = peer.ribId === undefined ? 0 : peer.exports.advertised(peer.ribId);
  const { link, initiator, opens } = peer.connection;
  const { maxAsPathLength, maxCommunities } = options;
  const last = (said: Said | undefined): LastSaid | undefined =>
    said && { agoMs: nowMs - said.atMs, words: said.words };
  return {
    address: peer.address,
    interface: peer.link.where.interface,
    asn: options.remoteAsn === "external" ? negotiated?.remoteAsn : options.remoteAsn,
    anyAsn: options.remoteAsn === "external",
    localAsn: sessionAsn(speaker, options),
    role: { local: options.role, remote: negotiated?.remoteRole },
    description: options.description,
    group: options.group,
    dynamic: peer.dynamic,
    md5: options.password !== undefined,
    ttlSecurity: options.ttlSecurity === true,
    state: peer.connection.state.at,
    inStateMs: nowMs - peer.connection.sinceMs,
    opens,
    localAddress: link?.local,
    initiator: link && initiator,
    timersMs: peer.connection.timersMs(),
    limits: {
      ...(maxAsPathLength !== undefined && { maxAsPathLength }),
      ...(maxCommunities !== undefined && { maxCommunities }),
    },
    routerId: negotiated?.remoteRouterId,
    holdSeconds: negotiated?.holdSeconds,
    families: negotiated?.families ?? options.families,
    addPath: negotiated?.addPath ?? { send: [], receive: [] },
    learned: peer.learning.complete,
    drains: drains(options, peer.drains),
    gracefulRestart: {
      negotiated: restart !== undefined,
      longLivedSeconds: restart?.longLived?.seconds ?? {},
      stalePaths: counts.stale,
      stale: peer.ribId === undefined ? [] : peer.helper.stale(peer.ribId, nowMs),
    },
    bfd: peer.bfd.snapshot,
    prefixes: {
      received: counts.received,
      accepted: counts.accepted,
      advertised,
      refused: counts.refused,
    },
    messages: peer.traffic.counts(),
    updateErrors: errors.counts(),
    offendingMessages: errors.messages().map(({ atMs, ...kept }) => ({ ...kept, agoMs: nowMs - atMs })),
    unsendable: peer.exports.unsendable,
    flaps: peer.flaps,
    maxPrefixes: options.maxPrefixes,
    halt: haltSnapshot(peer.halt.current, nowMs),
    lastError: last(errors.last),
    notifications: { sent: last(errors.notifications.sent), received: last(errors.notifications.received) },
  };
}

function haltSnapshot(halt: Halt | undefined, nowMs: number): HaltSnapshot | undefined {
  if (halt === undefined) return undefined;
  const { reason, text, untilMs } = halt;
  return { reason, text, restartsInMs: Number.isFinite(untilMs) ? untilMs - nowMs : undefined };
}

export function isUsed(rib: Rib, { family, w0, w1, w2, w3, length }: Prefix): boolean {
  const { prefixes, best } = rib.of(family);
  const id = prefixes.find(w0, w1, w2, w3, length);
  return id !== NO_PREFIX && best.selectedCount(id) > 0;
}

export function* routeSnapshots(rib: Rib, filter: RouteFilterOptions): Generator<RouteSnapshot> {
  if (filter.prefix !== undefined) {
    const route = rib.of(filter.prefix.family).snapshot.describe(filter.prefix);
    if (route !== undefined) yield routeSnapshot(rib, route);
    return;
  }
  for (const family of FAMILIES) {
    if (filter.family !== undefined && filter.family !== family) continue;
    for (const route of allRoutes(rib, family)) yield routeSnapshot(rib, route);
  }
}

export function routePage(rib: Rib, family: Family, from: number, limit: number): Page<RouteSnapshot> {
  const { rows, next } = rib.of(family).snapshot.routes(from, limit);
  return { rows: rows.map((route) => routeSnapshot(rib, route)), next };
}

/** The Adj-RIB-In of one peer, the rejected paths too. */
export function* receivedRoutes(rib: Rib, peer: PeerId): Generator<ReceivedRoute> {
  for (const family of FAMILIES) {
    const { snapshot } = rib.of(family);
    yield* paged((from) => snapshot.received(peer, from, PAGE));
  }
}

/** The Adj-RIB-Out of one peer. */
export function* advertisedRoutes(rib: Rib, peer: Peer): Generator<AdvertisedRoute> {
  const { ribId } = peer;
  if (ribId === undefined) return;
  for (const [family, group] of peer.exports.groups) {
    const { snapshot } = rib.of(family);
    yield* paged((from) => snapshot.advertised(group, ribId, from, PAGE));
  }
}

/** Why each peer is sent a prefix, or is not. */
export function exportSnapshots(rib: Rib, peers: Iterable<Peer>, prefix: Prefix): ExportSnapshot[] {
  return Array.from(peers, (peer) => ({ peer: peer.address, ...exportReason(rib, peer, prefix) }));
}

function exportReason(rib: Rib, peer: Peer, prefix: Prefix): ExportReason {
  const { ribId, negotiated } = peer;
  if (ribId === undefined || negotiated === undefined) {
    return { sent: false, reason: "no session", rule: undefined };
  }
  const group = peer.exports.groups.get(prefix.family);
  if (group === undefined) return { sent: false, reason: "family not negotiated", rule: undefined };
  return rib.of(prefix.family).snapshot.explain(group, ribId, prefix);
}

export function advertisedPage(
  rib: Rib,
  peer: Peer | undefined,
  family: Family,
  from: number,
  limit: number,
): Page<AdvertisedRoute> {
  const group = peer?.exports.groups.get(family);
  if (peer?.ribId === undefined || group === undefined) return { rows: [], next: -1 };
  return rib.of(family).snapshot.advertised(group, peer.ribId, from, limit);
}

/** What of one prefix a peer was told; nothing when there is no session with it. */
export function advertisedAt(rib: Rib, peer: Peer | undefined, prefix: Prefix): AdvertisedRoute[] {
  const group = peer?.exports.groups.get(prefix.family);
  if (peer?.ribId === undefined || group === undefined) return [];
  return rib.of(prefix.family).snapshot.advertisedAt(group, peer.ribId, prefix);
}

const allRoutes = (rib: Rib, family: Family): Generator<RouteDescription> =>
  paged((from) => rib.of(family).snapshot.routes(from, PAGE));

function* paged<T>(page: (from: number) => Page<T>): Generator<T> {
  for (let from = 0; from >= 0; ) {
    const { rows, next } = page(from);
    yield* rows;
    from = next;
  }
}

function routeSnapshot(rib: Rib, { prefix, installed, paths }: RouteDescription): RouteSnapshot {
  const best = paths.find(({ status }) => status === "best");
  return {
    prefix,
    installed,
    tag: best?.tag ?? 0,
    local: best?.local === true,
    paths: paths.map((path) => pathSnapshot(rib, path)),
  };
}

function pathSnapshot(rib: Rib, path: PathDescription): PathSnapshot {
  const { peer, local, pathId, accepted, received, tag, status, rule, stale } = path;
  return {
    peer: local ? undefined : rib.peers.get(peer).address,
    pathId,
    attributes: accepted ?? received,
    tag,
    accepted: accepted !== undefined,
    status,
    rule,
    stale,
  };
}
