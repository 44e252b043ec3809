/**
 * A set of small numbers (prefix ids) as bits, with a second level that says which words hold any.
 *
 * Adding twice costs nothing and stores nothing: a set of prefixes still to do can never outgrow one bit each, however
 * slow whoever empties it is. It is emptied in order of id, round and round, so that no member waits for ever and
 * neighbouring rows of the columns are read together.
 */
export class IdSet {
  /** How many ids are in it. */
  size = 0;
  #words: Uint32Array = new Uint32Array(32);
  /** Bit w is set when `#words[w]` is not zero. */
  #summary: Uint32Array = new Uint32Array(1);
  /** Where {@link next} goes on. */
  #cursor = 0;

  has(id: number): boolean {
    const word = id >>> 5;
    return word < this.#words.length && (this.#words[word]! & (1 << (id & 31))) !== 0;
  }

  /** True when it was not there before. */
  add(id: number): boolean {
    const word = id >>> 5;
    if (word >= this.#words.length) this.#grow(word);
    const bit = 1 << (id & 31);
    const old = this.#words[word]!;
    if ((old & bit) !== 0) return false;
    this.#words[word] = old | bit;
    if (old === 0) this.#summary[word >>> 5]! |= 1 << (word & 31);
    this.size++;
    return true;
  }

  /** True when it was there. */
  delete(id: number): boolean {
    if (!this.has(id)) return false;
    const word = id >>> 5;
    this.#words[word]! &= ~(1 << (id & 31));
    if (this.#words[word] === 0) this.#summary[word >>> 5]! &= ~(1 << (word & 31));
    this.size--;
    return true;
  }

  /** The next id at or behind the cursor, wrapping round once; -1 when the set is empty. Does not take it out. */
  next(): number {
    if (this.size === 0) return -1;
    const id = this.#from(this.#cursor);
    const found = id < 0 ? this.#from(0) : id;
    this.#cursor = found + 1;
    return found;
  }

  clear(): void {
    this.#words.fill(0);
    this.#summary.fill(0);
    this.#cursor = 0;
    this.size = 0;
  }

  /** The smallest id of the set that is not below `start`, or -1. */
  #from(start: number): number {
    const word = start >>> 5;
    if (word >= this.#words.length) return -1;
    const rest = this.#words[word]! & (-1 << (start & 31));
    if (rest !== 0) return (word << 5) + lowestBit(rest);
    let group = (word + 1) >>> 5;
    if (group >= this.#summary.length) return -1;
    let words = this.#summary[group]! & (-1 << ((word + 1) & 31));
    while (words === 0) {
      if (++group >= this.#summary.length) return -1;
      words = this.#summary[group]!;
    }
    const found = (group << 5) + lowestBit(words);
    return (found << 5) + lowestBit(this.#words[found]!);
  }

  #grow(word: number): void {
    let capacity = this.#words.length;
    while (capacity <= word) capacity *= 2;
    const words = new Uint32Array(capacity);
    words.set(this.#words);
    this.#words = words;
    const summary = new Uint32Array(capacity >>> 5);
    summary.set(this.#summary);
    this.#summary = summary;
  }
}

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
