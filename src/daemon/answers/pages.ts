/**
 * Pages of lists that are too long to be walked at once. A page goes on where the one before ended, and a long walk
 * lets others have their turn: keepalives do not wait for whoever looks at a full table.
 */

import { setImmediate as turn } from "node:timers/promises";
import { CursorError, type Page } from "../../api/source.ts";

/** Reads up to `limit` rows from a position on, 0 being the first; `next` is where to go on, -1: there is no more. */
export type Part<T> = (from: number, limit: number) => { readonly rows: readonly T[]; readonly next: number };

/** How long a walk goes on without a pause. */
const TURN_MS = 4;
/** Rows between two looks at the clock. */
const SLICE_ROWS = 200;

interface Place {
  readonly part: number;
  readonly from: number;
}

/**
 * Walks the parts one after the other, from a cursor on, until there are `limit` answers.
 * @param answerOf - undefined: the row is left out
 * @throws CursorError when `after` is no cursor of ours
 */
export async function pageOf<T, U>(
  parts: readonly Part<T>[],
  { limit, after }: { readonly limit: number; readonly after?: string },
  answerOf: (row: T) => U | undefined,
): Promise<Page<U>> {
  const items: U[] = [];
  let pausedAt = performance.now();
  let place = after === undefined ? { part: 0, from: 0 } : placeOf(after);
  let end: Place | undefined;
  for (let read = parts[place.part]; read !== undefined; read = parts[place.part]) {
    // Never more rows than there is room for, so that the page ends between two reads.
    const { rows, next } = read(
      place.from,
      end === undefined ? Math.min(SLICE_ROWS, limit - items.length) : SLICE_ROWS,
    );
    const answers = rows.map(answerOf).filter((answer) => answer !== undefined);
    // What is behind a full page is read on only to know whether there is another page.
    if (end !== undefined && answers.length > 0) return { items, next: `${end.part}.${end.from}` };
    items.push(...answers);
    place = next < 0 ? { part: place.part + 1, from: 0 } : { part: place.part, from: next };
    if (items.length === limit) end ??= place;
    if (performance.now() - pausedAt < TURN_MS) continue;
    await turn();
    pausedAt = performance.now();
  }
  return { items };
}

/** A part of what is there already. */
export const partOf =
  <T>(all: readonly T[]): Part<T> =>
  (from, limit) => ({
    rows: all.slice(from, from + limit),
    next: from + limit < all.length ? from + limit : -1,
  });

function placeOf(cursor: string): Place {
  const [, part, from] = /^(\d{1,6})\.(\d{1,10})$/.exec(cursor) ?? [];
  if (part === undefined) throw new CursorError("after is no cursor of ours");
  return { part: Number(part), from: Number(from) };
}
