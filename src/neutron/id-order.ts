/** Objects in the order of their ids, which pages are cut from. */

import { firstNotBelow } from "../model/amended.ts";

export const compareIds = (a: string, b: string): number => Number(a > b) - Number(a < b);

/** Of ids in order those behind one, or before it and backwards; undefined: from the end. */
export function* idsFrom(
  ids: readonly string[],
  from: string | undefined,
  backwards: boolean,
): Generator<string> {
  const at = from === undefined ? undefined : firstNotBelow(ids, (id) => compareIds(id, from));
  if (backwards) for (let i = (at ?? ids.length) - 1; i >= 0; i--) yield ids[i]!;
  else for (let i = at === undefined ? 0 : at + Number(ids[at] === from); i < ids.length; i++) yield ids[i]!;
}

/** The same of objects in any order. */
export function* sortedFrom<T extends { readonly id: string }>(
  objects: Iterable<T>,
  from: string | undefined,
  backwards: boolean,
): Generator<T> {
  const byId = new Map(Array.from(objects, (object) => [object.id, object]));
  for (const id of idsFrom([...byId.keys()].sort(), from, backwards)) yield byId.get(id)!;
}
