/**
 * NLRI (RFC 4271 §4.3, RFC 4760 §5, RFC 7911 §3) to and from columns. The hot path: no object, no call that allocates,
 * no check that the window has made already.
 */

import type { PrefixBatch } from "./prefix-batch.ts";

/**
 * Decodes octets[at..end) into `into`, whose family says what they are; what it held before is replaced.
 * False when they are not whole prefixes; the batch then holds nothing to be used.
 */
export function decodeNlri(
  octets: Uint8Array,
  at: number,
  end: number,
  addPath: boolean,
  into: PrefixBatch,
): boolean {
  // A prefix takes one octet at least, so this is room for all.
  into.reserve(addPath ? Math.ceil((end - at) / 5) : end - at);
  const decode = into.family === 4 ? decodeIpv4 : decodeIpv6;
  const count = decode(octets, at, end, addPath, into);
  into.count = Math.max(count, 0);
  return count >= 0;
}

/** A write position that the encoders below move; made once per message. */
export interface WritePosition {
  at: number;
}

/**
 * Writes prefixes[from..count) at `position`, as many as end by `limit`. Returns the first row not written.
 */
export function encodeNlri(
  out: Uint8Array,
  position: WritePosition,
  limit: number,
  prefixes: PrefixBatch,
  from: number,
  addPath: boolean,
): number {
  const { w0, w1, w2, w3, length, pathId, count } = prefixes;
  let at = position.at;
  let row = from;
  for (; row < count; row++) {
    const bits = length[row]!;
    const octets = (bits + 7) >> 3;
    if (at + (addPath ? 5 : 1) + octets > limit) break;
    if (addPath) at = putWord(out, at, pathId[row]!, 4);
    out[at++] = bits;
    at = putWord(out, at, w0[row]!, octets);
    if (octets > 4) at = putWord(out, at, w1[row]!, octets - 4);
    if (octets > 8) at = putWord(out, at, w2[row]!, octets - 8);
    if (octets > 12) at = putWord(out, at, w3[row]!, octets - 12);
  }
  position.at = at;
  return row;
}

/** Writes the first `octets` (at most 4) octets of a word. */
function putWord(out: Uint8Array, at: number, word: number, octets: number): number {
  let next = at;
  if (octets > 0) out[next++] = word >>> 24;
  if (octets > 1) out[next++] = word >>> 16;
  if (octets > 2) out[next++] = word >>> 8;
  if (octets > 3) out[next++] = word;
  return next;
}

/** Returns the number of prefixes, -1 when they are not whole. */
function decodeIpv4(
  octets: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  into: PrefixBatch,
): number {
  const { w0, length, pathId } = into;
  let row = 0;
  let at = start;
  while (at < end) {
    if (addPath) {
      if (at + 5 > end) return -1;
      pathId[row] = wordAt(octets, at, 32);
      at += 4;
    } else pathId[row] = 0;
    const bits = octets[at++]!;
    const next = at + ((bits + 7) >> 3);
    if (bits > 32 || next > end) return -1;
    w0[row] = wordAt(octets, at, bits);
    length[row++] = bits;
    at = next;
  }
  return row;
}

function decodeIpv6(
  octets: Uint8Array,
  start: number,
  end: number,
  addPath: boolean,
  into: PrefixBatch,
): number {
  const { w0, w1, w2, w3, length, pathId } = into;
  let row = 0;
  let at = start;
  while (at < end) {
    if (addPath) {
      if (at + 5 > end) return -1;
      pathId[row] = wordAt(octets, at, 32);
      at += 4;
    } else pathId[row] = 0;
    const bits = octets[at++]!;
    const next = at + ((bits + 7) >> 3);
    if (bits > 128 || next > end) return -1;
    w0[row] = wordAt(octets, at, bits);
    w1[row] = wordAt(octets, at + 4, bits - 32);
    w2[row] = wordAt(octets, at + 8, bits - 64);
    w3[row] = wordAt(octets, at + 12, bits - 96);
    length[row++] = bits;
    at = next;
  }
  return row;
}

/** The first `bits` bits at `at` as the head of a word, zeros after them; reads no octet beyond those bits. */
function wordAt(octets: Uint8Array, at: number, bits: number): number {
  if (bits <= 0) return 0;
  let word = octets[at]! << 24;
  if (bits > 8) word |= octets[at + 1]! << 16;
  if (bits > 16) word |= octets[at + 2]! << 8;
  if (bits > 24) word |= octets[at + 3]!;
  // RFC 4271 §4.3: bits after the prefix are irrelevant.
  return (bits >= 32 ? word : word & (-1 << (32 - bits))) >>> 0;
}
