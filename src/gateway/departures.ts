/**
 * Learned routes that are to go from the kernel. Each goes when peers have been told; one that the model's own objects
 * may depend on, when a pass of the reconciler has seen that it goes, too.
 */

import type { Family } from "../bgp/net/address.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import { LEAVING_EVEN, LEAVING_ODD, type Rows } from "./rows.ts";

export type Row = readonly [Rows, number];

/** That it is not wanted was noted; was seen by a pass that began; it may go, since that pass is over. */
type Going = "noted" | "seen" | "free";

/** What was on the list when peers began to be told. */
export interface Round {
  readonly rows: Row[];
  readonly mark: number;
}

export class Departures {
  readonly #routes: LearnedRoutes;
  readonly #touched: () => void;
  #list: Row[] = [];
  /** Of what is on the list. While one is worked off, the next is made, with the other mark. */
  #mark: number = LEAVING_EVEN;
  readonly #waiting: Readonly<Record<Family, Map<number, Going>>> = { 4: new Map(), 6: new Map() };

  /** @param touched - a pass is to see that the last of a network goes */
  constructor(routes: LearnedRoutes, touched: () => void) {
    this.#routes = routes;
    this.#touched = touched;
  }

  get size(): number {
    return this.#list.length;
  }

  isListed(rows: Rows, row: number): boolean {
    return rows.is(row, this.#mark);
  }

  list(rows: Rows, row: number): void {
    rows.set(row, LEAVING_EVEN | LEAVING_ODD, false);
    rows.set(row, this.#mark, true);
    this.#list.push([rows, row]);
  }

  /** It is not to go, whatever was noted. */
  stays(rows: Rows, row: number): void {
    rows.set(row, LEAVING_EVEN | LEAVING_ODD, false);
    this.#waiting[rows.learned.family].delete(row);
  }

  /** False: a plan may depend on it, and no pass has seen yet that it goes. */
  mayGo(rows: Rows, row: number): boolean {
    const isLast = this.#routes.isLastWithin(rows, row);
    if (!isLast && !this.#routes.concerns(rows, row)) return true;
    const waiting = this.#waiting[rows.learned.family];
    const going = waiting.get(row);
    if (going === undefined) {
      waiting.set(row, "noted");
      if (isLast) this.#touched();
      else this.#routes.tell(rows, row);
    }
    return going === "free";
  }

  passBegins(): void {
    for (const waiting of Object.values(this.#waiting)) {
      for (const [row, going] of waiting) if (going === "noted") waiting.set(row, "seen");
    }
  }

  /** Nothing of the model depends any more on what the pass saw going. */
  passEnds(): void {
    for (const rows of this.#routes.families) {
      const waiting = this.#waiting[rows.learned.family];
      for (const [row, going] of waiting) {
        if (going !== "seen") continue;
        waiting.set(row, "free");
        rows.todo.add(row);
      }
    }
  }

  /** The list as it is, to be removed when peers have heard. What comes after goes in the next round. */
  begin(): Round {
    const round = { rows: this.#list, mark: this.#mark };
    this.#list = [];
    this.#mark = this.#mark === LEAVING_EVEN ? LEAVING_ODD : LEAVING_EVEN;
    return round;
  }
}

/** The last row of a round, which is taken off it; undefined when it stays after all. */
export function takeLast({ rows: list, mark }: Round): Row | undefined {
  const last = list.pop();
  if (last === undefined) return undefined;
  const [rows, row] = last;
  const goes = rows.is(row, mark);
  rows.set(row, mark, false);
  return goes ? last : undefined;
}
