/**
 * Prefixes of one family as columns of numbers: what NLRI are decoded into and encoded from.
 * A batch is made once and used again for every message, so that no object is made per prefix.
 */

import type { Family, Prefix } from "../net/address.ts";

export class PrefixBatch {
  family: Family = 4;
  /** Rows in use; what lies beyond in the columns is left over from before. */
  count = 0;
  /** The address words of {@link Prefix}; host bits are zero, and w1..w3 are for IPv4. */
  w0: Uint32Array;
  w1: Uint32Array;
  w2: Uint32Array;
  w3: Uint32Array;
  length: Uint8Array;
  /** RFC 7911; 0 where no path identifier was negotiated. */
  pathId: Uint32Array;

  constructor(capacity = 1024) {
    this.w0 = new Uint32Array(capacity);
    this.w1 = new Uint32Array(capacity);
    this.w2 = new Uint32Array(capacity);
    this.w3 = new Uint32Array(capacity);
    this.length = new Uint8Array(capacity);
    this.pathId = new Uint32Array(capacity);
  }

  /** Empties it for prefixes of `family`. */
  reset(family: Family): void {
    if (family === 4 && this.family === 6) {
      // The IPv4 decoder does not touch these: they stay zero for as long as the batch is IPv4's.
      this.w1.fill(0);
      this.w2.fill(0);
      this.w3.fill(0);
    }
    this.family = family;
    this.count = 0;
  }

  /** Makes room for `capacity` rows in all; the columns may become other arrays. */
  reserve(capacity: number): void {
    if (capacity <= this.length.length) return;
    const rows = Math.max(capacity, this.length.length * 2);
    this.w0 = widened(this.w0, rows);
    this.w1 = widened(this.w1, rows);
    this.w2 = widened(this.w2, rows);
    this.w3 = widened(this.w3, rows);
    this.pathId = widened(this.pathId, rows);
    const length = new Uint8Array(rows);
    length.set(this.length);
    this.length = length;
  }

  /** Appends a prefix of the batch's family. */
  push(prefix: Prefix, pathId = 0): void {
    this.reserve(this.count + 1);
    const row = this.count++;
    this.w0[row] = prefix.w0;
    this.w1[row] = prefix.w1;
    this.w2[row] = prefix.w2;
    this.w3[row] = prefix.w3;
    this.length[row] = prefix.length;
    this.pathId[row] = pathId;
  }

  /** The prefix of a row, for what is shown or logged; not for loops over routes. */
  at(row: number): Prefix {
    return {
      family: this.family,
      w0: this.w0[row]!,
      w1: this.w1[row]!,
      w2: this.w2[row]!,
      w3: this.w3[row]!,
      length: this.length[row]!,
    };
  }
}

function widened(column: Uint32Array, rows: number): Uint32Array {
  const wider = new Uint32Array(rows);
  wider.set(column);
  return wider;
}
