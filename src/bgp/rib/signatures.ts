/**
 * What is being written in rib/ and policy/, as signatures. The names and files are final; this page goes when they
 * are there. Prefix words, batches and blocks are those of net/ and wire/.
 */

import type { Address, Family, Prefix } from "../net/address.ts";
import type { Policy } from "../policy/rules.ts";
import type { AttributeBlock, DecodedAttributes, EncodedAttributes } from "../wire/signatures.ts";
import type { DecodeContext } from "../wire/context.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { PrefixBatch } from "../wire/prefix-batch.ts";
import type { PrefixId, PrefixTable } from "./prefix-table.ts";

// attribute-pool.ts
/** 0 is no attributes. Equal ids are equal attributes, so `===` compares. */
export type AttrId = number & { readonly __attr: never };

export declare class AttributePool {
  /** Distinct attribute sets held. */
  readonly size: number;
  /** Takes one reference on a block seen before; 0 when it was not (then decode it, and {@link add}). */
  find(block: AttributeBlock, context: DecodeContext): AttrId;
  /** Copies the octets and takes one reference. `attributes` is what decodeAttributes made of them. */
  add(block: AttributeBlock, context: DecodeContext, attributes: PathAttributes): AttrId;
  /** Takes one reference on attributes that did not come from the wire: a local route's. */
  intern(attributes: PathAttributes): AttrId;
  /** Gives one reference back. */
  release(id: AttrId): void;
  /** The parsed attributes: for the cold path (parses again when it was long ago). */
  attributes(id: AttrId): PathAttributes;
  /** What packAnnounced needs, of an id that a {@link UpdateSink} was given. Valid until the next intern. */
  encoded(id: AttrId): EncodedAttributes;
}

// peer-table.ts
/** 0 is the pseudo peer of local routes. Given out again after removePeer. */
export type PeerId = number & { readonly __peer: never };

export interface RibPeer {
  readonly address: Address;
  readonly asn: number;
  /** In another AS (eBGP). */
  readonly external: boolean;
  /** BGP identifier of its OPEN, unsigned 32-bit. */
  readonly routerId: number;
}

// route-filter.ts — what policy/ gives to rib/
/** A policy made fast. `compilePolicy` makes one. */
export interface RouteFilter {
  /** False: no verdict depends on the attributes, and {@link classify} need not be asked. */
  readonly usesAttributes: boolean;
  /** False: no verdict depends on the prefix: one verdict serves a whole batch. */
  readonly usesPrefix: boolean;
  /** What of the attributes the rules can see, as a small number; depends on nothing else. */
  classify(attributes: PathAttributes): number;
  judge(
    attributeClass: number,
    family: Family,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    tag: number,
  ): Verdict;
}

/** Interned per filter: equal verdicts are the same object. */
export interface Verdict {
  readonly accepted: boolean;
  /** Name of the rule that ended the walk; "otherwise" when none did. */
  readonly rule: string;
  /** The route's tag afterwards, or undefined: unchanged. */
  readonly tag: number | undefined;
  /** New attributes, or undefined: unchanged. */
  readonly change: ((attributes: PathAttributes) => PathAttributes) | undefined;
}

// policy/evaluate.ts
export declare function compilePolicy(policy: Policy): RouteFilter;

// rib.ts
export interface RibOptions {
  readonly asn: number;
  /** Unsigned 32-bit. Also our cluster id. */
  readonly routerId: number;
  /** Equal-cost paths kept per prefix, 1..256. */
  readonly multipath: number;
  /** Compare MED between different neighbour ASes too. */
  readonly alwaysCompareMed: boolean;
  readonly advertiseInstalledOnly: boolean;
}

export declare class Rib {
  readonly pool: AttributePool;
  readonly v4: FamilyRib;
  readonly v6: FamilyRib;
  constructor(options: RibOptions);
  of(family: Family): FamilyRib;
  /** A peer that may bring paths. Keep the id over a graceful restart; {@link setPeer} tells a new router id. */
  addPeer(peer: RibPeer, importFilter: RouteFilter): PeerId;
  setPeer(id: PeerId, peer: RibPeer): void;
  /** Drops its paths in both families and leaves its groups first. */
  removePeer(id: PeerId): void;
  /** Default: reachable, metric 0. Paths over it are decided again. */
  setNextHop(nextHop: Address, state: { readonly reachable: boolean; readonly metric: number }): void;
}

export declare class FamilyRib {
  readonly family: Family;
  readonly prefixes: PrefixTable;
  readonly received: AdjRibIn;
  readonly best: LocRib;
  readonly exports: Exports;
}

// adj-rib-in.ts
export declare class AdjRibIn {
  /** Every prefix of the batch now has this path from `peer`. Takes its own references: release yours after. */
  announce(peer: PeerId, attrs: AttrId, batch: PrefixBatch): void;
  withdraw(peer: PeerId, batch: PrefixBatch): void;
  /** A local route: always wins, passes no import filter. */
  originate(prefix: Prefix, attrs: AttrId, tag: number): void;
  /** True when there was one. */
  abandon(prefix: Prefix): boolean;
  /** Graceful restart began: what is there is stale until announced again. Returns how many. O(1). */
  markStale(peer: PeerId): number;
  /** End-of-RIB or time over: what is still stale goes. Returns how many went. */
  sweepStale(peer: PeerId): number;
  /** The session is gone for good: all of its paths go. */
  drop(peer: PeerId): void;
  /** Another import policy: judges what is held again, without the peer. */
  refilter(peer: PeerId, filter: RouteFilter): void;
  /** O(1). */
  counts(peer: PeerId): { readonly received: number; readonly accepted: number; readonly stale: number };
}

// loc-rib.ts
export declare class LocRib {
  /** Prefixes to decide. */
  readonly pending: number;
  /** Prefixes with a best path. */
  readonly size: number;
  /**
   * Decides up to `budget` prefixes. `changed` is called for each whose selected paths (or their attributes, or tag)
   * are others than before; read what it has now by {@link selectedCount} and {@link selected}, 0 meaning none. The
   * id is valid only during the call when there is none left. Returns how many were decided.
   */
  decideSome(budget: number, changed: (prefix: PrefixId) => void): number;
  selectedCount(prefix: PrefixId): number;
  /** The best path first, then those of equal cost: an object made for the caller. */
  selected(prefix: PrefixId): readonly SelectedPath[];
  /** Every path with what became of it; undefined when the prefix is not known. */
  describe(prefix: Prefix): RouteDescription | undefined;
  /** Descriptions of known prefixes from the id `from` on, at most `limit`, and where to go on (-1: the end). */
  page(from: number, limit: number): { readonly routes: readonly RouteDescription[]; readonly next: number };
  /** The caller's word that the forwarding plane holds the best path. False after the last path went. */
  setInstalled(prefix: Prefix, installed: boolean): void;
  isInstalled(prefix: PrefixId): boolean;
}

export interface SelectedPath {
  readonly peer: PeerId;
  readonly local: boolean;
  readonly external: boolean;
  readonly attributes: PathAttributes;
  readonly tag: number;
}

export interface RouteDescription {
  readonly prefix: Prefix;
  readonly installed: boolean;
  readonly paths: readonly PathDescription[];
}

export interface PathDescription {
  readonly peer: PeerId;
  readonly local: boolean;
  readonly pathId: number;
  /** "best", "multipath", "rejected", "nextHopUnreachable", "asLoop"…, else the step it lost by. */
  readonly status: string;
  readonly stale: boolean;
  /** The import rule that decided; undefined for local routes. */
  readonly rule: string | undefined;
  readonly tag: number;
  readonly received: PathAttributes;
  /** After import policy; undefined when rejected. */
  readonly accepted: PathAttributes | undefined;
}

// update-group.ts
/** Peers for which all of this is equal share one UpdateGroup. */
export interface ExportClass {
  /** By identity: compile a policy once and hand the same filter to all peers that have it. */
  readonly filter: RouteFilter;
  readonly external: boolean;
  readonly nextHopSelf: boolean;
  readonly as4: boolean;
  readonly extendedMessage: boolean;
  /** Our address of the session: the next hop of what we originate. */
  readonly localAddress: Address;
}

export declare class Exports {
  readonly groups: ReadonlySet<UpdateGroup>;
  /** Marks a prefix whose best path, or installed state, changed. Called by the RIB itself. */
  join(peer: PeerId, exportClass: ExportClass): UpdateGroup;
  /** Another export policy, same session: only what differs is sent. */
  move(peer: PeerId, exportClass: ExportClass): UpdateGroup;
  leave(peer: PeerId): void;
  groupOf(peer: PeerId): UpdateGroup | undefined;
}

/** Gets what is to be sent. Batch and recipients are valid only during the call. */
export interface UpdateSink {
  announce(attrs: AttrId, prefixes: PrefixBatch, recipients: readonly PeerId[]): void;
  withdraw(prefixes: PrefixBatch, recipients: readonly PeerId[]): void;
}

export declare class UpdateGroup {
  readonly exportClass: ExportClass;
  readonly members: readonly PeerId[];
  /** Prefixes not yet evaluated for the group. */
  readonly pending: number;
  /**
   * Hands out up to `limit` changed prefixes, encoded once for every member that is in step and `isReady`. Members that
   * are not ready fall behind: they get a bit per prefix instead, and {@link catchUp} later. Does nothing while no
   * member is ready. Returns how many prefixes were evaluated.
   */
  drain(limit: number, isReady: (peer: PeerId) => boolean, sink: UpdateSink): number;
  /** Hands out up to `limit` prefixes that one member is behind with; call after {@link drain}. Returns how many. */
  catchUp(peer: PeerId, limit: number, sink: UpdateSink): number;
  /** Prefixes not yet handed out to this member; 0: it has been sent everything (time for End-of-RIB). */
  pendingFor(peer: PeerId): number;
  /** ROUTE-REFRESH: everything again (RFC 2918 §4). */
  resend(peer: PeerId): void;
  /** O(1). */
  advertised(peer: PeerId): number;
  /** Adj-RIB-Out of a member by page, exactly as sent; `pending`: not yet handed out. */
  page(
    peer: PeerId,
    from: number,
    limit: number,
  ): { readonly routes: readonly AdvertisedRoute[]; readonly next: number };
}

export interface AdvertisedRoute {
  readonly prefix: Prefix;
  readonly attributes: PathAttributes;
  readonly tag: number;
  readonly pending: boolean;
}

/** How a received block gets its id: the only way octets of a peer enter the pool. */
export type Decode = (block: AttributeBlock, context: DecodeContext) => DecodedAttributes;
