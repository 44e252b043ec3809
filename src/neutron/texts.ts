/**
 * The JSON of objects as it was answered last: a list of a hundred thousand is mostly what it was a moment ago.
 *
 * It lies as octets in pages outside of the heap, object behind object, each with the comma before it: what follows each
 * other in a list is sent as it lies there, and nothing of it is made, joined or encoded again. What is once written is
 * never written over, since somebody may be about to send it.
 */

/** Of one page; a longer text has one of its own. */
const PAGE_OCTETS = 1_048_576;

/** Where the text of an object lies. */
interface Place {
  readonly page: Uint8Array;
  readonly from: number;
  readonly to: number;
}

interface Known extends Place {
  readonly object: object;
  readonly rests: readonly unknown[];
  /** What was asked for after it the last time: of a hundred thousand each look-up by id is a way to the memory and back. */
  next: Known | undefined;
}

export class Texts {
  /** By id, which is a UUID and names one object of any kind. */
  readonly #known = new Map<string, Known>();
  readonly #encoder = new TextEncoder();
  #last: Known | undefined;
  #page = new Uint8Array(0);
  #filled = 0;
  /** Octets of all that is known, and of what lies beside it in the same pages and is known no more. */
  #live = 0;
  #dead = 0;

  /** @param rests - what else than the object its JSON is made from: as long as these are the same, so is that */
  of(object: { readonly id: string }, rests: readonly unknown[], make: () => string): Place {
    const next = this.#last?.next;
    const known = next?.object === object ? next : this.#known.get(object.id);
    const isGood = known?.object === object && areSame(known.rests, rests);
    const now = isGood ? known : this.#keep(object, rests, make());
    if (this.#last !== undefined) this.#last.next = now;
    this.#last = now;
    return now;
  }

  /** The object is another, or gone. */
  forget(id: string): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    this.#known.delete(id);
    const octets = known.to - known.from;
    this.#live -= octets;
    this.#dead += octets;
    if (this.#dead > this.#live + PAGE_OCTETS) this.#beginAnew();
  }

  #keep(object: { readonly id: string }, rests: readonly unknown[], text: string): Known {
    this.forget(object.id);
    const place = this.#put(`,${text}`);
    this.#live += place.to - place.from;
    const known = { ...place, object, rests, next: undefined };
    this.#known.set(object.id, known);
    return known;
  }

  #beginAnew(): void {
    this.#known.clear();
    this.#last = undefined;
    this.#page = new Uint8Array(0);
    [this.#filled, this.#live, this.#dead] = [0, 0, 0];
  }

  #put(text: string): Place {
    const place = this.#tryPut(text);
    if (place !== undefined) return place;
    // Every unit of UTF-16 is at most three octets of UTF-8.
    this.#page = new Uint8Array(Math.max(PAGE_OCTETS, text.length * 3));
    this.#filled = 0;
    return this.#tryPut(text)!;
  }

  /** Undefined: the page has no room for it. */
  #tryPut(text: string): Place | undefined {
    const page = this.#page;
    const from = this.#filled;
    if (page.length - from < text.length) return undefined;
    const { read, written } = this.#encoder.encodeInto(text, page.subarray(from));
    if (read < text.length) return undefined;
    this.#filled = from + written;
    return { page, from, to: this.#filled };
  }
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

/** What lies behind each other as one, and all of it in one piece. */
export function joined(places: readonly Place[]): Uint8Array {
  const runs: Uint8Array[] = [];
  for (let i = 0; i < places.length; ) {
    const { page, from } = places[i]!;
    let { to } = places[i]!;
    for (i++; places[i]?.page === page && places[i]!.from === to; i++) ({ to } = places[i]!);
    runs.push(page.subarray(from, to));
  }
  const [only, second] = runs;
  if (only !== undefined && second === undefined) return only;
  const all = new Uint8Array(runs.reduce((octets, run) => octets + run.length, 0));
  let at = 0;
  for (const run of runs) {
    all.set(run, at);
    at += run.length;
  }
  return all;
}
