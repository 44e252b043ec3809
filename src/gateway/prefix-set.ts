/** A set of prefixes as numbers: asked by row of a feed, it makes no object. */

import type { Family, Prefix } from "../bgp/net/address.ts";
import { NO_PREFIX, PrefixTable } from "../bgp/net/prefix-table.ts";
import { columnOf } from "../bgp/rib/columns.ts";
import type { LearnedFamily } from "./learned.ts";

export class PrefixSet {
  readonly #tables: Readonly<Record<Family, PrefixTable>> = { 4: new PrefixTable(4), 6: new PrefixTable(6) };
  /** How many times each was added. */
  readonly #counts: Record<Family, Uint32Array> = { 4: new Uint32Array(1024), 6: new Uint32Array(1024) };

  constructor(prefixes: Iterable<Prefix> = []) {
    for (const prefix of prefixes) this.add(prefix);
  }

  get size(): number {
    return this.#tables[4].size + this.#tables[6].size;
  }

  /** True when it was not there. */
  add({ family, w0, w1, w2, w3, length }: Prefix): boolean {
    const table = this.#tables[family];
    const id = table.findOrAdd(w0, w1, w2, w3, length);
    this.#counts[family] = columnOf(this.#counts[family], table.extent);
    return this.#counts[family][id]!++ === 0;
  }

  /** Takes one {@link add} back. True when it was the last. */
  delete({ family, w0, w1, w2, w3, length }: Prefix): boolean {
    const table = this.#tables[family];
    const id = table.find(w0, w1, w2, w3, length);
    if (id === NO_PREFIX || --this.#counts[family][id]! > 0) return false;
    table.remove(id);
    return true;
  }

  has({ family, w0, w1, w2, w3, length }: Prefix): boolean {
    return this.#tables[family].find(w0, w1, w2, w3, length) !== NO_PREFIX;
  }

  hasRow(learned: LearnedFamily, row: number): boolean {
    const table = this.#tables[learned.family];
    if (table.size === 0) return false;
    const length = learned.lengthOf(row);
    const w0 = learned.word(row, 0);
    if (learned.family === 4) return table.find(w0, 0, 0, 0, length) !== NO_PREFIX;
    return (
      table.find(w0, learned.word(row, 1), learned.word(row, 2), learned.word(row, 3), length) !== NO_PREFIX
    );
  }

  *[Symbol.iterator](): Generator<Prefix> {
    for (const family of [4, 6] as const) {
      const table = this.#tables[family];
      for (let id = 0; id < table.extent; id++) if (table.has(id)) yield table.prefix(id);
    }
  }
}
