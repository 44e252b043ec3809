/** Questions to the kernel that are not answered yet. */
export class Flights {
  readonly #all = new Set<Promise<void>>();
  readonly #puts = new Set<Promise<void>>();
  readonly #landed: () => void;

  /** @param landed - called after each answer */
  constructor(landed: () => void) {
    this.#landed = landed;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Remembers that an answer is awaited. */
  add(answer: Promise<void>): Promise<void> {
    const flight = answer.finally(() => {
      this.#all.delete(flight);
      this.#puts.delete(flight);
      this.#landed();
    });
    this.#all.add(flight);
    return flight;
  }

  /** The same of one that says where routes lead. */
  addPut(answer: Promise<void>): Promise<void> {
    const flight = this.add(answer);
    this.#puts.add(flight);
    return flight;
  }

  /** Resolves when what is awaited now has its answer. */
  async some(): Promise<void> {
    await Promise.all(this.#all);
  }

  async landed(): Promise<void> {
    while (this.#all.size > 0) await Promise.all(this.#all);
  }

  async putsLanded(): Promise<void> {
    while (this.#puts.size > 0) await Promise.all(this.#puts);
  }
}
