/** Borderless tables: columns two spaces apart, numbers to the right, nothing behind the last word of a line. */

import { clip, printable, widthOf } from "./text.ts";

export interface Column<T> {
  readonly header: string;
  readonly align?: "left" | "right";
  /** Any text; it is made {@link printable} here. An empty one is shown as "-", so that every line has every column. */
  readonly cell: (item: T) => string;
  readonly color?: (item: T) => Color | undefined;
  /** Columns at most, except when all is asked for. */
  readonly clip?: number;
}

export type Color = "green" | "yellow" | "red";

export interface Look {
  readonly headers: boolean;
  readonly color: boolean;
  /** Everything: more columns, nothing clipped. */
  readonly wide: boolean;
}

const GAP = "  ";
const CODES: Readonly<Record<Color, string>> = { green: "32", yellow: "33", red: "31" };

/** The lines of a table, each ended by a newline; none for no rows without headers. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], look: Look): string {
  const cells = rows.map((row) => columns.map((column) => cellText(column, row, look)));
  const headers = columns.map((column) => column.header);
  const shown = look.headers ? [headers, ...cells] : cells;
  const widths = columns.map((_, i) => shown.reduce((width, line) => Math.max(width, widthOf(line[i]!)), 0));
  const lines = shown.map((line, at) => {
    const row = rows[look.headers ? at - 1 : at];
    return line
      .map((text, i) => {
        const column = columns[i]!;
        const color = look.color && row !== undefined ? column.color?.(row) : undefined;
        return paint(padded(text, widths[i]!, column.align), text, color);
      })
      .join(GAP)
      .trimEnd();
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** Names and values below each other; values are made {@link printable}, empty ones left out. */
export function fields(entries: readonly (readonly [name: string, value: string | undefined])[]): string {
  const given = entries.filter((entry): entry is readonly [string, string] => (entry[1] ?? "") !== "");
  const width = given.reduce((most, [name]) => Math.max(most, name.length), 0);
  return given.map(([name, value]) => `${name.padEnd(width)}${GAP}${printable(value)}\n`).join("");
}

function cellText<T>(column: Column<T>, row: T, look: Look): string {
  // Spaces at the ends would look like another alignment.
  const text = printable(column.cell(row)).trim();
  if (text === "") return "-";
  return column.clip === undefined || look.wide ? text : clip(text, column.clip);
}

function padded(text: string, width: number, align: Column<unknown>["align"]): string {
  const space = " ".repeat(width - widthOf(text));
  return align === "right" ? space + text : text + space;
}

/** Colours the text and not the space around it. */
const paint = (cell: string, text: string, color: Color | undefined): string =>
  color === undefined ? cell : cell.replace(text, () => `\u001b[${CODES[color]}m${text}\u001b[39m`);
