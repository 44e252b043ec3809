/**
 * Columns: typed arrays that grow. A page of memory that is all zero costs nothing until it is written to: so 0 is what is
 * there mostly, and columns that are nearly always 0 are written to only where something changes.
 */

/** Twice would copy three times as much, and leave more for the garbage collector. */
const GROWTH = 4;
/** What a table of routes has room for once it is no small one. */
const MANY = 1 << 20;

export type Column = Uint8Array | Uint16Array | Uint32Array;

/**
 * The column itself when it has `rows` rows, else a copy with at least {@link GROWTH} times as many; the new ones are zero.
 * Columns fill from the front, and the system gives memory to pages that are touched: the rest costs addresses only.
 */
export function columnOf<C extends Column>(column: C, rows: number): C {
  if (rows <= column.length) return column;
  const Wider = column.constructor as new (length: number) => C;
  return copied(column, new Wider(Math.max(rows, column.length * GROWTH)));
}

/**
 * As {@link columnOf}, of a table that there is one of for each family: as soon as it is no small one it has a million
 * rows, of {@link uncounted} memory. Beyond those it grows as others do: what is counted has the old one collected.
 */
export function tableColumnOf<C extends Column>(column: C, rows: number): C {
  if (rows <= column.length || rows > MANY || column.length >= MANY) return columnOf(column, rows);
  const Wider = column.constructor as (new (buffer: SharedArrayBuffer) => C) & { BYTES_PER_ELEMENT: number };
  return copied(column, new Wider(uncounted(MANY * Wider.BYTES_PER_ELEMENT)));
}

/**
 * Memory for what stays. V8 counts what is not shared, and looks through its whole heap for every 15 MB or so that come:
 * gatewayd, learning 1 000 000 routes, did so nine times, which took a quarter of its time, and now does so twice.
 */
export const uncounted = (octets: number): SharedArrayBuffer => new SharedArrayBuffer(octets);

function copied<C extends Column>(column: C, wider: C): C {
  wider.set(column);
  return wider;
}
