/**
 * The JSON of objects as it was answered last: a list of a hundred thousand is mostly what it was a moment ago.
 *
 * It lies as octets in pages outside of the heap, object behind object, each with the comma before it: what follows each
 * other in a list is sent as it lies there, and nothing of it is made, joined or encoded again. What is once written is
 * never written over, since somebody may be about to send it. Where it lies stands in columns, a row for each object in
 * the order in which they were asked for first, so that a list reads them from front to back and no object beside.
 */

import type { ChangeMarks, ChangeSlot } from "../bgp/net/change-marks.ts";

/** Of one page; a longer text has one of its own. Memory is taken as it is filled. */
const PAGE_OCTETS = 4_194_304;

const FIRST_ROWS = 1024;

/** What texts are made by. */
export interface Writing<T> {
  readonly marks: ChangeMarks;
  /** A text is good as long as nothing is noted there. */
  readonly restsOn: (object: T) => readonly ChangeSlot[];
  readonly write: (object: T) => string;
}

/** Octets behind each other in one page. */
interface Run {
  readonly page: Uint8Array;
  readonly from: number;
  to: number;
}

export class Texts {
  /** By id, which is a UUID and names one object of any kind. */
  readonly #rowById = new Map<string, number>();
  /** By row; undefined: its text is forgotten. */
  #objects: (object | undefined)[] = [];
  #rests: (readonly ChangeSlot[])[] = [];
  /** Nothing that it rests on was noted up to that change. */
  #asOf = new Float64Array(FIRST_ROWS);
  #page: Uint32Array = new Uint32Array(FIRST_ROWS);
  #from: Uint32Array = new Uint32Array(FIRST_ROWS);
  #to: Uint32Array = new Uint32Array(FIRST_ROWS);
  #pages: Uint8Array[] = [];
  /** Of the last page. */
  #filled = 0;
  readonly #encoder = new TextEncoder();
  /** Octets of all that is known, and of what lies beside it in the same pages and is known no more. */
  #live = 0;
  #dead = 0;

  /** Of all of the objects, as it lies there where that is in one piece. */
  of<T extends { readonly id: string }>(objects: readonly T[], writing: Writing<T>): Uint8Array {
    if (this.#dead > this.#live + PAGE_OCTETS) this.#beginAnew();
    const runs: Run[] = [];
    let row = -1;
    for (const object of objects) {
      row = this.#rowOf(object, row + 1);
      if (!this.#isGood(row, object, writing.marks)) this.#renew(row, object, writing);
      const page = this.#pages[this.#page[row]!]!;
      const [from, to] = [this.#from[row]!, this.#to[row]!];
      const last = runs.at(-1);
      if (last?.page === page && last.to === from) last.to = to;
      else runs.push({ page, from, to });
    }
    return inOnePiece(runs.map(({ page, from, to }) => page.subarray(from, to)));
  }

  /** The object is another, or gone, or one that is shown in it is. */
  forget(id: string): void {
    const row = this.#rowById.get(id);
    if (row !== undefined) this.#drop(row);
  }

  /** @param guess - where it is when it is asked for after the same one as the last time: each look-up by id is a way to the memory */
  #rowOf(object: { readonly id: string }, guess: number): number {
    if (this.#objects[guess] === object) return guess;
    const known = this.#rowById.get(object.id);
    if (known !== undefined) return known;
    const row = this.#objects.push(undefined) - 1;
    this.#rests.push([]);
    this.#rowById.set(object.id, row);
    if (row === this.#asOf.length) this.#grow();
    return row;
  }

  #isGood(row: number, object: object, marks: ChangeMarks): boolean {
    if (this.#objects[row] !== object) return false;
    const { now } = marks;
    if (this.#asOf[row] === now) return true;
    if (!marks.areAsOf(this.#rests[row]!, this.#asOf[row]!)) return false;
    this.#asOf[row] = now;
    return true;
  }

  #renew<T extends object>(row: number, object: T, { marks, restsOn, write }: Writing<T>): void {
    this.#drop(row);
    this.#put(row, `,${write(object)}`);
    this.#live += this.#to[row]! - this.#from[row]!;
    this.#objects[row] = object;
    this.#rests[row] = restsOn(object);
    this.#asOf[row] = marks.now;
  }

  #drop(row: number): void {
    if (this.#objects[row] === undefined) return;
    this.#objects[row] = undefined;
    const octets = this.#to[row]! - this.#from[row]!;
    this.#live -= octets;
    this.#dead += octets;
  }

  #beginAnew(): void {
    this.#rowById.clear();
    [this.#objects, this.#rests, this.#pages] = [[], [], []];
    [this.#filled, this.#live, this.#dead] = [0, 0, 0];
  }

  #grow(): void {
    const asOf = new Float64Array(this.#asOf.length * 2);
    asOf.set(this.#asOf);
    this.#asOf = asOf;
    this.#page = doubled(this.#page);
    this.#from = doubled(this.#from);
    this.#to = doubled(this.#to);
  }

  #put(row: number, text: string): void {
    if (this.#tryPut(row, text)) return;
    // Every unit of UTF-16 is at most three octets of UTF-8. V8 collects garbage by what comes of memory, but for shared one.
    this.#pages.push(new Uint8Array(new SharedArrayBuffer(Math.max(PAGE_OCTETS, text.length * 3))));
    this.#filled = 0;
    this.#tryPut(row, text);
  }

  /** False: the last page has no room for it. */
  #tryPut(row: number, text: string): boolean {
    const page = this.#pages.at(-1);
    const from = this.#filled;
    if (page === undefined || page.length - from < text.length) return false;
    const { read, written } = this.#encoder.encodeInto(text, page.subarray(from));
    if (read < text.length) return false;
    this.#page[row] = this.#pages.length - 1;
    this.#from[row] = from;
    this.#filled = from + written;
    this.#to[row] = this.#filled;
    return true;
  }
}

function doubled(column: Uint32Array): Uint32Array {
  const wider = new Uint32Array(column.length * 2);
  wider.set(column);
  return wider;
}

function inOnePiece(pieces: readonly Uint8Array[]): Uint8Array {
  const [only, second] = pieces;
  if (only !== undefined && second === undefined) return only;
  const all = new Uint8Array(pieces.reduce((octets, piece) => octets + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
