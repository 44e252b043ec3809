/** Numbers that wait for their turn, first come, first served: what is to be tidied up when there is time. */

import { columnOf } from "./columns.ts";

/** So many are tidied up at once when there has been no time for too long. */
export const AT_ONCE = 16;

/** No fewer are too many. */
const FEW = 1024;

const EMPTY: Uint32Array = new Uint32Array(0);

export class Backlog {
  #numbers: Uint32Array = EMPTY;
  #first = 0;
  #end = 0;

  get size(): number {
    return this.#end - this.#first;
  }

  push(number: number): void {
    if (this.#end === this.#numbers.length) this.#makeRoom();
    this.#numbers[this.#end++] = number;
  }

  /** Of one that is not empty. */
  shift(): number {
    const number = this.#numbers[this.#first++]!;
    if (this.#first === this.#end) {
      this.#numbers = EMPTY;
      this.#first = 0;
      this.#end = 0;
    }
    return number;
  }

  /** More than a quarter of all that there is: memory is being kept for what is over. */
  isLongBeside(all: number): boolean {
    return this.size > FEW && this.size * 4 > all;
  }

  /** At the end: of what was taken in front when that is half of it, else of more memory. */
  #makeRoom(): void {
    if (this.#first * 2 <= this.#end) {
      this.#numbers = columnOf(this.#numbers, Math.max(FEW, this.#end + 1));
      return;
    }
    this.#numbers.copyWithin(0, this.#first, this.#end);
    this.#end -= this.#first;
    this.#first = 0;
  }
}
