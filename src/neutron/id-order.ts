/** Objects in the order of their ids, which pages are cut from. */

import { firstNotBelow } from "../model/amended.ts";

const compareIds = (a: string, b: string): number => Number(a > b) - Number(a < b);

/** Of ids in order those behind one, or before it and backwards; undefined: from the end. */
function* idsFrom(ids: readonly string[], from: string | undefined, backwards: boolean): Generator<string> {
  const at = from === undefined ? undefined : firstNotBelow(ids, (id) => compareIds(id, from));
  if (backwards) for (let i = (at ?? ids.length) - 1; i >= 0; i--) yield ids[i]!;
  else for (let i = at === undefined ? 0 : at + Number(ids[at] === from); i < ids.length; i++) yield ids[i]!;
}

/** Of how many characters ids of one part begin alike: of a hundred thousand UUIDs each has some four hundred. */
const HEAD = 2;

interface Part {
  readonly ids: string[];
  isSorted: boolean;
}

/**
 * Ids as they come and go. They are in parts by how they begin, each of which is sorted when it is asked for, and not before:
 * to sort all of them at once would hold up everybody else.
 */
export class IdOrder {
  readonly #parts = new Map<string, Part>();
  /** Their heads, in order; undefined: there is another one. */
  #heads: readonly string[] | undefined;

  constructor(ids: Iterable<string>) {
    for (const id of ids) this.add(id);
  }

  /** It is one that is not there. */
  add(id: string): void {
    const head = id.slice(0, HEAD);
    const part = this.#parts.get(head);
    if (part === undefined) {
      this.#parts.set(head, { ids: [id], isSorted: true });
      this.#heads = undefined;
      return;
    }
    part.ids.push(id);
    part.isSorted = false;
  }

  delete(id: string): void {
    const ids = this.#parts.get(id.slice(0, HEAD))?.ids;
    const at = ids?.indexOf(id) ?? -1;
    if (at >= 0) ids?.splice(at, 1);
  }

  /** Those behind one, or before it and backwards; undefined: from the end. */
  *from(from: string | undefined, backwards: boolean): Generator<string> {
    this.#heads ??= [...this.#parts.keys()].sort();
    const first = from?.slice(0, HEAD);
    const heads = backwards ? this.#heads.toReversed() : this.#heads;
    for (const head of heads) {
      if (first !== undefined && (backwards ? head > first : head < first)) continue;
      yield* idsFrom(this.#sorted(head), from, backwards);
    }
  }

  #sorted(head: string): readonly string[] {
    const part = this.#parts.get(head)!;
    if (!part.isSorted) part.ids.sort();
    part.isSorted = true;
    return part.ids;
  }
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
