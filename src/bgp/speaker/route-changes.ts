/** What changed in the Loc-RIB, for those who program a forwarding plane. */

import type { Family, Prefix } from "../net/address.ts";
import type { ChangeMarks } from "../net/change-marks.ts";
import type { PrefixId } from "../net/prefix-table.ts";
import type { Rib } from "../rib/rib.ts";
import { type ChosenPath, chosenPaths } from "./chosen-paths.ts";
import { RouteFeed } from "./route-feed.ts";

/** What is best for a prefix from now on. */
export interface RouteChange {
  readonly prefix: Prefix;
  /** Of the best path: the caller's own classification, or what import policy made it. 0: none. */
  readonly tag: number;
  /** The best path is of our own making. */
  readonly local: boolean;
  /**
   * What peers told: the best first, then those of equal cost; beside a route of our own, all that could be used
   * without it, in no order. Empty and not local: the prefix is gone.
   */
  readonly paths: readonly ChosenPath[];
}

/** Of two entries for one prefix in a batch, the later stands. */
export type RouteListener = (changes: readonly RouteChange[]) => void;

export class RouteChanges {
  readonly #rib: Rib;
  readonly #marks: ChangeMarks | undefined;
  readonly #listeners: Set<RouteListener> = new Set();
  readonly #feeds: RouteFeed[] = [];
  #batch: RouteChange[] = [];

  constructor(rib: Rib, marks: ChangeMarks | undefined) {
    this.#rib = rib;
    this.#marks = marks;
  }

  listen(listener: RouteListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  follow(changed: () => void, wake: () => void): RouteFeed {
    const feed = new RouteFeed(this.#rib, changed, wake);
    this.#feeds.push(feed);
    return feed;
  }

  note(family: Family, id: PrefixId): void {
    this.#marks?.note(this.#rib.of(family).prefixes.hash(id));
    for (const feed of this.#feeds) feed.note(family, id);
    if (this.#listeners.size === 0) return;
    const { prefixes, best } = this.#rib.of(family);
    const [first] = best.selected(id);
    this.#batch.push({
      prefix: prefixes.prefix(id),
      tag: first?.tag ?? 0,
      local: first?.local === true,
      paths: chosenPaths(this.#rib, family, id),
    });
  }

  /** Hands on what was noted since the last time. */
  flush(): void {
    for (const feed of this.#feeds) feed.flush();
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    for (const listener of this.#listeners) listener(batch);
  }
}
