/** What the kernel was found to hold, taken over for learned routes. */

import type { KernelRoute } from "./intent.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import { DOUBTED, SEEN } from "./rows.ts";

/** One of its routes; after all of them comes {@link seenAll}. True when it was not known to be so. */
export function see(routes: LearnedRoutes, { prefix, target }: KernelRoute): boolean {
  const [rows, row] = routes.open(prefix);
  const taken = routes.targets.take(target);
  const isNew = rows.held[row] !== taken;
  rows.set(row, SEEN, true);
  rows.set(row, DOUBTED, false);
  routes.hold(rows, row, taken);
  routes.targets.drop(taken);
  if (isNew) rows.todo.add(row);
  return isNew;
}

/** Returns how many routes are gone that nobody had reason to doubt. */
export function seenAll(routes: LearnedRoutes): number {
  let gone = 0;
  for (const rows of routes.families) {
    for (let row = 0; row < rows.extent; row++) {
      if (rows.held[row] !== 0 && !rows.is(row, SEEN)) {
        if (!rows.is(row, DOUBTED)) gone++;
        rows.set(row, DOUBTED, false);
        routes.hold(rows, row, 0);
        rows.todo.add(row);
      }
      rows.set(row, SEEN, false);
    }
  }
  return gone;
}
