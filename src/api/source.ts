/**
 * Where the API's answers come from: snapshots of a running gateway.
 *
 * A snapshot is made when it is asked for and never changes afterwards. The daemon gives these functions; tests give
 * a plain object. Addresses in a query are canonical text (RFC 5952), so that `===` compares them with an answer's.
 */

import type { BirdwatcherSource } from "./birdwatcher-schema.ts";
import type { ExplainAnswer } from "./explain-schema.ts";
import type {
  NatBlockAnswer,
  NatLogAnswer,
  NatMappingsAnswer,
  NatPoolAnswer,
  NatSessionsAnswer,
  NatTopAnswer,
  NatTraceAnswer,
} from "./nat-schema.ts";
import type { NextHopAnswer } from "./next-hop-schema.ts";
import type {
  AnnouncementAnswer,
  AnycastAnswer,
  FloatingIpAnswer,
  MonitorAnswer,
  NatAnswer,
  PeerAnswer,
  PeerErrorAnswer,
  ReadyAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RpkiAnswer,
  RpkiPrefixAnswer,
  StatusAnswer,
  StopAnswer,
} from "./schema.ts";
import type { StoreAnswer } from "./store-schema.ts";

export interface ApiSource {
  status(): Awaitable<StatusAnswer>;
  /** Every peer, those of ranges included while they are connected. */
  peers(): Awaitable<readonly PeerAnswer[]>;
  /** What all peers told us and what is our own, in an order that stays the same between two pages. */
  routes(query: RouteQuery): Awaitable<Page<RouteAnswer>>;
  /** What each peer was told, in an order that stays the same between two pages. */
  announcements(query: AnnouncementQuery): Awaitable<Page<AnnouncementAnswer>>;
  /** What one peer told us, also what import policy rejected. */
  received(query: ReceivedQuery): Awaitable<Page<ReceivedAnswer>>;
  /** The last messages of one peer that were wrong, the latest first; undefined: there is no such peer. */
  errors(query: ErrorsQuery): Awaitable<readonly PeerErrorAnswer[] | undefined>;
  floatingIps(): Awaitable<readonly FloatingIpAnswer[]>;
  nat(): Awaitable<NatAnswer>;
  natWho(query: NatWhoQuery): Awaitable<NatBlockAnswer>;
  /** Looks at all flows: seconds, when there are a million. */
  natSessions(query: NatSessionsQuery): Awaitable<NatSessionsAnswer>;
  natTop(query: NatSessionsQuery): Awaitable<NatTopAnswer>;
  natPools(): Awaitable<readonly NatPoolAnswer[]>;
  natBlock(query: NatBlockQuery): Awaitable<NatBlockAnswer>;
  /** With `liveSeconds` it waits as long for a real packet. */
  natTrace(query: NatTraceQuery): Awaitable<NatTraceAnswer>;
  natLog(): Awaitable<NatLogAnswer>;
  natMappings(query: NatMappingsQuery): Awaitable<NatMappingsAnswer>;
  anycast(): Awaitable<readonly AnycastAnswer[]>;
  /** By address. Empty where there is no kernel to ask. */
  nextHops(): Awaitable<readonly NextHopAnswer[]>;
  rpki(): Awaitable<RpkiAnswer>;
  rpkiPrefix(query: RpkiQuery): Awaitable<RpkiPrefixAnswer>;
  /** @throws Refusal when nobody here knows it, or it stands for several addresses */
  explain(query: ExplainQuery): Awaitable<ExplainAnswer>;
  store(): Awaitable<StoreAnswer>;
  monitors(): Awaitable<readonly MonitorAnswer[]>;
  /** The same for alice-lg, which speaks another dialect. */
  readonly birdwatcher: BirdwatcherSource;
  /** The table as an MRT file (RFC 6396), piece by piece: each takes some milliseconds to make. */
  mrtTable(): Iterable<Uint8Array>;
  ready(): Awaitable<ReadyAnswer>;
  /** Prometheus text, and the media type that names its version. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>;
}

type Awaitable<T> = T | Promise<T>;

/** Part of a long list. `next` goes into the next query's `after`; undefined when nothing follows. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface RouteQuery {
  /** "192.0.2.0/24": exactly this one. "192.0.2.1": the longest prefix that holds it. Syntactically valid. */
  readonly prefix?: string;
  readonly kind?: string;
  /** True: only what this speaker originates. */
  readonly local?: boolean;
  /** 1..10000. */
  readonly limit: number;
  /** What the page before gave as `next`; hostile until the source has read it. */
  readonly after?: string;
}

export interface AnnouncementQuery {
  readonly peer?: string;
  /** Exactly this one; a bare address is its /32 or /128. */
  readonly prefix?: string;
  readonly kind?: string;
  /** 1..10000. */
  readonly limit: number;
  readonly after?: string;
}

export interface ErrorsQuery {
  readonly peer: string;
}

export interface ReceivedQuery {
  readonly peer: string;
  /** Exactly this one; a bare address is its /32 or /128. */
  readonly prefix?: string;
  /** 1..10000. */
  readonly limit: number;
  readonly after?: string;
}

export interface RpkiQuery {
  /** A bare address is its /32 or /128; bits behind the length do not count. */
  readonly prefix: string;
  /** 1..4294967295. */
  readonly asn?: number;
}

export interface ExplainQuery {
  /** An address, a prefix, or a name or id of what has one; hostile until the source has read it. */
  readonly about: string;
  /** Who sends the packets that are looked at: an address. */
  readonly from?: string;
}

export interface NatWhoQuery {
  /** IPv4. */
  readonly address: string;
  /** 0..65535. */
  readonly port: number;
  /** Milliseconds since 1970; undefined: now. */
  readonly at?: number;
}

/** Which sessions; what is not given does not matter. Addresses are IPv4. */
export interface NatSessionsQuery {
  readonly private?: string;
  readonly public?: string;
  /** Of the public address, 0..65535. */
  readonly port?: number;
  readonly remote?: string;
  /** IP protocol number. */
  readonly protocol?: number;
  /** 1..10000. */
  readonly limit: number;
}

export interface NatMappingsQuery {
  /** An IPv4 address: its own alone. */
  readonly private?: string;
}

/** A packet that would open a flow. Its addresses are of one family. */
export interface NatTraceQuery {
  readonly source: string;
  readonly destination: string;
  /** IP protocol number. */
  readonly protocol: number;
  /** 0..65535. */
  readonly sport?: number;
  readonly dport?: number;
  /** How long to wait for a real one, 1..25 s; undefined: not at all. */
  readonly live?: number;
}

export interface NatBlockQuery {
  /** IPv4. */
  readonly address: string;
  readonly at?: number;
}

/** What may be asked of the daemon beside questions, on the unix socket only. */
export interface ApiControl {
  /** Begins the end of the process and returns at once. */
  stop(request: StopRequest): StopAnswer;
  /** What becomes of a peer by it; undefined: there is no such peer. */
  order(request: PeerRequest): PeerAnswer | undefined;
}

export const PEER_ORDERS = ["shutdown", "start", "reset", "refresh", "drain", "undrain"] as const;

export interface PeerRequest {
  readonly peer: string;
  /**
   * shutdown: no session until start. reset: a new session in the place of this one. refresh: all is told again, both
   * ways, on the session as it is. drain: what leads over it becomes a last resort, before it ends (RFC 8326); undrain:
   * no longer.
   */
  readonly order: (typeof PEER_ORDERS)[number];
  /** For the operator of the peer (RFC 9003), with shutdown and reset; 1..255 octets of UTF-8. */
  readonly text?: string;
}

export interface StopRequest {
  /** Peers are to keep our routes: the process comes back. */
  readonly graceful: boolean;
  /** For the operators of the peers (RFC 9003); 1..255 octets of UTF-8. */
  readonly text?: string;
}

/** What a source throws for a cursor that it never gave: the API answers 400 instead of 500. */
export class CursorError extends Error {
  override readonly name: string = "CursorError";
}
