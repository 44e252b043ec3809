/** Prefix conditions of a rule, found by hash: the cost grows with the lengths that the ranges begin at, not with their number. */

import { type Family, maskWord } from "../net/address.ts";
import { NO_PREFIX, PrefixTable } from "../net/prefix-table.ts";
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

class FamilyRanges {
  readonly #prefixes: PrefixTable;
  /** By prefix id: the lengths that are allowed within it. */
  readonly #lengths: Lengths[][] = [];
  /** The lengths of the ranges' own prefixes, each once. */
  readonly #begins: readonly number[];

  constructor(family: Family, ranges: readonly PrefixRange[]) {
    this.#prefixes = new PrefixTable(family);
    const begins = new Set<number>();
    for (const { prefix, minLength, maxLength } of ranges) {
      if (prefix.family !== family) continue;
      begins.add(prefix.length);
      const id = this.#prefixes.findOrAdd(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length);
      this.#lengths[id] ??= [];
      this.#lengths[id].push({ minLength, maxLength });
    }
    this.#begins = [...begins].sort((a, b) => a - b);
  }

  match(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    for (const begin of this.#begins) {
      if (begin > length) return false;
      const id = this.#prefixes.find(
        maskWord(w0, begin),
        maskWord(w1, begin - 32),
        maskWord(w2, begin - 64),
        maskWord(w3, begin - 96),
        begin,
      );
      if (id !== NO_PREFIX && allows(this.#lengths[id]!, length)) return true;
    }
    return false;
  }
}

function allows(ranges: readonly Lengths[], length: number): boolean {
  for (const { minLength, maxLength } of ranges) {
    if (length >= minLength && length <= maxLength) return true;
  }
  return false;
}
