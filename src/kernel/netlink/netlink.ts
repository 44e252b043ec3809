/**
 * Netlink messages in one reusable buffer, and their attributes on the way back.
 *
 * Numbers are in the host's order, as netlink has it; addresses and conntrack's fields are in network order.
 * Layout: struct nlmsghdr (length u32, type u16, flags u16, sequence u32, port u32), payload, each attribute
 * (length u16, type u16, value) padded to four octets.
 */

import { endianness } from "node:os";

export const LITTLE: boolean = endianness() === "LE";

export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLA_F_NESTED = 0x8000;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
const HEADER_OCTETS = 16;

const align = (octets: number): number => (octets + 3) & ~3;

/** Writes messages one behind the other. The caller ends each before it begins the next. */
export class MessageWriter {
  readonly octets: Buffer;
  readonly #view: DataView;
  #at = 0;
  #start = 0;

  constructor(size: number) {
    this.octets = Buffer.alloc(size);
    this.#view = new DataView(this.octets.buffer, this.octets.byteOffset, size);
  }

  get length(): number {
    return this.#at;
  }

  clear(): void {
    this.#at = 0;
  }

  begin(type: number, flags: number, sequence: number): void {
    this.#start = this.#at;
    this.#view.setUint16(this.#at + 4, type, LITTLE);
    this.#view.setUint16(this.#at + 6, flags, LITTLE);
    this.#view.setUint32(this.#at + 8, sequence, LITTLE);
    this.#view.setUint32(this.#at + 12, 0, LITTLE);
    this.#at += HEADER_OCTETS;
  }

  end(): void {
    this.#view.setUint32(this.#start, this.#at - this.#start, LITTLE);
    this.#pad();
  }

  /** Sets further flags on the message that was ended last. */
  flagLast(flags: number): void {
    const at = this.#start + 6;
    this.#view.setUint16(at, this.#view.getUint16(at, LITTLE) | flags, LITTLE);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at++, value);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, LITTLE);
    this.#at += 4;
  }

  /** The first `count` words of an address, in network order. */
  words(count: number, w0: number, w1: number, w2: number, w3: number): void {
    this.#view.setUint32(this.#at, w0);
    if (count === 4) {
      this.#view.setUint32(this.#at + 4, w1);
      this.#view.setUint32(this.#at + 8, w2);
      this.#view.setUint32(this.#at + 12, w3);
    }
    this.#at += count * 4;
  }

  attributeU16(type: number, value: number): void {
    this.#attribute(type, 2);
    this.#view.setUint16(this.#at, value, LITTLE);
    this.#at += 2;
    this.#pad();
  }

  attributeU32(type: number, value: number): void {
    this.#attribute(type, 4);
    this.u32(value);
  }

  attributeWords(type: number, count: number, w0: number, w1: number, w2: number, w3: number): void {
    this.#attribute(type, count * 4);
    this.words(count, w0, w1, w2, w3);
  }

  attributeOctets(type: number, octets: Uint8Array): void {
    this.#attribute(type, octets.length);
    this.octets.set(octets, this.#at);
    this.#at += octets.length;
    this.#pad();
  }

  /** Opens an attribute of attributes; give the result to {@link closeNest}. */
  openNest(type: number): number {
    const start = this.#at;
    this.#attribute(type | NLA_F_NESTED, 0);
    return start;
  }

  closeNest(start: number): void {
    this.#view.setUint16(start, this.#at - start, LITTLE);
  }

  #attribute(type: number, length: number): void {
    this.#view.setUint16(this.#at, length + 4, LITTLE);
    this.#view.setUint16(this.#at + 2, type, LITTLE);
    this.#at += 4;
  }

  #pad(): void {
    while (this.#at !== align(this.#at)) this.octets[this.#at++] = 0;
  }
}

/** One received message. It points into the receive buffer: valid until the handler returns. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The port of the socket whose request caused it; 0 for the kernel itself. */
  readonly port: number;
  /** What follows the netlink header. */
  readonly payload: Buffer;
}

/** Every whole message in `octets`. What is cut short is left out. */
export function* messagesIn(octets: Buffer): Generator<Message> {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  for (let at = 0; at + HEADER_OCTETS <= octets.length; ) {
    const length = view.getUint32(at, LITTLE);
    if (length < HEADER_OCTETS || at + length > octets.length) return;
    yield {
      type: view.getUint16(at + 4, LITTLE),
      flags: view.getUint16(at + 6, LITTLE),
      sequence: view.getUint32(at + 8, LITTLE),
      port: view.getUint32(at + 12, LITTLE),
      payload: octets.subarray(at + HEADER_OCTETS, at + length),
    };
    at += align(length);
  }
}

/** Attributes by type, as windows into `octets`. The nested flag is cleared; of equal types the last one stays. */
export function attributesIn(octets: Buffer, offset: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= octets.length; ) {
    const length = readU16(octets, at);
    if (length < 4 || at + length > octets.length) break;
    found.set(readU16(octets, at + 2) & 0x3fff, octets.subarray(at + 4, at + length));
    at += align(length);
  }
  return found;
}

export const readU16 = (octets: Buffer, at: number): number =>
  LITTLE ? octets.readUInt16LE(at) : octets.readUInt16BE(at);
export const readU32 = (octets: Buffer, at: number): number =>
  LITTLE ? octets.readUInt32LE(at) : octets.readUInt32BE(at);
/** The text of an attribute, without its final zero. */
export const readText = (octets: Buffer): string => {
  const end = octets.indexOf(0);
  return octets.toString("utf8", 0, end < 0 ? octets.length : end);
};
