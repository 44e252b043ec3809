/**
 * The Loc-RIB for who programs a forwarding plane: which prefixes changed, and what is best for each, as numbers.
 *
 * What changed is a set, so that a prefix that changes ten times before it is taken is taken once, and a slow taker
 * holds up nobody. A prefix is known by a small number, its row, with which the taker can index columns of its own: the
 * row stays that prefix's from the moment that it is in the set until {@link FamilyFeed.release}.
 */

import type { Address, Family, Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId } from "../net/prefix-table.ts";
import { IdSet } from "../rib/id-set.ts";
import type { FamilyRib, Rib } from "../rib/rib.ts";
import { type ChosenPath, chosenPaths } from "./chosen-paths.ts";

/** One family of a {@link RouteFeed}. */
export class FamilyFeed {
  readonly family: Family;
  readonly #rib: FamilyRib;
  readonly #all: Rib;
  readonly #wake: () => void;
  readonly #changed: IdSet = new IdSet();
  /** Rows that the taker may still use. */
  readonly #held: IdSet = new IdSet();

  /** @internal */
  constructor(rib: Rib, family: Family, wake: () => void) {
    this.family = family;
    this.#rib = rib.of(family);
    this.#all = rib;
    this.#wake = wake;
  }

  /** @internal All that is chosen counts as changed. */
  noteAll(): void {
    const { prefixes, best } = this.#rib;
    for (let row = 0; row < prefixes.extent; row++) {
      if (prefixes.has(row) && best.selectedCount(row) > 0) this.note(row);
    }
  }

  /** Prefixes that changed and were not taken yet. */
  get pending(): number {
    return this.#changed.size;
  }

  /** @internal The best paths of a prefix are others than before. */
  note(row: PrefixId): void {
    this.#hold(row);
    this.#changed.add(row);
  }

  /** Takes one that changed; -1: there is none. */
  next(): number {
    const row = this.#changed.next();
    if (row >= 0) this.#changed.delete(row);
    return row;
  }

  /** Whether it changed and was not taken yet. */
  isPending(row: number): boolean {
    return this.#changed.has(row);
  }

  /** The row of a prefix, from now on, whether it has a path or not. */
  open({ w0, w1, w2, w3, length }: Prefix): number {
    const row = this.#rib.best.open(w0, w1, w2, w3, length);
    this.#hold(row);
    return row;
  }

  /** The row of a prefix that the taker holds; -1: it holds none. */
  find({ w0, w1, w2, w3, length }: Prefix): number {
    const row = this.#rib.prefixes.find(w0, w1, w2, w3, length);
    return row !== NO_PREFIX && this.#held.has(row) ? row : -1;
  }

  /** The taker has nothing in its columns for this row, which may become another prefix's. */
  release(row: number): void {
    if (this.#changed.has(row) || !this.#held.delete(row)) return;
    this.#rib.best.letGo(row as PrefixId);
  }

  /** The longest prefix of at most `most` bits that the taker holds, that holds an address, and that `accepts`; or -1. */
  longestMatch({ w0, w1, w2, w3 }: Address, most: number, accepts: (row: number) => boolean): number {
    const { prefixes } = this.#rib;
    for (let length = most; length >= 0; ) {
      const row = prefixes.covering(w0, w1, w2, w3, length);
      if (row === NO_PREFIX) return -1;
      if (this.#held.has(row) && accepts(row)) return row;
      length = prefixes.lengthOf(row) - 1;
    }
    return -1;
  }

  prefix(row: number): Prefix {
    return this.#rib.prefixes.prefix(row as PrefixId);
  }

  /** One 32-bit word of the address, 0..3 from the front. */
  word(row: number, index: 0 | 1 | 2 | 3): number {
    return this.#rib.prefixes.word(row as PrefixId, index);
  }

  lengthOf(row: number): number {
    return this.#rib.prefixes.lengthOf(row as PrefixId);
  }

  /** Of the best path. 0: none. */
  tag(row: number): number {
    return this.#rib.best.tag(row as PrefixId);
  }

  /**
   * The number of the only next hop there is, for {@link RouteFeed.nextHop}. -1: there are several paths, or none of a
   * peer is the best, and {@link paths} tells. Makes no object.
   */
  loneNextHop(row: number): number {
    return this.#rib.best.loneNextHop(row as PrefixId);
  }

  /** As {@link RouteChange.paths}. */
  paths(row: number): readonly ChosenPath[] {
    return chosenPaths(this.#all, this.family, row as PrefixId);
  }

  isInstalled(row: number): boolean {
    return this.#rib.best.isInstalled(row as PrefixId);
  }

  /** As {@link Speaker.markInstalled}. */
  setInstalled(row: number, installed: boolean): void {
    this.#rib.best.markInstalled(row as PrefixId, installed);
    this.#wake();
  }

  #hold(row: PrefixId): void {
    if (this.#held.add(row)) this.#rib.best.hold(row);
  }
}

/** What {@link Speaker.follow} gives. */
export class RouteFeed {
  readonly #families: Readonly<Record<Family, FamilyFeed>>;
  readonly #rib: Rib;
  readonly #changed: () => void;
  #begun = false;
  #noted = false;

  /**
   * @internal
   * @param changed - called after a turn in which something was noted
   * @param wake - the speaker has work
   */
  constructor(rib: Rib, changed: () => void, wake: () => void) {
    this.#rib = rib;
    this.#changed = changed;
    this.#families = { 4: new FamilyFeed(rib, 4, wake), 6: new FamilyFeed(rib, 6, wake) };
  }

  /** From now on what changes is noted, and all that is chosen counts as changed. Before, the feed costs nothing. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#noted = true;
    for (const family of [4, 6] as const) this.#families[family].noteAll();
    this.#changed();
  }

  of(family: Family): FamilyFeed {
    return this.#families[family];
  }

  /** The address behind a number that {@link FamilyFeed.loneNextHop} gave. */
  nextHop(number: number): Address {
    return this.#rib.pool.nextHops.address(number);
  }

  /** Keeps the number of a next hop that address's. */
  holdNextHop(number: number): void {
    this.#rib.pool.nextHops.hold(number);
  }

  releaseNextHop(number: number): void {
    this.#rib.pool.nextHops.give(number);
  }

  /** @internal */
  note(family: Family, row: PrefixId): void {
    if (!this.#begun) return;
    this.#noted = true;
    this.#families[family].note(row);
  }

  /** @internal Tells of what was noted since the last time. */
  flush(): void {
    if (!this.#noted) return;
    this.#noted = false;
    this.#changed();
  }
}
