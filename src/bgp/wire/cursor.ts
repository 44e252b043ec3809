/**
 * A read position in one bounded window of octets. Every length field opens a window, and what reads it cannot leave
 * it. Reading past the end throws RangeError: that is a decoder's bug, never a peer's fault, since a decoder asks
 * for {@link Cursor.left} first.
 */
export class Cursor {
  readonly #octets: Uint8Array;
  readonly #end: number;
  #at: number;

  /** The octets from `start` up to `end`. @throws RangeError when they are not all within `octets` */
  constructor(octets: Uint8Array, start = 0, end: number = octets.length) {
    if (start < 0 || start > end || end > octets.length) {
      throw new RangeError(`window ${start}..${end} of ${octets.length} octets`);
    }
    this.#octets = octets;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** The next octet, without moving on. */
  peek(): number {
    if (this.left < 1) throw new RangeError("peek at an empty window");
    return this.#octets[this.#at]!;
  }

  u8(): number {
    return this.#octets[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return this.#octets[at]! * 0x100 + this.#octets[at + 1]!;
  }

  u24(): number {
    const high = this.u8();
    return high * 0x10000 + this.u16();
  }

  u32(): number {
    const high = this.u16();
    return high * 0x10000 + this.u16();
  }

  /** Splits off the next `n` octets as their own window. */
  window(n: number): Cursor {
    const at = this.#take(n);
    return new Cursor(this.#octets, at, at + n);
  }

  /** A copy of the next `n` octets, or of all that are left: the window is the peer's buffer and will be reused. */
  copy(n: number = this.left): Uint8Array {
    const at = this.#take(n);
    return this.#octets.slice(at, at + n);
  }

  #take(n: number): number {
    // The check is ours: a view is bounded by its whole ArrayBuffer, which Node's pool shares between Buffers.
    if (n > this.left) throw new RangeError(`read of ${n} octets, ${this.left} left`);
    const at = this.#at;
    this.#at += n;
    return at;
  }
}
