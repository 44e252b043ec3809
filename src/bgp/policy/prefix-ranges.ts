/** Prefix conditions of a rule, found by hash: the cost grows with the lengths that the ranges begin at, not with their number. */

import { type Family, maskWord, type Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../net/prefix-table.ts";
import type { PrefixRange } from "./rules.ts";

export class PrefixRanges {
  readonly #v4: FamilyRanges;
  readonly #v6: FamilyRanges;

  constructor(ranges: readonly PrefixRange[]) {
    this.#v4 = new FamilyRanges(4, ranges);
    this.#v6 = new FamilyRanges(6, ranges);
  }

  /** True when the prefix lies in any of the ranges. Makes no object. */
  match(family: Family, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    return (family === 4 ? this.#v4 : this.#v6).match(w0, w1, w2, w3, length);
  }
}

interface Lengths {
  readonly minLength: number;
  readonly maxLength: number;
}

/** The ranges whose own prefixes are of one length. */
interface Begin {
  readonly length: number;
  /** Of all of them: what is longer lies in none. */
  most: number;
  /** One of their prefixes, and its id. */
  readonly prefix: Prefix;
  readonly id: PrefixId;
  /** It is the only one: to compare with it is cheaper than to look for it. */
  isLone: boolean;
}

class FamilyRanges {
  readonly #prefixes: PrefixTable;
  /** By prefix id: the lengths that are allowed within it. */
  readonly #lengths: Lengths[][] = [];
  /** The shortest first. */
  readonly #begins: readonly Begin[];

  constructor(family: Family, ranges: readonly PrefixRange[]) {
    this.#prefixes = new PrefixTable(family);
    const begins = new Map<number, Begin>();
    for (const { prefix, minLength, maxLength } of ranges) {
      if (prefix.family !== family) continue;
      const { w0, w1, w2, w3, length } = prefix;
      const id = this.#prefixes.findOrAdd(w0, w1, w2, w3, length);
      this.#lengths[id] ??= [];
      this.#lengths[id].push({ minLength, maxLength });
      const begin = begins.get(length) ?? { length, most: 0, prefix, id, isLone: true };
      begin.most = Math.max(begin.most, maxLength);
      begin.isLone &&= begin.id === id;
      begins.set(length, begin);
    }
    this.#begins = [...begins.values()].sort((a, b) => a.length - b.length);
  }

  match(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    for (const begin of this.#begins) {
      if (begin.length > length) return false;
      if (length > begin.most) continue;
      const id = this.#find(begin, w0, w1, w2, w3);
      if (id !== NO_PREFIX && allows(this.#lengths[id]!, length)) return true;
    }
    return false;
  }

  #find({ length, prefix, id, isLone }: Begin, w0: number, w1: number, w2: number, w3: number): PrefixId {
    const m0 = maskWord(w0, length);
    const m1 = maskWord(w1, length - 32);
    const m2 = maskWord(w2, length - 64);
    const m3 = maskWord(w3, length - 96);
    if (!isLone) return this.#prefixes.find(m0, m1, m2, m3, length);
    const isIt = m0 === prefix.w0 && m1 === prefix.w1 && m2 === prefix.w2 && m3 === prefix.w3;
    return isIt ? id : NO_PREFIX;
  }
}

function allows(ranges: readonly Lengths[], length: number): boolean {
  for (const { minLength, maxLength } of ranges) {
    if (length >= minLength && length <= maxLength) return true;
  }
  return false;
}
