/**
 * Columns: typed arrays that grow. A page of memory that is all zero costs nothing until it is written to: so 0 is what is
 * there mostly, and columns that are nearly always 0 are written to only where something changes.
 */

/** Twice would copy three times as much, and leave more for the garbage collector. */
const GROWTH = 4;

export type Column = Uint8Array | Uint16Array | Uint32Array;

/**
 * The column itself when it has `rows` rows, else a copy with at least {@link GROWTH} times as many; the new ones are zero.
 * Columns fill from the front, and the system gives memory to pages that are touched: the rest costs addresses only.
 */
export function columnOf<C extends Column>(column: C, rows: number): C {
  if (rows <= column.length) return column;
  const Wider = column.constructor as new (length: number) => C;
  const wider = new Wider(Math.max(rows, column.length * GROWTH));
  wider.set(column);
  return wider;
}
