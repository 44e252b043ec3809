/** The JSON of objects as it was answered last: a list of a hundred thousand is mostly what it was a moment ago. */

interface Known {
  readonly object: object;
  readonly rests: readonly unknown[];
  readonly text: string;
}

export class Texts {
  /** By id, which is a UUID and names one object of any kind. */
  readonly #known = new Map<string, Known>();

  /**
   * @param rests - what else than the object itself its JSON is made from: as long as these are the same, so is that.
   * Undefined: nobody knows
   */
  of(object: { readonly id: string }, rests: readonly unknown[] | undefined, make: () => string): string {
    if (rests === undefined) return make();
    const known = this.#known.get(object.id);
    if (known?.object === object && areSame(known.rests, rests)) return known.text;
    const text = make();
    this.#known.set(object.id, { object, rests, text });
    return text;
  }

  /** The object is another, or gone. */
  forget(id: string): void {
    this.#known.delete(id);
  }
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
