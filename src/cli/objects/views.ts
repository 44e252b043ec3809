/** Objects as people and programs read them. */

import { EXIT, Failure, type Io } from "../io.ts";
import { toJson } from "../json.ts";
import { type Options, wantsColor } from "../show.ts";
import { type Color, fields, table } from "../table.ts";
import { printable } from "../text.ts";
import { toYaml } from "../yaml.ts";
import type { ObjectColumn, View } from "./row.ts";

/** The usual columns of a list, or those that were asked for by header or member. */
export function columnsOf(
  columns: readonly ObjectColumn[],
  asked: readonly string[] | undefined,
  isWide: boolean,
): readonly ObjectColumn[] {
  if (asked === undefined) return columns.filter(({ wide }) => isWide || wide !== true);
  return asked.map((word) => {
    const known = columns.find(({ header, member }) =>
      [header.toLowerCase(), member].includes(word.toLowerCase()),
    );
    return known ?? { header: word, member: word };
  });
}

/** @param columns - in JSON and YAML an object is whole, unless they were asked for */
export function listText(
  items: readonly View[],
  columns: readonly ObjectColumn[],
  areAsked: boolean,
  { format, headers }: Options,
  io: Io,
): string {
  if (format === "json" || format === "yaml") {
    return dataText(areAsked ? items.map((item) => chosen(item, columns)) : items, format);
  }
  return table(
    columns.map(({ header, member }) => ({
      header,
      cell: (item: View) => textOf(item[member]),
      ...(member === "status" && { color: statusColor }),
    })),
    items,
    { headers, color: wantsColor(io), wide: format === "wide" },
  );
}

/**
 * One object, its members in the order of their names; without headers, its values alone.
 * @throws Failure - a column that it does not have
 */
export function objectText(
  item: View,
  columns: readonly ObjectColumn[] | undefined,
  { format, headers }: Options,
): string {
  const strange = columns?.find(({ member }) => !Object.hasOwn(item, member));
  if (strange !== undefined) {
    throw new Failure(
      EXIT.usage,
      `it has no ${strange.header}`,
      `it has ${Object.keys(item).toSorted().join(", ")}`,
    );
  }
  const shown = columns === undefined ? item : chosen(item, columns);
  if (format === "json" || format === "yaml") return dataText(shown, format);
  const lines = Object.entries(shown).map(([name, value]) => [name, textOf(value) || "-"] as const);
  const sorted = columns === undefined ? lines.toSorted(([a], [b]) => (a < b ? -1 : 1)) : lines;
  return headers ? fields(sorted) : sorted.map(([, value]) => `${printable(value)}\n`).join("");
}

const dataText = (value: unknown, format: "json" | "yaml"): string =>
  format === "json" ? `${toJson(value)}\n` : toYaml(value);

const chosen = (item: View, columns: readonly ObjectColumn[]): View =>
  Object.fromEntries(columns.map(({ member }) => [member, item[member] ?? null]));

const statusColor = ({ status }: View): Color | undefined =>
  status === "ACTIVE" ? "green" : status === "DOWN" ? "red" : undefined;

/** Lists with commas, members as name=value: in the form that options take them. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, member]) => `${name}=${textOf(member)}`)
    .join(" ");
}
