/**
 * Octet strings of changing number and length in a few large blocks of memory, so that a hundred thousand attribute
 * blocks are not a hundred thousand objects.
 *
 * Space is given out in units of 8 octets; what is given back is kept in a list per size and given out again for the
 * same size. A string never crosses a chunk. Nothing is moved, so the memory stays at the most that was ever needed at
 * once of each size.
 */

import { columnOf, uncounted } from "./columns.ts";

/** Where a string lies: in units of 8 octets from the start of the first chunk. */
export type ArenaRef = number;

/** The end of a list. */
const NONE = 0;
const CHUNK_OCTETS = 1 << 20;
const CHUNK_BITS = 17;
const UNIT_MASK = (1 << CHUNK_BITS) - 1;

export class OctetArena {
  readonly #chunks: Uint8Array[] = [];
  /** By size in units: one more than the string of that size that was given back last, which begins with the one before. */
  #free: Uint32Array = new Uint32Array(64);
  #next: ArenaRef = 0;
  /** End of the newest chunk, in units. */
  #end: ArenaRef = 0;

  /** Octets of memory held, used or not. */
  get capacityOctets(): number {
    return this.#chunks.length * CHUNK_OCTETS;
  }

  /** @param octets - 0..CHUNK_OCTETS */
  take(octets: number): ArenaRef {
    const units = unitsOf(octets);
    const last = units < this.#free.length ? this.#free[units]! : NONE;
    if (last !== NONE) {
      this.#free[units] = getWord(this.chunkOf(last - 1), this.offsetOf(last - 1));
      return last - 1;
    }
    if (this.#next + units > this.#end) this.#addChunk();
    const ref = this.#next;
    this.#next += units;
    return ref;
  }

  /** Gives back what {@link take} gave for the same number of octets. */
  give(ref: ArenaRef, octets: number): void {
    this.#keep(ref, unitsOf(octets));
  }

  /** The chunk that a string lies in; it starts there at {@link offsetOf}. */
  chunkOf(ref: ArenaRef): Uint8Array {
    return this.#chunks[ref >>> CHUNK_BITS]!;
  }

  offsetOf(ref: ArenaRef): number {
    return (ref & UNIT_MASK) * 8;
  }

  #keep(ref: ArenaRef, units: number): void {
    this.#free = columnOf(this.#free, units + 1);
    putWord(this.chunkOf(ref), this.offsetOf(ref), this.#free[units]!);
    this.#free[units] = ref + 1;
  }

  #addChunk(): void {
    if (this.#end > this.#next) this.#keep(this.#next, this.#end - this.#next);
    this.#next = this.#chunks.length << CHUNK_BITS;
    this.#end = this.#next + (1 << CHUNK_BITS);
    this.#chunks.push(new Uint8Array(uncounted(CHUNK_OCTETS)));
  }
}

/** At least one, so that an empty string has a place too. */
const unitsOf = (octets: number): number => Math.max(1, (octets + 7) >>> 3);

function getWord(octets: Uint8Array, at: number): number {
  return (octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24)) >>> 0;
}

function putWord(octets: Uint8Array, at: number, word: number): void {
  octets[at] = word;
  octets[at + 1] = word >>> 8;
  octets[at + 2] = word >>> 16;
  octets[at + 3] = word >>> 24;
}
