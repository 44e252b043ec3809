/** Octets under construction, for what is encoded once: OPEN, NOTIFICATION, an attribute. Grows as needed. */
export class OctetWriter {
  #octets = new Uint8Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  u8(value: number): this {
    this.#room(1);
    this.#octets[this.#count++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u24(value: number): this {
    return this.u8(value >>> 16).u16(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  bytes(octets: Uint8Array): this {
    this.#room(octets.length);
    this.#octets.set(octets, this.#count);
    this.#count += octets.length;
    return this;
  }

  /** A copy of what was written. */
  done(): Uint8Array {
    return this.#octets.slice(0, this.#count);
  }

  #room(n: number): void {
    if (this.#count + n <= this.#octets.length) return;
    const wider = new Uint8Array(Math.max(this.#count + n, this.#octets.length * 2));
    wider.set(this.#octets);
    this.#octets = wider;
  }
}
