/**
 * The chosen paths of one family (RFC 4271 §3.2, Loc-RIB), decided in slices.
 *
 * Whoever changes a path only marks its prefix. {@link LocRib.decideSome} works through the marks, a budget at a time,
 * so that keepalives and API calls get their turn, and tells the update groups and the caller what came out different.
 */

import type { Address, Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId } from "../net/prefix-table.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { AdjRibIn } from "./adj-rib-in.ts";
import type { AttrId, AttributePool } from "./attribute-pool.ts";
import type { Decision } from "./decision.ts";
import type { Exports } from "./exports.ts";
import { NIL, type PathTable } from "./path-table.ts";
import type { PeerId, PeerTable } from "./peer-table.ts";
import type { Revalidation } from "./revalidation.ts";

/** A chosen path, for the forwarding plane. */
export interface SelectedPath {
  readonly peer: PeerId;
  readonly local: boolean;
  /** From a peer in another AS. */
  readonly external: boolean;
  /** After import policy. */
  readonly attributes: PathAttributes;
  readonly tag: number;
}

/** What the Loc-RIB is made of. */
export interface LocRibInput {
  readonly paths: PathTable;
  readonly pool: AttributePool;
  readonly peers: PeerTable;
  readonly received: AdjRibIn;
  readonly revalidation: Revalidation;
  readonly exports: Exports;
  readonly decision: Decision;
  readonly advertiseInstalledOnly: boolean;
}

export class LocRib {
  readonly #input: LocRibInput;

  constructor(input: LocRibInput) {
    this.#input = input;
  }

  /** Prefixes with a chosen path. */
  get size(): number {
    return this.#input.paths.reachable;
  }

  /** Prefixes to decide; at least 1 while the Adj-RIB-In has rows to look at again. 0: what it holds is final. */
  get pending(): number {
    const { paths, received, revalidation } = this.#input;
    return paths.dirty.size + (received.isSweeping || revalidation.isPending ? 1 : 0);
  }

  /**
   * Decides up to `budget` prefixes (some 100 ns each). `changed` is called for each whose chosen paths, their
   * attributes or tags are others than before; {@link selectedCount} and {@link selected} say what they are, 0 being
   * none. For a prefix of our own it is called also when only {@link passedOver} may be another. `looked` is called for
   * every prefix. An id whose last path went is valid only during the call. Returns how many were decided.
   */
  decideSome(
    budget: number,
    changed: (prefix: PrefixId) => void,
    looked?: (prefix: PrefixId) => void,
  ): number {
    const { paths, decision, exports } = this.#input;
    let decided = 0;
    for (; decided < budget && paths.dirty.size > 0; decided++) {
      const prefix = paths.dirty.next() as PrefixId;
      paths.dirty.delete(prefix);
      const isOther = decision.decide(prefix);
      if (isOther) exports.mark(prefix);
      else exports.markPaths(prefix);
      if (isOther || this.#isOwn(prefix)) changed(prefix);
      looked?.(prefix);
      paths.close(prefix);
    }
    return decided;
  }

  /** How many paths are chosen, the best among them. */
  selectedCount(prefix: PrefixId): number {
    return this.#input.paths.selected(prefix);
  }

  /** The best path first, then those of equal cost. Makes objects: for what goes to the forwarding plane, not for loops. */
  selected(prefix: PrefixId): readonly SelectedPath[] {
    const { paths } = this.#input;
    const chosen: SelectedPath[] = [];
    let row = paths.head(prefix);
    for (let left = paths.selected(prefix); left > 0 && row !== NIL; left--) {
      chosen.push(this.#pathAt(row));
      row = paths.next[row]!;
    }
    return chosen;
  }

  /** Of the best path; 0 when there is none. */
  tag(prefix: PrefixId): number {
    const { paths } = this.#input;
    return paths.selected(prefix) === 0 ? 0 : paths.tag[paths.head(prefix)]!;
  }

  /** The number of the next hop when a single path is chosen and is a peer's, else -1. */
  loneNextHop(prefix: PrefixId): number {
    const { paths, pool } = this.#input;
    if (paths.selected(prefix) !== 1) return -1;
    const head = paths.head(prefix);
    return paths.isLocal(head) ? -1 : pool.columns.nextHop[paths.attributesOf(head)]!;
  }

  /** The id of a prefix that may have no path, to be kept by {@link hold}. */
  open(w0: number, w1: number, w2: number, w3: number, length: number): PrefixId {
    return this.#input.paths.open(w0, w1, w2, w3, length);
  }

  /** Keeps an id that prefix's, also without a path. */
  hold(prefix: PrefixId): void {
    this.#input.paths.pin(prefix);
  }

  letGo(prefix: PrefixId): void {
    this.#input.paths.unpin(prefix);
  }

  /** Peers' paths that could be used, were there no route of our own. Makes objects. */
  passedOver(prefix: PrefixId): readonly SelectedPath[] {
    if (!this.#isOwn(prefix)) return [];
    const outcomes = [...this.#input.decision.explain(prefix)];
    return outcomes.filter(([, outcome]) => outcome === "local").map(([row]) => this.#pathAt(row));
  }

  /**
   * The caller's word on whether the forwarding plane has a route for this prefix. It is taken back by itself when the
   * last path goes. Prefixes without a path are passed over.
   */
  setInstalled({ w0, w1, w2, w3, length }: Prefix, installed: boolean): void {
    const prefix = this.#input.paths.prefixes.find(w0, w1, w2, w3, length);
    if (prefix !== NO_PREFIX) this.markInstalled(prefix, installed);
  }

  /** The same of a prefix whose id is known. */
  markInstalled(prefix: PrefixId, installed: boolean): void {
    const { paths, exports, advertiseInstalledOnly } = this.#input;
    if (paths.selected(prefix) === 0) return;
    if (paths.setInstalled(prefix, installed) && advertiseInstalledOnly) exports.mark(prefix);
  }

  isInstalled(prefix: PrefixId): boolean {
    return this.#input.paths.isInstalled(prefix);
  }

  /** The prefix by whose chosen path a packet to `address` goes, or NO_PREFIX. */
  longestMatch(address: Address): PrefixId {
    const { paths } = this.#input;
    return paths.prefixes.longestMatch(address, (prefix) => paths.selected(prefix) > 0);
  }

  /** Has everything decided again whose path carries such attributes; of that peer, or of all. */
  reconsider(concerns: (attrs: AttrId, peer: PeerId) => boolean): void {
    const { paths } = this.#input;
    for (let row = 0; row < paths.extent; row++) {
      if (!paths.has(row)) continue;
      const attrs = paths.attributesOf(row);
      if (attrs !== 0 && concerns(attrs, paths.peer[row]! as PeerId)) paths.touch(row);
    }
  }

  /** Has what is told of a peer's chosen paths looked at again: what is said of their origin may be another. */
  tellAgain(peer: PeerId): void {
    const { paths, exports } = this.#input;
    for (let row = 0; row < paths.extent; row++) {
      if (paths.has(row) && paths.peer[row] === peer) exports.mark(paths.prefix[row]! as PrefixId);
    }
  }

  #isOwn(prefix: PrefixId): boolean {
    const { paths } = this.#input;
    const head = paths.head(prefix);
    return head !== NIL && paths.isLocal(head);
  }

  #pathAt(row: number): SelectedPath {
    const { paths, pool, peers } = this.#input;
    const peer = paths.peer[row]! as PeerId;
    return {
      peer,
      local: paths.isLocal(row),
      external: peers.isExternal(peer),
      attributes: pool.attributes(paths.attributesOf(row)),
      tag: paths.tag[row]!,
    };
  }
}
