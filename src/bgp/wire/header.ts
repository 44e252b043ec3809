/** The header that every message begins with: marker, length, type (RFC 4271 §4.1). */

import { MAX_EXTENDED_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS } from "./context.ts";
import { Refusal } from "./fault.ts";
import { MESSAGE_TYPE } from "./messages.ts";

export const HEADER_OCTETS = 19;
const MARKER_OCTETS = 16;

/** Message Header Error and its subcodes (RFC 4271 §6.1). */
const HEADER_ERROR = 1;
const NOT_SYNCHRONIZED = 1;
const BAD_LENGTH = 2;
const BAD_TYPE = 3;

interface Bounds {
  readonly least: number;
  readonly most: number;
  /** Longer with the capability of RFC 8654, whose §4 leaves out OPEN and KEEPALIVE. */
  readonly mostExtended: number;
}

const BOUNDS_BY_TYPE: ReadonlyMap<number, Bounds> = new Map([
  [MESSAGE_TYPE.open, { least: 29, most: MAX_MESSAGE_OCTETS, mostExtended: MAX_MESSAGE_OCTETS }],
  [MESSAGE_TYPE.update, { least: 23, most: MAX_MESSAGE_OCTETS, mostExtended: MAX_EXTENDED_MESSAGE_OCTETS }],
  [
    MESSAGE_TYPE.notification,
    { least: 21, most: MAX_MESSAGE_OCTETS, mostExtended: MAX_EXTENDED_MESSAGE_OCTETS },
  ],
  [MESSAGE_TYPE.keepalive, { least: HEADER_OCTETS, most: HEADER_OCTETS, mostExtended: HEADER_OCTETS }],
  [
    MESSAGE_TYPE.routeRefresh,
    { least: 23, most: MAX_MESSAGE_OCTETS, mostExtended: MAX_EXTENDED_MESSAGE_OCTETS },
  ],
]);

/**
 * Checks the header that begins at `at`, of which all {@link HEADER_OCTETS} must be there.
 * Returns the length of the message in octets, header included, or why the session ends (RFC 4271 §6.1).
 * @throws RangeError when fewer octets are there
 */
export function checkHeader(octets: Uint8Array, at: number, extendedMessage: boolean): number | Refusal {
  if (at + HEADER_OCTETS > octets.length) throw new RangeError(`no header at ${at} of ${octets.length}`);
  for (let i = at; i < at + MARKER_OCTETS; i++) {
    if (octets[i] !== 0xff) return new Refusal("marker is not all ones", HEADER_ERROR, NOT_SYNCHRONIZED);
  }
  const length = messageLengthAt(octets, at);
  const most = extendedMessage ? MAX_EXTENDED_MESSAGE_OCTETS : MAX_MESSAGE_OCTETS;
  if (length < HEADER_OCTETS || length > most) return badLength(length);
  const type = octets[at + 18]!;
  const bounds = BOUNDS_BY_TYPE.get(type);
  if (bounds === undefined) {
    return new Refusal(`message type ${type}`, HEADER_ERROR, BAD_TYPE, Uint8Array.of(type));
  }
  const mostOfType = extendedMessage ? bounds.mostExtended : bounds.most;
  return length < bounds.least || length > mostOfType ? badLength(length) : length;
}

/** The length field of the message that begins at `at`. */
export const messageLengthAt = (octets: Uint8Array, at: number): number =>
  octets[at + MARKER_OCTETS]! * 0x100 + octets[at + MARKER_OCTETS + 1]!;

/** The type field of the message that begins at `at`: one of {@link MESSAGE_TYPE} once the header was checked. */
export const messageTypeAt = (octets: Uint8Array, at: number): number => octets[at + 18]!;

/** Writes a header of a message of `length` octets at `at`. */
export function writeHeader(out: Uint8Array, at: number, length: number, type: number): void {
  out.fill(0xff, at, at + MARKER_OCTETS);
  out[at + MARKER_OCTETS] = length >>> 8;
  out[at + MARKER_OCTETS + 1] = length;
  out[at + 18] = type;
}

/** A whole message of `type` around its body. */
export function framed(type: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(HEADER_OCTETS + body.length);
  writeHeader(message, 0, message.length, type);
  message.set(body, HEADER_OCTETS);
  return message;
}

// The data field is the erroneous length (RFC 4271 §6.1).
const badLength = (length: number): Refusal =>
  new Refusal(
    `message length ${length}`,
    HEADER_ERROR,
    BAD_LENGTH,
    Uint8Array.of(length >>> 8, length & 0xff),
  );
