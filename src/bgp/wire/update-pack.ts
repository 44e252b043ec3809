/**
 * UPDATE messages out of encoded attributes and columns of prefixes, into a buffer that the caller owns. Each function
 * writes one message, with as many prefixes as fit; nothing is allocated per prefix.
 */

import type { Family } from "../net/address.ts";
import type { EncodedAttributes } from "./attribute-encode.ts";
import { AFI_SAFI_OCTETS, MP_UNREACH_CODE, mpReach } from "./attributes/next-hop.ts";
import { EXTENDED_LENGTH, OPTIONAL } from "./attributes/row.ts";
import { HEADER_OCTETS, writeHeader } from "./header.ts";
import { afiSafiOf, MESSAGE_TYPE } from "./messages.ts";
import { encodeNlri, type WritePosition } from "./nlri.ts";
import type { PrefixBatch } from "./prefix-batch.ts";

export interface Packing {
  /** Each prefix is preceded by its path identifier (RFC 7911). */
  readonly addPath: boolean;
  /** Most octets of a message: 4096, or 65535 when the peer takes them (RFC 8654). */
  readonly maxOctets: number;
}

/** Flags, code and a length of two octets: the header of MP_REACH_NLRI and MP_UNREACH_NLRI as we write them. */
const MP_HEADER_OCTETS = 4;

/**
 * Writes one message that announces prefixes[from..count), as many as fit, at out[at]; never past at + maxOctets nor
 * the end of `out`. Returns the first row not written: equal to `from` (nothing is written) only when not even one
 * fits beside these attributes. The message's length is then `messageLengthAt(out, at)`.
 * @param prefixes - of the family that the attributes were encoded for
 */
export function packAnnounced(
  out: Uint8Array,
  at: number,
  attributes: EncodedAttributes,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number {
  if (prefixes.family !== attributes.family) {
    throw new RangeError(`prefixes of IPv${prefixes.family}, attributes for IPv${attributes.family}`);
  }
  const pack = attributes.mpNextHop === undefined ? packInBody : packInReach;
  return pack(out, at, attributes, prefixes, from, packing);
}

/** As {@link packAnnounced}, for prefixes that are withdrawn: IPv4 in the body, IPv6 in MP_UNREACH_NLRI. */
export function packWithdrawn(
  out: Uint8Array,
  at: number,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number {
  const limit = limitOf(out, at, packing);
  const body = at + HEADER_OCTETS;
  if (prefixes.family === 4) {
    const position = { at: body + 2 };
    const next = encodeNlri(out, position, limit - 2, prefixes, from, packing.addPath);
    if (next === from) return from;
    putU16(out, body, position.at - body - 2);
    putU16(out, position.at, 0);
    finish(out, at, position.at + 2);
    return next;
  }
  const start = body + 4;
  const position: WritePosition = { at: start + MP_HEADER_OCTETS + AFI_SAFI_OCTETS };
  const next = encodeNlri(out, position, limit, prefixes, from, packing.addPath);
  if (next === from) return from;
  putMpHeader(out, start, MP_UNREACH_CODE, position.at, 6);
  putU16(out, body, 0);
  putU16(out, body + 2, position.at - start);
  finish(out, at, position.at);
  return next;
}

function packInBody(
  out: Uint8Array,
  at: number,
  { octets }: EncodedAttributes,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number {
  const body = at + HEADER_OCTETS;
  const limit = limitOf(out, at, packing);
  const position = { at: body + 4 + octets.length };
  const next = encodeNlri(out, position, limit, prefixes, from, packing.addPath);
  if (next === from) return from;
  putU16(out, body, 0);
  putU16(out, body + 2, octets.length);
  out.set(octets, body + 4);
  finish(out, at, position.at);
  return next;
}

function packInReach(
  out: Uint8Array,
  at: number,
  { octets, family, mpNextHop = new Uint8Array(0) }: EncodedAttributes,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number {
  const body = at + HEADER_OCTETS;
  // RFC 7606 §5.1: MP_REACH_NLRI comes first, so that it is found when a later attribute is broken.
  const reach = body + 4;
  const nextHop = reach + MP_HEADER_OCTETS + AFI_SAFI_OCTETS;
  const position = { at: nextHop + 1 + mpNextHop.length + 1 };
  const limit = limitOf(out, at, packing) - octets.length;
  const next = encodeNlri(out, position, limit, prefixes, from, packing.addPath);
  if (next === from) return from;
  putMpHeader(out, reach, mpReach.code, position.at, family);
  out[nextHop] = mpNextHop.length;
  out.set(mpNextHop, nextHop + 1);
  out[nextHop + 1 + mpNextHop.length] = 0;
  out.set(octets, position.at);
  const end = position.at + octets.length;
  putU16(out, body, 0);
  putU16(out, body + 2, end - reach);
  finish(out, at, end);
  return next;
}

/** A whole message that says: all that I had for this family has been sent (RFC 4724 §2). */
export function encodeEndOfRib(family: Family): Uint8Array {
  const body = HEADER_OCTETS + 4;
  const message = new Uint8Array(family === 4 ? body : body + 6);
  if (family === 6) {
    const { afi, safi } = afiSafiOf(family);
    putU16(message, body - 2, 6);
    message.set([OPTIONAL, MP_UNREACH_CODE, 3, 0, afi, safi], body);
  }
  finish(message, 0, message.length);
  return message;
}

const limitOf = (out: Uint8Array, at: number, { maxOctets }: Packing): number =>
  Math.min(out.length, at + maxOctets);

/** The header of an MP attribute whose value ends at `end`, with AFI and SAFI. */
function putMpHeader(out: Uint8Array, at: number, code: number, end: number, family: Family): void {
  const { afi, safi } = afiSafiOf(family);
  out[at] = OPTIONAL | EXTENDED_LENGTH;
  out[at + 1] = code;
  putU16(out, at + 2, end - at - MP_HEADER_OCTETS);
  putU16(out, at + 4, afi);
  out[at + 6] = safi;
}

function putU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

const finish = (out: Uint8Array, at: number, end: number): void =>
  writeHeader(out, at, end - at, MESSAGE_TYPE.update);
