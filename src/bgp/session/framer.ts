/**
 * Splits the octets of a connection into BGP messages, however they are cut.
 *
 * A message that lies whole in what came is handed on as a window of it, without a copy. Only one that is cut is put
 * together, in a buffer that is as long as that message and no longer: a header is checked before anything is kept for
 * it, so that a peer can make us hold at most one message (4096 octets, or 65535 with RFC 8654).
 */

import type { Refusal } from "../wire/fault.ts";
import { checkHeader, HEADER_OCTETS } from "../wire/header.ts";

/** False: no more messages are wanted, and what is left of the octets is dropped. */
export type MessageTaker = (message: Uint8Array) => boolean;

const NOTHING: Uint8Array = new Uint8Array(0);

export class Framer {
  /** Messages may have 65535 octets; set once both OPENs are known. */
  extendedMessage = false;
  /** The header that {@link push} refused. */
  refused: Uint8Array = NOTHING;
  readonly #header: Uint8Array = new Uint8Array(HEADER_OCTETS);
  #message: Uint8Array = this.#header;
  #filled = 0;

  /** Octets that wait for the rest of their message. */
  get heldOctets(): number {
    return this.#filled;
  }

  /**
   * Hands every message that `octets` complete to `take`, header included, valid until `take` returns.
   * Returns what is wrong with a header (RFC 4271 §6.1); nothing may be pushed after that.
   */
  push(octets: Uint8Array, take: MessageTaker): Refusal | undefined {
    let at = 0;
    while (at < octets.length) {
      const next = this.#filled === 0 ? this.#whole(octets, at, take) : this.#joined(octets, at, take);
      if (typeof next !== "number") return next;
      at = next;
    }
    return undefined;
  }

  /** A message that begins at `at`: handed on when it is all there, else its beginning is kept. */
  #whole(octets: Uint8Array, at: number, take: MessageTaker): number | Refusal {
    const left = octets.length - at;
    if (left < HEADER_OCTETS) return this.#keep(this.#header, octets, at);
    const length = checkHeader(octets, at, this.extendedMessage);
    if (typeof length !== "number") return this.#refuse(length, octets.slice(at, at + HEADER_OCTETS));
    if (left < length) return this.#keep(new Uint8Array(length), octets, at);
    return take(octets.subarray(at, at + length)) ? at + length : octets.length;
  }

  /** Goes on with a message that was cut. */
  #joined(octets: Uint8Array, at: number, take: MessageTaker): number | Refusal {
    const end = this.#fill(octets, at);
    if (this.#filled < this.#message.length) return end;
    if (this.#message === this.#header) {
      const length = checkHeader(this.#header, 0, this.extendedMessage);
      if (typeof length !== "number") return this.#refuse(length, this.#header.slice());
      if (length > HEADER_OCTETS) {
        this.#message = new Uint8Array(length);
        this.#message.set(this.#header);
        return end;
      }
    }
    const message = this.#message;
    this.#message = this.#header;
    this.#filled = 0;
    return take(message) ? end : octets.length;
  }

  #refuse(refusal: Refusal, header: Uint8Array): Refusal {
    this.refused = header;
    return refusal;
  }

  #keep(message: Uint8Array, octets: Uint8Array, at: number): number {
    this.#message = message;
    return this.#fill(octets, at);
  }

  /** Copies what fits; returns where the copying ended. */
  #fill(octets: Uint8Array, at: number): number {
    const count = Math.min(this.#message.length - this.#filled, octets.length - at);
    this.#message.set(octets.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return at + count;
  }
}
