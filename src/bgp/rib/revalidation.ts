/**
 * Judges again what is known of prefixes whose rightful origins changed (RFC 6811), in slices: the paths of peers whose
 * import policy asks for that, from what they sent (RFC 9324), and what is sent to peers whose export policy does. Nobody
 * else is looked at, and no peer is asked for anything.
 */

import { NO_PREFIX, type PrefixId, type PrefixTable } from "../net/prefix-table.ts";
import type { AdjRibIn } from "./adj-rib-in.ts";
import type { Exports } from "./exports.ts";
import { NIL, type PathTable } from "./path-table.ts";

/** To judge a path again costs as much as looking at so many prefixes. */
const JUDGED_PREFIXES = 4;

export class Revalidation {
  readonly #paths: PathTable;
  readonly #received: AdjRibIn;
  readonly #exports: Exports;
  /** What changed: routes within these are concerned. */
  #changed: PrefixTable | undefined;
  #at = 0;

  constructor(paths: PathTable, received: AdjRibIn, exports: Exports) {
    this.#paths = paths;
    this.#received = received;
    this.#exports = exports;
  }

  /** True while there is something to look at. */
  get isPending(): boolean {
    return this.#changed !== undefined;
  }

  /** What lies within these prefixes is to be judged again. Only while nothing is pending. */
  begin(changed: PrefixTable): void {
    this.#changed = changed;
    this.#at = 0;
  }

  /** Goes on; spends about `budget`, in prefixes looked at, and returns what it spent. */
  workSome(budget: number): number {
    const changed = this.#changed;
    if (changed === undefined) return 0;
    const { prefixes } = this.#paths;
    const groups = [...this.#exports.groups].filter(({ exportClass }) => exportClass.filter.usesValidity);
    const concerned = groups.length > 0 || this.#received.usesValidity;
    let spent = 1;
    for (; concerned && this.#at < prefixes.extent && spent < budget; this.#at++) {
      spent++;
      const id = this.#at as PrefixId;
      if (!prefixes.has(id) || !covers(changed, prefixes, id)) continue;
      for (const group of groups) group.mark(id);
      spent += JUDGED_PREFIXES * this.#judgePaths(id);
    }
    if (!concerned || this.#at >= prefixes.extent) this.#changed = undefined;
    return spent;
  }

  /** Returns how many. */
  #judgePaths(id: PrefixId): number {
    let judged = 0;
    for (let row = this.#paths.head(id); row !== NIL; row = this.#paths.next[row]!) {
      this.#received.revalidate(row);
      judged++;
    }
    return judged;
  }
}

const covers = (changed: PrefixTable, of: PrefixTable, id: PrefixId): boolean =>
  changed.covering(of.word(id, 0), of.word(id, 1), of.word(id, 2), of.word(id, 3), of.lengthOf(id)) !==
  NO_PREFIX;
