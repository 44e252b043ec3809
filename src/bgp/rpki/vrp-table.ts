/**
 * Who may originate what: validated ROA payloads (RFC 6811) of several caches, and what they say of a route.
 *
 * A VRP is a row, however many caches tell it: each has a bit in two planes. One holds what counts, the other gathers what
 * the cache is telling just now. When it has said that this is all (RFC 8210 §8.1) the two change places, at once whatever
 * their size, so that no route is judged by half an update. Which caches are believed is a mask. After either, the rows
 * are looked through in slices ({@link VrpTable.lookSome}): prefixes whose routes may be judged otherwise are noted, and
 * what the cache tells next begins with what it holds.
 *
 * Cost: 18 octets per VRP beside its prefix; a lookup probes once per prefix length that occurs. It makes no object.
 */

import type { Family, Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../net/prefix-table.ts";
import { columnOf } from "../rib/columns.ts";
import { NO_ORIGIN } from "../wire/path-attributes.ts";

/** RFC 6811 §2. By index they are the numbers that the table answers. */
export const VALIDITIES = ["not-found", "valid", "invalid"] as const;
export type Validity = (typeof VALIDITIES)[number];
const NOT_FOUND = 0;
const VALID = 1;
const INVALID = 2;

/** A validated ROA payload: this AS may originate the prefix, and what lies within it down to `maxLength`. */
export interface Vrp {
  readonly prefix: Prefix;
  /** From the prefix's own length on. */
  readonly maxLength: number;
  /** 0: nobody may (RFC 6483 §4). */
  readonly asn: number;
}

/** Why a cache's word was not taken. */
export type VrpRefusal = "duplicate" | "unknown" | "too many";

/** Caches at a time: bits of a column. */
export const MOST_CACHES = 16;
/** VRPs of one cache. The RPKI has some 700 000. */
export const MOST_VRPS = 2_000_000;
/** VRPs of one prefix: they are a list, which is gone through for every route within. */
export const MOST_PER_PREFIX = 1024;

/** No row: the end of a list. */
const NIL = 0xffff_ffff;
/**
 * Changed prefixes that are told apart; beyond it, everything has changed. To note each of those of a first load would
 * hold up all else for longer than to judge every route again, which is done in slices.
 */
export const MOST_CHANGED = 10_000;

export class VrpTable {
  readonly #v4: FamilyVrps = new FamilyVrps(4);
  readonly #v6: FamilyVrps = new FamilyVrps(6);

  /**
   * What is known of a route, as an index of {@link VALIDITIES}.
   * @param originAs - Route Origin ASN (RFC 6811 §2); 0 where there is none, which nothing makes valid
   */
  validity(
    family: Family,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    originAs: number,
  ): number {
    return this.#of(family).validity(w0, w1, w2, w3, length, originAs);
  }

  /** The VRPs that are believed and whose prefix holds this one, the longest first. */
  covering(prefix: Prefix): Vrp[] {
    return this.#of(prefix.family).vrpsOver(prefix);
  }

  /** VRPs of one cache that count, or would if it were believed. */
  count(cache: number, family: Family): number {
    return this.#of(family).held(cache);
  }

  /** VRPs that are believed, as far as {@link lookSome} has come. */
  believed(family: Family): number {
    return this.#of(family).believed;
  }

  /** A cache begins to tell all that it has, or what changed since it was done the last time. */
  begin(cache: number, all: boolean): void {
    for (const family of [this.#v4, this.#v6]) family.begin(1 << cache, cache, all);
  }

  /** What a cache tells. Undefined: taken. */
  tell(cache: number, announces: boolean, vrp: Vrp): VrpRefusal | undefined {
    const family = this.#of(vrp.prefix.family);
    if (!announces) return family.withdraw(cache, vrp);
    const told = this.#v4.coming(cache) + this.#v6.coming(cache);
    return told >= MOST_VRPS ? "too many" : family.announce(cache, vrp);
  }

  /** The cache has told all: it counts. */
  commit(cache: number): void {
    for (const family of [this.#v4, this.#v6]) family.commit(1 << cache, cache);
  }

  /** Nothing of a cache counts any more. */
  forget(cache: number): void {
    this.begin(cache, true);
    this.commit(cache);
  }

  /** Believes these caches, a bit each, and no others. */
  believe(caches: number): void {
    for (const family of [this.#v4, this.#v6]) family.believe(caches);
  }

  /** Looks at up to `most` VRPs for what changed; returns at how many. None: all have been looked at. */
  lookSome(family: Family, most: number): number {
    return this.#of(family).lookSome(most);
  }

  /**
   * Prefixes within which routes may be judged otherwise since this was last asked; undefined: there are none, or
   * {@link lookSome} has not come to the end.
   */
  takeChanged(family: Family): PrefixTable | undefined {
    return this.#of(family).takeChanged();
  }

  #of(family: Family): FamilyVrps {
    return family === 4 ? this.#v4 : this.#v6;
  }
}

class FamilyVrps {
  /** How many VRPs are believed. */
  believed = 0;
  readonly #prefixes: PrefixTable;
  /** By prefix: its first row. */
  #head: Uint32Array = new Uint32Array(1024).fill(NIL);
  // By row. A row that is free has no bits.
  #prefix: Uint32Array = new Uint32Array(1024);
  #asn: Uint32Array = new Uint32Array(1024);
  #maxLength: Uint8Array = new Uint8Array(1024);
  #first: Uint16Array = new Uint16Array(1024);
  #second: Uint16Array = new Uint16Array(1024);
  /** 1: it was believed when it was looked at. */
  #counted: Uint8Array = new Uint8Array(1024);
  #next: Uint32Array = new Uint32Array(1024);
  #extent = 0;
  #free: number = NIL;
  /** Caches that are believed. */
  #mask = 0;
  /** Caches whose second plane counts; of the others it is the first. */
  #turned = 0;
  /** Caches whose planes differ, or may. */
  #apart = 0;
  /** Caches that have told all, and whose other plane is still to be made the same. */
  #behind = 0;
  /** Rows from here on are to be looked at. */
  #lookedAt = 0;
  // By cache.
  readonly #heldCount: Uint32Array = new Uint32Array(MOST_CACHES);
  readonly #comingCount: Uint32Array = new Uint32Array(MOST_CACHES);
  #changed: PrefixTable;
  /** The changes are too many to tell apart: `#changed` is the prefix of all. */
  #everything = false;

  constructor(family: Family) {
    this.#prefixes = new PrefixTable(family);
    this.#changed = new PrefixTable(family);
  }

  held(cache: number): number {
    return this.#heldCount[cache]!;
  }

  coming(cache: number): number {
    return this.#comingCount[cache]!;
  }

  /** RFC 6811 §2: covered and matched by any VRP is valid, covered and matched by none is invalid. */
  validity(w0: number, w1: number, w2: number, w3: number, length: number, originAs: number): number {
    let found = NOT_FOUND;
    let id = this.#prefixes.covering(w0, w1, w2, w3, length);
    while (id !== NO_PREFIX) {
      for (let row = this.#head[id]!; row !== NIL; row = this.#next[row]!) {
        if ((this.#heldBy(row) & this.#mask) === 0) continue;
        // RFC 6811 §2: a VRP of AS 0 and a path without an origin never match anything.
        const isOrigin = this.#asn[row] === originAs && originAs !== NO_ORIGIN;
        if (isOrigin && length <= this.#maxLength[row]!) return VALID;
        found = INVALID;
      }
      id = this.#prefixes.covering(w0, w1, w2, w3, this.#prefixes.lengthOf(id) - 1);
    }
    return found;
  }

  vrpsOver({ w0, w1, w2, w3, length }: Prefix): Vrp[] {
    const found: Vrp[] = [];
    let id = this.#prefixes.covering(w0, w1, w2, w3, length);
    while (id !== NO_PREFIX) {
      const prefix = this.#prefixes.prefix(id);
      for (let row = this.#head[id]!; row !== NIL; row = this.#next[row]!) {
        if ((this.#heldBy(row) & this.#mask) === 0) continue;
        found.push({ prefix, maxLength: this.#maxLength[row]!, asn: this.#asn[row]! });
      }
      id = this.#prefixes.covering(w0, w1, w2, w3, prefix.length - 1);
    }
    return found;
  }

  begin(bit: number, cache: number, all: boolean): void {
    // A cache that tells more before its last word was looked at is waited for, once.
    if ((this.#behind & bit) !== 0) this.lookSome(this.#extent);
    this.#comingCount[cache] = all ? 0 : this.#heldCount[cache]!;
    if (!all && (this.#apart & bit) === 0) return;
    const coming = this.#comingOf(bit);
    const held = (this.#turned & bit) !== 0 ? this.#second : this.#first;
    for (let row = 0; row < this.#extent; row++) {
      coming[row] = (coming[row]! & ~bit) | (all ? 0 : held[row]! & bit);
      this.#release(row);
    }
    if (all) this.#apart |= bit;
    else this.#apart &= ~bit;
  }

  announce(cache: number, vrp: Vrp): VrpRefusal | undefined {
    const id = this.#open(vrp.prefix);
    const known = this.#find(id, vrp.maxLength, vrp.asn);
    const row = known === NIL ? this.#add(id, vrp.maxLength, vrp.asn) : known;
    if (row === NIL) return "too many";
    const bit = 1 << cache;
    const coming = this.#comingOf(bit);
    if ((coming[row]! & bit) !== 0) return "duplicate";
    coming[row]! |= bit;
    this.#apart |= bit;
    this.#comingCount[cache]!++;
    return undefined;
  }

  withdraw(cache: number, { prefix, maxLength, asn }: Vrp): VrpRefusal | undefined {
    const { w0, w1, w2, w3, length } = prefix;
    const row = this.#find(this.#prefixes.find(w0, w1, w2, w3, length), maxLength, asn);
    const bit = 1 << cache;
    const coming = this.#comingOf(bit);
    if (row === NIL || (coming[row]! & bit) === 0) return "unknown";
    coming[row]! &= ~bit;
    this.#apart |= bit;
    this.#comingCount[cache]!--;
    this.#release(row);
    return undefined;
  }

  commit(bit: number, cache: number): void {
    this.#heldCount[cache] = this.#comingCount[cache]!;
    if ((this.#apart & bit) === 0) return;
    this.#turned ^= bit;
    this.#behind |= bit;
    this.#lookedAt = 0;
  }

  believe(mask: number): void {
    if (mask === this.#mask) return;
    this.#mask = mask;
    this.#lookedAt = 0;
  }

  lookSome(most: number): number {
    const from = this.#lookedAt;
    const to = Math.min(this.#extent, from + most);
    for (let row = from; row < to; row++) this.#look(row);
    this.#lookedAt = to;
    if (to === this.#extent) {
      this.#apart &= ~this.#behind;
      this.#behind = 0;
    }
    return to - from;
  }

  takeChanged(): PrefixTable | undefined {
    if (this.#lookedAt < this.#extent) return undefined;
    const changed = this.#changed;
    if (changed.size === 0) return undefined;
    this.#changed = new PrefixTable(changed.family);
    this.#everything = false;
    return changed;
  }

  /** The caches that hold a VRP, a bit each. */
  #heldBy(row: number): number {
    return (this.#first[row]! & ~this.#turned) | (this.#second[row]! & this.#turned);
  }

  /** The plane that gathers what this cache tells. */
  #comingOf(bit: number): Uint16Array {
    return (this.#turned & bit) !== 0 ? this.#first : this.#second;
  }

  /** Notes the prefix of a VRP that has come to count, or no longer does. */
  #look(row: number): void {
    const held = this.#heldBy(row);
    const counts = (held & this.#mask) !== 0 ? 1 : 0;
    if (counts !== this.#counted[row]) {
      this.believed += counts - this.#counted[row]!;
      this.#counted[row] = counts;
      this.#noteChange(this.#prefix[row]! as PrefixId);
    }
    const behind = this.#behind;
    if (behind === 0) return;
    this.#first[row] = (this.#first[row]! & ~behind) | (held & behind);
    this.#second[row] = (this.#second[row]! & ~behind) | (held & behind);
    this.#release(row);
  }

  #noteChange(id: PrefixId): void {
    if (this.#everything) return;
    if (this.#changed.size >= MOST_CHANGED) {
      this.#everything = true;
      this.#changed = new PrefixTable(this.#changed.family);
      this.#changed.findOrAdd(0, 0, 0, 0, 0);
      return;
    }
    const prefixes = this.#prefixes;
    this.#changed.findOrAdd(
      prefixes.word(id, 0),
      prefixes.word(id, 1),
      prefixes.word(id, 2),
      prefixes.word(id, 3),
      prefixes.lengthOf(id),
    );
  }

  /** The id of a prefix, known from now on: it is given a row next, if it has none. */
  #open({ w0, w1, w2, w3, length }: Prefix): PrefixId {
    const id = this.#prefixes.findOrAdd(w0, w1, w2, w3, length);
    if (id < this.#head.length) return id;
    const prefixes = this.#head.length;
    this.#head = columnOf(this.#head, id + 1);
    this.#head.fill(NIL, prefixes);
    return id;
  }

  /** The row of a VRP, or NIL. */
  #find(id: PrefixId, maxLength: number, asn: number): number {
    let row = id === NO_PREFIX ? NIL : this.#head[id]!;
    while (row !== NIL && (this.#asn[row] !== asn || this.#maxLength[row] !== maxLength)) {
      row = this.#next[row]!;
    }
    return row;
  }

  /** A row that nobody holds, in front of the others of its prefix; NIL: the prefix has too many. */
  #add(id: PrefixId, maxLength: number, asn: number): number {
    if (this.#rowsOf(id) >= MOST_PER_PREFIX) return NIL;
    const row = this.#takeRow();
    this.#prefix[row] = id;
    this.#asn[row] = asn;
    this.#maxLength[row] = maxLength;
    this.#next[row] = this.#head[id]!;
    this.#head[id] = row;
    return row;
  }

  #rowsOf(id: PrefixId): number {
    let rows = 0;
    for (let row = this.#head[id]!; row !== NIL; row = this.#next[row]!) rows++;
    return rows;
  }

  #takeRow(): number {
    const row = this.#free;
    if (row !== NIL) {
      this.#free = this.#next[row]!;
      return row;
    }
    const rows = this.#extent + 1;
    this.#prefix = columnOf(this.#prefix, rows);
    this.#asn = columnOf(this.#asn, rows);
    this.#maxLength = columnOf(this.#maxLength, rows);
    this.#first = columnOf(this.#first, rows);
    this.#second = columnOf(this.#second, rows);
    this.#counted = columnOf(this.#counted, rows);
    this.#next = columnOf(this.#next, rows);
    return this.#extent++;
  }

  /** Frees a row that no cache holds or is about to. */
  #release(row: number): void {
    const id = this.#prefix[row]! as PrefixId;
    if (id === NO_PREFIX || (this.#first[row]! | this.#second[row]!) !== 0) return;
    if (this.#head[id] === row) this.#head[id] = this.#next[row]!;
    else {
      let before = this.#head[id]!;
      while (this.#next[before] !== row) before = this.#next[before]!;
      this.#next[before] = this.#next[row]!;
    }
    if (this.#head[id] === NIL) this.#prefixes.remove(id);
    this.#prefix[row] = NO_PREFIX;
    this.#next[row] = this.#free;
    this.#free = row;
  }
}
