/**
 * The routing information base: what peers told us, what we chose of it, and what we tell them.
 *
 * In flow attribute ids and batches of prefixes ({@link FamilyRib.received}); marks are decided in slices
 * ({@link FamilyRib.best}); out flow runs of prefixes that share attributes, per update group
 * ({@link FamilyRib.exports}). Everything is columns of numbers indexed by small ids; nothing is allocated per route
 * once the columns have grown. The two families share attributes, next hops and peers, and nothing else.
 */

import type { Family } from "../net/address.ts";
import type { PrefixTable } from "../net/prefix-table.ts";
import { AdjRibIn } from "./adj-rib-in.ts";
import { AttributePool } from "./attribute-pool.ts";
import { Decision } from "./decision.ts";
import { Exports } from "./exports.ts";
import type { ImportLimits } from "./import-limits.ts";
import { LocRib } from "./loc-rib.ts";
import type { NextHopTold } from "./next-hops.ts";
import { PathTable } from "./path-table.ts";
import { type PeerId, PeerTable, type RibPeer } from "./peer-table.ts";
import { Revalidation } from "./revalidation.ts";
import type { RouteFilter } from "./route-filter.ts";
import { Snapshot } from "./snapshot.ts";

export interface RibOptions {
  /** Our own AS number. */
  readonly asn: number;
  /** Unsigned 32-bit. */
  readonly routerId: number;
  /** Unsigned 32-bit; our router id, unless several reflectors serve one cluster (RFC 4456 §7). */
  readonly clusterId: number;
  /** Paths of equal cost kept per prefix, 1..256. */
  readonly multipath: number;
  /** They may lead into different neighbouring ASes. */
  readonly multipathRelax: boolean;
  /** Compares MED between different neighbour ASes too. */
  readonly alwaysCompareMed: boolean;
  /** A path without MED is the worst instead of the best. */
  readonly missingMedAsWorst: boolean;
  /** A learned route is sent to others only while {@link LocRib.setInstalled} says that it is in the forwarding plane. */
  readonly advertiseInstalledOnly: boolean;
  /** A next hop cannot be reached until {@link Rib.setNextHops} says that it can. Default: false. */
  readonly tracksNextHops?: boolean;
}

/** What the families share. */
interface Shared {
  readonly options: RibOptions;
  readonly pool: AttributePool;
  readonly peers: PeerTable;
}

/** One family: prefixes, and the three RIBs of RFC 4271 §3.2. */
export class FamilyRib {
  readonly family: Family;
  readonly prefixes: PrefixTable;
  /** Adj-RIB-In. */
  readonly received: AdjRibIn;
  /** What new knowledge of rightful origins makes of what is there. */
  readonly revalidation: Revalidation;
  /** Loc-RIB. */
  readonly best: LocRib;
  /** Adj-RIB-Out. */
  readonly exports: Exports;
  readonly snapshot: Snapshot;
  readonly #paths: PathTable;

  constructor(family: Family, { options, pool, peers }: Shared) {
    const paths = new PathTable(family);
    const decision = new Decision(
      { paths, attributes: pool.columns, nextHops: pool.nextHops, peers },
      options,
    );
    const { advertiseInstalledOnly } = options;
    this.#paths = paths;
    this.family = family;
    this.prefixes = paths.prefixes;
    const received = new AdjRibIn(paths, pool);
    const exports = new Exports({ paths, pool, peers, decision }, options);
    this.received = received;
    this.exports = exports;
    const revalidation = new Revalidation(paths, received, exports);
    this.revalidation = revalidation;
    const decided = { paths, pool, peers, received, revalidation, exports, decision };
    this.best = new LocRib({ ...decided, advertiseInstalledOnly });
    this.snapshot = new Snapshot({ paths, pool, received, decision });
  }

  /** There are prefixes without a path to {@link forgetSome} of. */
  get hasUnused(): boolean {
    return this.#paths.hasUnused;
  }

  /** Forgets up to `limit` prefixes without a path. */
  forgetSome(limit: number): void {
    this.#paths.forgetSome(limit);
  }
}

export class Rib {
  readonly pool: AttributePool;
  readonly peers: PeerTable = new PeerTable();
  readonly v4: FamilyRib;
  readonly v6: FamilyRib;

  constructor(options: RibOptions) {
    this.pool = new AttributePool(options);
    if (options.tracksNextHops === true) this.pool.nextHops.track();
    const shared = { options, pool: this.pool, peers: this.peers };
    this.v4 = new FamilyRib(4, shared);
    this.v6 = new FamilyRib(6, shared);
  }

  of(family: Family): FamilyRib {
    return family === 4 ? this.v4 : this.v6;
  }

  /** A peer that may bring paths. It keeps its id, and its paths, while sessions with it come and go. */
  addPeer(peer: RibPeer, importFilter: RouteFilter, limits: ImportLimits): PeerId {
    const id = this.peers.add(peer);
    this.v4.received.open(id, importFilter, limits);
    this.v6.received.open(id, importFilter, limits);
    return id;
  }

  /** The same peer, known better: its OPEN said its router id. */
  setPeer(id: PeerId, peer: RibPeer): void {
    const before = this.peers.get(id);
    this.peers.set(id, peer);
    if (isSamePeer(before, peer)) return;
    for (const rib of [this.v4, this.v6]) {
      rib.best.reconsider((_attrs, from) => from === id);
      rib.best.tellAgain(id);
    }
  }

  /** There are prefixes or attribute sets to {@link forgetSome} of. */
  get hasUnused(): boolean {
    return this.v4.hasUnused || this.v6.hasUnused || this.pool.hasUnused;
  }

  /** Forgets up to `limit` prefixes of each family, and as many attribute sets, that are no longer used. */
  forgetSome(limit: number): void {
    for (const part of [this.v4, this.v6, this.pool]) part.forgetSome(limit);
  }

  /** Another import policy, other limits, or the same. */
  setFilter(id: PeerId, filter: RouteFilter, limits: ImportLimits): void {
    for (const { received } of [this.v4, this.v6]) received.refilter(id, filter, limits);
  }

  /** Leaves the update groups at once; its paths go in slices, and then its id is free. */
  removePeer(id: PeerId): void {
    let left = 2;
    const done = () => {
      if (--left === 0) this.peers.remove(id);
    };
    for (const rib of [this.v4, this.v6]) {
      rib.exports.leave(id);
      rib.received.drop(id, done);
    }
  }

  /** What the caller knows of next hops. What it does not name stays as it is. */
  setNextHops(told: readonly NextHopTold[]): void {
    const { columns, nextHops } = this.pool;
    const changed = new Set(told.map((each) => nextHops.tell(each.nextHop, each)));
    changed.delete(-1);
    if (changed.size === 0) return;
    for (const rib of [this.v4, this.v6]) {
      rib.best.reconsider((attrs) => changed.has(columns.nextHop[attrs]!));
    }
  }
}

/** Sessions come and go with equal settings; only others can change a decision that was made, or what is told of it. */
const isSamePeer = (a: RibPeer, b: RibPeer): boolean =>
  a.routerId === b.routerId &&
  a.external === b.external &&
  a.reflectorClient === b.reflectorClient &&
  a.routeServerClient === b.routeServerClient &&
  a.allowOwnAs === b.allowOwnAs;
