/** Learned routes that the kernel refused: each is asked for again by itself, less and less often. */

import { formatPrefix, parsePrefix } from "../bgp/net/text.ts";
import type { Clock } from "./announcer.ts";
import { Ladder } from "./ladder.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import { keyOf } from "./routes.ts";
import { REFUSED, type Rows } from "./rows.ts";

export class Refusals {
  readonly ladder: Ladder = new Ladder();
  readonly #routes: LearnedRoutes;
  readonly #clock: Clock;

  constructor(routes: LearnedRoutes, clock: Clock) {
    this.#routes = routes;
    this.#clock = clock;
  }

  /** False: it was refused not long ago. @param target - 0: to have it removed */
  isDue(rows: Rows, row: number, target: number): boolean {
    if (!rows.is(row, REFUSED)) return true;
    return this.ladder.isDue(prefixText(rows, row), () => this.#textOf(target), this.#clock.now());
  }

  add(rows: Rows, row: number, target: number, message: string): void {
    rows.set(row, REFUSED, true);
    this.ladder.failed(prefixText(rows, row), this.#textOf(target), message, this.#clock.now());
  }

  forgive(rows: Rows, row: number): void {
    if (!rows.is(row, REFUSED)) return;
    rows.set(row, REFUSED, false);
    this.ladder.succeeded(prefixText(rows, row));
  }

  /** Has those looked at again that have waited long enough. */
  takeDue(): void {
    for (const key of this.ladder.dueKeys(this.#clock.now())) {
      const prefix = parsePrefix(key);
      const found = prefix && this.#routes.find(prefix);
      found?.[0].todo.add(found[1]);
    }
  }

  #textOf(target: number): string {
    const known = this.#routes.targets.at(target);
    return known === undefined ? "" : keyOf(known);
  }
}

/** How errors of the kernel name it. */
export const prefixText = (rows: Rows, row: number): string => formatPrefix(rows.learned.prefix(row));
