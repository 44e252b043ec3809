/** The RIB as values, for whoever looks at it: by page, so that a look at a million routes holds nothing up. */

import type { Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId } from "../net/prefix-table.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { AdjRibIn } from "./adj-rib-in.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { Decision, Outcome } from "./decision.ts";
import type { ExportReason } from "./exporter.ts";
import type { NlriId } from "./naming.ts";
import { NIL, type PathTable } from "./path-table.ts";
import type { PeerId } from "./peer-table.ts";
import type { UpdateGroup } from "./update-group.ts";

export interface RouteDescription {
  readonly prefix: Prefix;
  readonly installed: boolean;
  /** The chosen ones first, the best of them first of all. */
  readonly paths: readonly PathDescription[];
}

export interface PathDescription extends ReceivedRoute {
  readonly peer: PeerId;
  /** A route of our own; `peer` says nothing then. */
  readonly local: boolean;
  /** best, multipath, or why it is neither. */
  readonly status: Outcome;
}

/** One path as a peer told it: a line of its Adj-RIB-In. */
export interface ReceivedRoute {
  readonly prefix: Prefix;
  /** RFC 7911; 0 without ADD-PATH. */
  readonly pathId: number;
  /** As received. */
  readonly received: PathAttributes;
  /** After import policy; undefined: rejected, or a loop. */
  readonly accepted: PathAttributes | undefined;
  /** The import rule that decided, or which loop it is; undefined for a route of our own. */
  readonly rule: string | undefined;
  readonly tag: number;
  /** Kept over a restart of the peer and not announced since (RFC 4724). */
  readonly stale: boolean;
}

/** One prefix, or path of one, as a peer was told it: a line of its Adj-RIB-Out. */
export interface AdvertisedRoute {
  readonly prefix: Prefix;
  /** RFC 7911; 0 without ADD-PATH. */
  readonly pathId: number;
  /** As sent. */
  readonly attributes: PathAttributes;
  readonly tag: number;
  /** The export rule that lets it out; undefined when it no longer does. */
  readonly rule: string | undefined;
  /** It was handed out so; else the peer may hold what was sent before, or nothing. */
  readonly held: boolean;
  /** Has changed, or was not sent yet: this, or what comes instead, is still to be handed out. */
  readonly pending: boolean;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** Where the next page begins; -1: there is none. */
  readonly next: number;
}

export interface SnapshotInput {
  readonly paths: PathTable;
  readonly pool: AttributePool;
  readonly received: AdjRibIn;
  readonly decision: Decision;
}

export class Snapshot {
  readonly #input: SnapshotInput;

  constructor(input: SnapshotInput) {
    this.#input = input;
  }

  /** All that is known of one prefix; undefined when it has no path. */
  describe({ w0, w1, w2, w3, length }: Prefix): RouteDescription | undefined {
    const id = this.#input.paths.prefixes.find(w0, w1, w2, w3, length);
    return id === NO_PREFIX ? undefined : this.#describe(id);
  }

  /** Up to `limit` prefixes that have a path, in no order that means anything. Start with 0. */
  routes(from: number, limit: number): Page<RouteDescription> {
    const { prefixes } = this.#input.paths;
    return pageOf(from, limit, prefixes.extent, (id) => (prefixes.has(id) ? this.#describe(id) : undefined));
  }

  /** Up to `limit` paths that a peer told us, the rejected ones too. Start with 0. */
  received(peer: PeerId, from: number, limit: number): Page<ReceivedRoute> {
    const { paths } = this.#input;
    return pageOf(from, limit, paths.extent, (row) =>
      paths.has(row) && paths.peer[row] === peer ? this.#receivedRoute(row) : undefined,
    );
  }

  /** Up to `limit` prefixes, or paths, that a member of a group was told. Start with 0. */
  advertised(group: UpdateGroup, peer: PeerId, from: number, limit: number): Page<AdvertisedRoute> {
    return pageOf(from, limit, group.naming.extent, (id) => this.#told(group, peer, id as NlriId));
  }

  /** What of one prefix a member of a group was told. */
  advertisedAt(group: UpdateGroup, peer: PeerId, { w0, w1, w2, w3, length }: Prefix): AdvertisedRoute[] {
    const { paths } = this.#input;
    const id = paths.prefixes.find(w0, w1, w2, w3, length);
    if (id === NO_PREFIX) return [];
    const named: number[] = [];
    if (group.naming.byPath)
      for (let row = paths.head(id); row !== NIL; row = paths.next[row]!) named.push(row);
    else named.push(id);
    return named.flatMap((nlri) => this.#told(group, peer, nlri as NlriId) ?? []);
  }

  /** Why a member of a group is sent a prefix, or is not. */
  explain(group: UpdateGroup, peer: PeerId, { w0, w1, w2, w3, length }: Prefix): ExportReason {
    const id = this.#input.paths.prefixes.find(w0, w1, w2, w3, length);
    if (id === NO_PREFIX) return { sent: false, reason: "no path is used", rule: undefined };
    return group.explain(peer, id);
  }

  #told(group: UpdateGroup, peer: PeerId, nlri: NlriId): AdvertisedRoute | undefined {
    const { paths, pool } = this.#input;
    const { naming, sent } = group;
    const attrs = sent.attrs(nlri);
    if (attrs === NO_ATTRIBUTES || sent.source(nlri) === peer) return undefined;
    return {
      prefix: paths.prefixes.prefix(naming.prefixOf(nlri)),
      pathId: naming.pathIdOf(nlri),
      attributes: pool.attributes(attrs),
      tag: sent.tag(nlri),
      rule: group.ruleOf(nlri),
      held: group.isHeldBy(peer, nlri),
      pending: group.isPendingFor(peer, nlri),
    };
  }

  #describe(id: PrefixId): RouteDescription | undefined {
    const { paths, decision } = this.#input;
    if (paths.head(id) === NIL) return undefined;
    const outcomes = decision.explain(id);
    const described: PathDescription[] = [];
    for (let row = paths.head(id); row !== NIL; row = paths.next[row]!) {
      described.push({
        ...this.#receivedRoute(row),
        // That it is a loop is its status here; the rule is the one that let it in.
        rule: this.#input.received.ruleOf(row),
        peer: paths.peer[row]! as PeerId,
        local: paths.isLocal(row),
        status: outcomes.get(row)!,
      });
    }
    return { prefix: paths.prefixes.prefix(id), installed: paths.isInstalled(id), paths: described };
  }

  #receivedRoute(row: number): ReceivedRoute {
    const { paths, pool, received } = this.#input;
    const accepted = paths.attributesOf(row);
    // What policy would let in and selection cannot use.
    const loop = received.loopOf(row);
    return {
      prefix: paths.prefixes.prefix(paths.prefix[row]! as PrefixId),
      pathId: paths.pathId[row]!,
      received: pool.attributes(paths.received[row]! as AttrId),
      accepted: accepted === NO_ATTRIBUTES || loop !== undefined ? undefined : pool.attributes(accepted),
      rule: loop ?? received.ruleOf(row),
      tag: paths.tag[row]!,
      stale: received.isStale(row),
    };
  }
}

/** Calls `rowAt` for rows from `from` on until `limit` are found (those that are not undefined) or all were asked for. */
function pageOf<T>(
  from: number,
  limit: number,
  extent: number,
  rowAt: (row: number) => T | undefined,
): Page<T> {
  const rows: T[] = [];
  let at = from;
  for (; at < extent && rows.length < limit; at++) {
    const row = rowAt(at);
    if (row !== undefined) rows.push(row);
  }
  return { rows, next: at < extent ? at : -1 };
}
