/** The JSON of objects as it was answered last: a list of a hundred thousand is mostly what it was a moment ago. */

interface Known {
  readonly rests: readonly unknown[];
  readonly text: string;
}

export class Texts {
  readonly #known = new WeakMap<object, Known>();

  /**
   * @param rests - what else than the object itself its JSON is made from: as long as these are the same, so is that.
   * Undefined: nobody knows
   */
  of(object: object, rests: readonly unknown[] | undefined, make: () => string): string {
    if (rests === undefined) return make();
    const known = this.#known.get(object);
    if (known !== undefined && areSame(known.rests, rests)) return known.text;
    const text = make();
    this.#known.set(object, { rests, text });
    return text;
  }
}

const areSame = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
