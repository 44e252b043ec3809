/** Prefixes of which something is still to be told: each once, however often it changes meanwhile. */

import type { Family, Prefix } from "../net/address.ts";
import { PrefixTable } from "../net/prefix-table.ts";

export class Owed {
  readonly #tables: Readonly<Record<Family, PrefixTable>> = { 4: new PrefixTable(4), 6: new PrefixTable(6) };
  readonly #cursors: Record<Family, number> = { 4: 0, 6: 0 };

  get size(): number {
    return this.#tables[4].size + this.#tables[6].size;
  }

  add({ family, w0, w1, w2, w3, length }: Prefix): void {
    this.#tables[family].findOrAdd(w0, w1, w2, w3, length);
  }

  /** Takes one out. Undefined: nothing is owed. */
  take(): Prefix | undefined {
    // From the fuller one, so that neither family waits for the other to come to rest.
    return this.#takeOf(this.#tables[4].size >= this.#tables[6].size ? 4 : 6);
  }

  #takeOf(family: Family): Prefix | undefined {
    const table = this.#tables[family];
    if (table.size === 0) return undefined;
    let id = this.#cursors[family];
    while (!table.has(id)) id = id + 1 < table.extent ? id + 1 : 0;
    this.#cursors[family] = id + 1;
    const prefix = table.prefix(id);
    table.remove(id);
    return prefix;
  }
}
