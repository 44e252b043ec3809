/** Columns: typed arrays that grow by doubling. */

export type Column = Uint8Array | Uint16Array | Uint32Array;

/** The column itself when it has `rows` rows, else a copy with at least twice as many; the new ones are zero. */
export function columnOf<C extends Column>(column: C, rows: number): C {
  if (rows <= column.length) return column;
  const Wider = column.constructor as new (length: number) => C;
  const wider = new Wider(Math.max(rows, column.length * 2));
  wider.set(column);
  return wider;
}
