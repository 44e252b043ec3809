/**
 * The prefixes of one family, each with a small number (its id) that every other column of the RIB is indexed by.
 *
 * Keys are columns of words; an index of open addressing with linear probing finds an id by its key. Beside each slot
 * stands how far its entry is from where it belongs: only one that belongs where the key does is compared with it. A
 * removed entry closes its gap by shifting back, so there are no tombstones, and its id is given out again. Nothing is
 * allocated per prefix.
 *
 * Cost: 4 (IPv4) or 16 (IPv6) octets of key, 1 of length, and 7 to 14 of index per prefix.
 */

import { type Address, type Family, maskWord, type Prefix, widthOf } from "./address.ts";

declare const brand: unique symbol;
/** Index of a prefix in the columns of its family. Given out again after {@link PrefixTable.remove}. */
export type PrefixId = number & { readonly [brand]: "prefix" };

/** No prefix has this id. */
export const NO_PREFIX: PrefixId = 0xffff_ffff as PrefixId;

/** In place of the length, of a row that holds no prefix. */
const FREE = 0;
/** Such a distance is worked out again. */
const FAR = 255;
const FIRST_CAPACITY = 1024;
/** Eight slots are half a line of the cache; more make gaps dearer to close where lengths are mixed. */
const NEIGHBOUR_BITS = 3;
const NEIGHBOURS = (1 << NEIGHBOUR_BITS) - 1;

export class PrefixTable {
  readonly family: Family;
  /** How many prefixes there are. */
  size = 0;
  /** One more than the highest id ever given out: every column needs at least so many rows. */
  extent = 0;
  readonly #wide: boolean;
  #w0: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  #w1: Uint32Array = new Uint32Array(0);
  #w2: Uint32Array = new Uint32Array(0);
  #w3: Uint32Array = new Uint32Array(0);
  /** length + 1, or {@link FREE}. */
  #length: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  /** id + 1, or 0 for an empty slot. */
  #slots: Uint32Array = new Uint32Array(FIRST_CAPACITY * 2);
  /** By slot: how many slots behind the one where it belongs; {@link FAR} for that and more. */
  #distance: Uint8Array = new Uint8Array(FIRST_CAPACITY * 2);
  /** Head of the list of free ids, linked through `#w0`; NO_PREFIX at its end. */
  #free: number = NO_PREFIX;
  /** How many prefixes there are of each length, so that a longest match probes only lengths that exist. */
  readonly #perLength: Uint32Array = new Uint32Array(129);

  constructor(family: Family) {
    this.family = family;
    this.#wide = family === 6;
    if (this.#wide) {
      this.#w1 = new Uint32Array(FIRST_CAPACITY);
      this.#w2 = new Uint32Array(FIRST_CAPACITY);
      this.#w3 = new Uint32Array(FIRST_CAPACITY);
    }
  }

  /** The id of a prefix, or NO_PREFIX. Words are unsigned; bits behind `length` must be zero. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): PrefixId {
    const slot = this.#slotOf(w0, w1, w2, w3, length, hashOf(w0, w1, w2, w3, length));
    return (slot < 0 ? NO_PREFIX : this.#slots[slot]! - 1) as PrefixId;
  }

  /** As {@link find}, but makes the prefix known when it is not. */
  findOrAdd(w0: number, w1: number, w2: number, w3: number, length: number): PrefixId {
    const hash = hashOf(w0, w1, w2, w3, length);
    const slot = this.#slotOf(w0, w1, w2, w3, length, hash);
    if (slot >= 0) return (this.#slots[slot]! - 1) as PrefixId;
    const id = this.#takeId();
    this.#w0[id] = w0;
    if (this.#wide) {
      this.#w1[id] = w1;
      this.#w2[id] = w2;
      this.#w3[id] = w3;
    }
    this.#length[id] = length + 1;
    this.#perLength[length]!++;
    this.size++;
    if (this.size * 10 > this.#slots.length * 7) this.#grow();
    else this.#place(~slot, id, hash);
    return id;
  }

  /** Forgets a prefix; its id may be given out again at once. @throws RangeError when there is none with this id */
  remove(id: PrefixId): void {
    if (!this.has(id)) throw new RangeError(`prefix ${id} is not live`);
    const hash = this.hash(id);
    const slot = this.#slotOf(
      this.#w0[id]!,
      this.#wide ? this.#w1[id]! : 0,
      this.#wide ? this.#w2[id]! : 0,
      this.#wide ? this.#w3[id]! : 0,
      this.lengthOf(id),
      hash,
    );
    this.#closeGap(slot);
    this.#perLength[this.lengthOf(id)]!--;
    this.#length[id] = FREE;
    this.#w0[id] = this.#free;
    this.#free = id;
    this.size--;
  }

  /** True while `id` stands for a prefix. Iterate with it from 0 to {@link extent}. */
  has(id: number): id is PrefixId {
    return id < this.extent && this.#length[id] !== FREE;
  }

  /** One word of the address, 0..3 from the front. */
  word(id: PrefixId, index: 0 | 1 | 2 | 3): number {
    if (index === 0) return this.#w0[id]!;
    if (!this.#wide) return 0;
    return index === 1 ? this.#w1[id]! : index === 2 ? this.#w2[id]! : this.#w3[id]!;
  }

  lengthOf(id: PrefixId): number {
    return this.#length[id]! - 1;
  }

  /** The prefix as a value: for display, not for every route. */
  prefix(id: PrefixId): Prefix {
    return {
      family: this.family,
      w0: this.word(id, 0),
      w1: this.word(id, 1),
      w2: this.word(id, 2),
      w3: this.word(id, 3),
      length: this.lengthOf(id),
    };
  }

  /** The longest prefix that holds `address` and that `accepts` (all, unless given). NO_PREFIX when there is none. */
  longestMatch({ w0, w1, w2, w3 }: Address, accepts: (id: PrefixId) => boolean = () => true): PrefixId {
    let id = this.covering(w0, w1, w2, w3, widthOf(this.family));
    while (id !== NO_PREFIX && !accepts(id)) id = this.covering(w0, w1, w2, w3, this.lengthOf(id) - 1);
    return id;
  }

  /**
   * The longest prefix of at most `most` bits that holds an address, or NO_PREFIX; bits of the address behind those do
   * not matter. Asked again with its length less 1, it gives the next. Makes no object.
   */
  covering(w0: number, w1: number, w2: number, w3: number, most: number): PrefixId {
    for (let length = most; length >= 0; length--) {
      if (this.#perLength[length] === 0) continue;
      const id = this.find(
        maskWord(w0, length),
        maskWord(w1, length - 32),
        maskWord(w2, length - 64),
        maskWord(w3, length - 96),
        length,
      );
      if (id !== NO_PREFIX) return id;
    }
    return NO_PREFIX;
  }

  /** The slot that holds the key, or `~slot` of the empty one where it belongs. */
  #slotOf(w0: number, w1: number, w2: number, w3: number, length: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask, distance = 0; ; slot = (slot + 1) & mask, distance++) {
      const entry = slots[slot]!;
      if (entry === 0) return ~slot;
      if (this.#distance[slot] !== Math.min(distance, FAR)) continue;
      const id = (entry - 1) as PrefixId;
      if (this.#w0[id] === w0 && this.lengthOf(id) === length && this.#sameTail(id, w1, w2, w3)) return slot;
    }
  }

  #sameTail(id: number, w1: number, w2: number, w3: number): boolean {
    return !this.#wide || (this.#w1[id] === w1 && this.#w2[id] === w2 && this.#w3[id] === w3);
  }

  /** {@link hashOf} its key. */
  hash(id: PrefixId): number {
    if (!this.#wide) return hashOf(this.#w0[id]!, 0, 0, 0, this.lengthOf(id));
    return hashOf(this.#w0[id]!, this.#w1[id]!, this.#w2[id]!, this.#w3[id]!, this.lengthOf(id));
  }

  #place(slot: number, id: number, hash: number): void {
    this.#slots[slot] = id + 1;
    this.#distance[slot] = Math.min(this.#distanceOf(slot, hash), FAR);
  }

  #distanceOf(slot: number, hash: number): number {
    return (slot - hash) & (this.#slots.length - 1);
  }

  /** Moves back whatever probed over `slot`, so that every entry stays reachable from where its hash points. */
  #closeGap(slot: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = slot;
    for (let at = (gap + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const near = this.#distance[at]!;
      const distance = near < FAR ? near : this.#distanceOf(at, this.hash((slots[at]! - 1) as PrefixId));
      const back = (at - gap) & mask;
      if (distance < back) continue;
      slots[gap] = slots[at]!;
      this.#distance[gap] = Math.min(distance - back, FAR);
      gap = at;
    }
    slots[gap] = 0;
  }

  #takeId(): PrefixId {
    if (this.#free !== NO_PREFIX) {
      const id = this.#free as PrefixId;
      this.#free = this.#w0[id]!;
      return id;
    }
    const id = this.extent++ as PrefixId;
    if (id === this.#length.length) this.#widen(id * 4);
    return id;
  }

  #widen(capacity: number): void {
    this.#w0 = wider(this.#w0, capacity);
    if (this.#wide) {
      this.#w1 = wider(this.#w1, capacity);
      this.#w2 = wider(this.#w2, capacity);
      this.#w3 = wider(this.#w3, capacity);
    }
    const length = new Uint8Array(capacity);
    length.set(this.#length);
    this.#length = length;
  }

  #grow(): void {
    const capacity = this.#slots.length * 2;
    this.#slots = new Uint32Array(capacity);
    this.#distance = new Uint8Array(capacity);
    const mask = capacity - 1;
    for (let id = 0; id < this.extent; id++) {
      if (!this.has(id)) continue;
      const hash = this.hash(id);
      let slot = hash & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#place(slot, id, hash);
    }
  }
}

function wider(column: Uint32Array, capacity: number): Uint32Array {
  const next = new Uint32Array(capacity);
  next.set(column);
  return next;
}

/**
 * Where a key belongs, in 32 bits. Prefixes that differ in their last {@link NEIGHBOUR_BITS} bits only belong side by side,
 * so that those which come one after the other (the addresses of a pool, a table in its order) share a line of the cache.
 * The bits before are mixed (murmur3's finaliser), so that such groups spread over the index.
 */
export function hashOf(w0: number, w1: number, w2: number, w3: number, length: number): number {
  if ((w1 | w2 | w3) !== 0) return hashOfWide(w0, w1, w2, w3, length);
  const last = length > 32 ? 0 : lastOf(w0, length);
  const h = Math.imul(w0 ^ shifted(last, length) ^ seedOf(length), 0x85ebca6b);
  return placeOf(h, last);
}

function hashOfWide(w0: number, w1: number, w2: number, w3: number, length: number): number {
  const end = (length - 1) >> 5;
  const last = lastOf(end <= 0 ? w0 : end === 1 ? w1 : end === 2 ? w2 : w3, length);
  const off = shifted(last, length);
  let h = Math.imul((end <= 0 ? w0 ^ off : w0) ^ seedOf(length), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ (end === 1 ? w1 ^ off : w1), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ (end === 2 ? w2 ^ off : w2), 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16) ^ (end === 3 ? w3 ^ off : w3), 0x165667b1);
  return placeOf(h, last);
}

/** The last bits of a prefix, of the word that it ends in. */
const lastOf = (word: number, length: number): number => (word >>> (-length & 31)) & NEIGHBOURS;

/** The same where they stand in that word. */
const shifted = (last: number, length: number): number => last << (-length & 31);

const seedOf = (length: number): number => Math.imul(length + 1, 0x9e3779b1);

function placeOf(mixed: number, last: number): number {
  const h = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) << NEIGHBOUR_BITS) | last;
}
