/** Writes a block of attributes as the pool keeps it, into one buffer that is used again. */

import type { Family } from "../net/address.ts";
import { EXTENDED_LENGTH, OPTIONAL } from "../wire/attributes/row.ts";
import { copyOctets } from "./octets.ts";

const MP_REACH = 14;

export class BlockWriter {
  /** What was written since {@link begin}: octets[0..length). */
  octets: Uint8Array = new Uint8Array(4096);
  length = 0;

  /** @param most - room for so many octets; nothing below checks again */
  begin(most: number): void {
    if (this.octets.length < most) this.octets = new Uint8Array(most);
    this.length = 0;
  }

  /** What stands in front of a value of so many octets. */
  head(flags: number, code: number, valueOctets: number): void {
    const out = this.octets;
    out[this.length++] = valueOctets > 255 ? flags | EXTENDED_LENGTH : flags;
    out[this.length++] = code;
    if (valueOctets > 255) out[this.length++] = valueOctets >>> 8;
    out[this.length++] = valueOctets;
  }

  /** A whole attribute of one number. */
  word(flags: number, code: number, value: number): void {
    this.head(flags, code, 4);
    this.u32(value);
  }

  /** What stands in front of the next hop in an MP_REACH_NLRI without NLRI; behind it comes an octet of 0. */
  mpReach(family: Family, nextHopOctets: number): void {
    this.head(OPTIONAL, MP_REACH, nextHopOctets + 5);
    this.u8(0);
    this.u8(family === 4 ? 1 : 2);
    this.u8(1);
    this.u8(nextHopOctets);
  }

  u8(value: number): void {
    this.octets[this.length++] = value;
  }

  u32(value: number): void {
    const out = this.octets;
    out[this.length++] = value >>> 24;
    out[this.length++] = value >>> 16;
    out[this.length++] = value >>> 8;
    out[this.length++] = value;
  }

  raw(octets: Uint8Array, start: number, end: number): void {
    copyOctets(octets, start, end, this.octets, this.length);
    this.length += end - start;
  }
}
