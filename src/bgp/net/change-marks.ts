/**
 * When something about a prefix, or about something else that has a name, was changed last: for who keeps what was made
 * from many of them, which is good as long as nothing about any of them was changed.
 *
 * Keys share slots by their hash. A change of one makes those of the same slot look changed, too, and never the other way
 * round, so that there is nothing to forget, and a look costs one read of a column.
 */

import type { Prefix } from "./address.ts";
import { hashOf } from "./prefix-table.ts";

/** Of what a hundred thousand texts rest on, one change makes some ten look changed that are not. */
const SLOTS = 65_536;

declare const brand: unique symbol;
/** Where changes of a key are noted. */
export type ChangeSlot = number & { readonly [brand]: "slot" };

export class ChangeMarks {
  /** By slot: the number of the last change. */
  readonly #last: Float64Array = new Float64Array(SLOTS);
  #now = 0;

  /** The number of the last change of anything. */
  get now(): number {
    return this.#now;
  }

  /** @param hash - any integer */
  note(hash: number): void {
    this.#last[hash & (SLOTS - 1)] = ++this.#now;
  }

  noteName(name: string): void {
    this.note(hashOfText(name));
  }

  ofPrefix({ w0, w1, w2, w3, length }: Prefix): ChangeSlot {
    return slotOf(hashOf(w0, w1, w2, w3, length));
  }

  ofName(name: string): ChangeSlot {
    return slotOf(hashOfText(name));
  }

  /** Whether nothing was noted in any of them after the change of that number. */
  areAsOf(slots: readonly ChangeSlot[], change: number): boolean {
    for (let i = 0; i < slots.length; i++) if (this.#last[slots[i]!]! > change) return false;
    return true;
  }
}

const slotOf = (hash: number): ChangeSlot => (hash & (SLOTS - 1)) as ChangeSlot;

/** FNV-1a of the units of UTF-16. */
function hashOfText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 16);
}
