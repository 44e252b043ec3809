/**
 * Which sets have anything in them. A rule that looks into one where nothing is matches no packet, and costs each of them
 * a look all the same: it is not written, and a chain without rules is not hooked.
 *
 * So the rules are others when the first of a kind comes, or the last one goes, and only then.
 */

import type { Prefix } from "../bgp/net/address.ts";
import { isHost } from "./elements.ts";
import { floatingSets } from "./floating.ts";
import { forwardSets } from "./forwards.ts";
import type { Elements, SetContents, SetName } from "./layout.ts";
import { mappingSets } from "./mapping.ts";
import { statelessSets } from "./stateless.ts";
import type { FloatingMapping, NatTable, TranslatedPart } from "./table.ts";
import { networkSets, trackingSets } from "./tracking.ts";

/** Whether a rule has all that it looks into. */
export type Matchable = (rule: string) => boolean;

/** @param kept - what the kernel holds besides */
export function matchableIn(table: NatTable, kept?: SetContents): Matchable {
  const empty = new Set(
    Object.entries(judgedSets(samplesOf(table))).flatMap(([name, elements]) =>
      elements.size === 0 && (kept?.[name as SetName].size ?? 0) === 0 ? name : [],
    ),
  );
  return (rule) => [...rule.matchAll(LOOK)].every(([, name = ""]) => !empty.has(name));
}

/** "@name", unless what is not in there matches. */
const LOOK = /(?<!!= )@(\w+)/g;

/** Sets of what a table itself says. What packets fill, and what is one by one for private addresses, may be empty. */
const judgedSets = (table: NatTable): Readonly<Record<string, Elements>> => ({
  ...floatingSets(table),
  ...statelessSets(table),
  ...forwardSets(table),
  ...trackingSets(table),
  ...networkSets(table),
  ...mappingSets(table),
});

/** A table that fills the same sets with as little as possible. */
const samplesOf = (table: NatTable): NatTable => ({
  ...table,
  floating: [...firstOfKinds(table.floating, kindOf).values()],
  forwards: table.forwards.slice(0, 1),
  exempt: [...firstOfKinds(table.exempt, kindOfPrefix).values()],
  untracked: [...firstOfKinds(table.untracked, kindOfPrefix).values()],
});

/** Two of a kind fill the same sets: a number below {@link KINDS}. */
const kindOf = ({ floating, egress, stateless }: FloatingMapping): number =>
  (floating.family === 4 ? 0 : 1) + (egress === "floating" ? 2 : 0) + (stateless === true ? 4 : 0);
const kindOfPrefix = (prefix: Prefix): number => (prefix.family === 4 ? 0 : 1) + (isHost(prefix) ? 2 : 0);
const KINDS = 8;

function firstOfKinds<T>(list: readonly T[], kind: (one: T) => number): ReadonlyMap<number, T> {
  const found = new Map<number, T>();
  for (const one of list) {
    if (found.has(kind(one))) continue;
    found.set(kind(one), one);
    if (found.size === KINDS) break;
  }
  return found;
}

/** True when two tables that differ in these parts alone have the same rules. Looks at no more of them than it needs. */
export function haveSameRules(
  tables: Readonly<Record<"before" | "after", TranslatedPart>>,
  parts: typeof tables,
): boolean {
  const same = <T>(of: (part: TranslatedPart) => readonly T[], kind: (one: T) => number): boolean => {
    const isIn = (table: TranslatedPart, wanted: number): boolean =>
      of(table).some((one) => kind(one) === wanted);
    const [before, after] = [parts.before, parts.after].map((part) => firstOfKinds(of(part), kind));
    return (
      [...before!.keys()].every((wanted) => after!.has(wanted) || isIn(tables.after, wanted)) &&
      [...after!.keys()].every((wanted) => before!.has(wanted) || isIn(tables.before, wanted))
    );
  };
  return (
    same(({ floating }) => floating, kindOf) &&
    same(({ exempt }) => exempt, kindOfPrefix) &&
    same(({ untracked }) => untracked, kindOfPrefix)
  );
}
