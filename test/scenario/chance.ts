/** Choices from a seed. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1): xorshift over a Weyl sequence, so that neighbouring seeds have nothing in common. */
  unit(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 4294967296;
  }

  /** An integer in 0..limit-1. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  holds(probability: number): boolean {
    return this.unit() < probability;
  }
}
