/** IPv4 addresses of one subnet that ports have: a bit for each, in words of 32, so that a full pool is soon looked through. */

export class TakenAddresses {
  /** By the upper 27 bits of an address; those without any are not there. */
  readonly #words = new Map<number, number>();

  add(address: number): void {
    const key = address >>> 5;
    this.#words.set(key, (this.#words.get(key) ?? 0) | (1 << (address & 31)));
  }

  delete(address: number): void {
    const key = address >>> 5;
    const word = (this.#words.get(key) ?? 0) & ~(1 << (address & 31));
    if (word === 0) this.#words.delete(key);
    else this.#words.set(key, word);
  }

  /** The lowest one that nobody has, from one to another, both of them included. */
  firstFree(low: number, high: number): number | undefined {
    for (let from = low; from <= high; from = ((from >>> 5) + 1) * 32) {
      const free = ~(this.#words.get(from >>> 5) ?? 0) & (-1 << (from & 31));
      if (free === 0) continue;
      const found = (from >>> 5) * 32 + lowestBit(free);
      return found <= high ? found : undefined;
    }
    return undefined;
  }
}

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
