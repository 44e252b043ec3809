/** OPEN (RFC 4271 §4.2) with capabilities (RFC 5492) and extended optional parameters (RFC 9072). */

import type { Family } from "../net/address.ts";
import { decodeCapability, encodeCapability } from "./capabilities.ts";
import { Cursor } from "./cursor.ts";
import { Refusal } from "./fault.ts";
import { framed, HEADER_OCTETS } from "./header.ts";
import { type Capability, familyOf, MESSAGE_TYPE, type Open } from "./messages.ts";
import { OctetWriter } from "./octet-writer.ts";

const VERSION = 4;
const PARAMETER_CAPABILITIES = 2;
/** As first parameter type it announces lengths of two octets (RFC 9072 §2). */
const EXTENDED = 255;

/** OPEN Message Error (RFC 4271 §6.2). */
const OPEN_ERROR = 2;
const UNSPECIFIC = 0;
const UNSUPPORTED_VERSION = 1;
const UNSUPPORTED_PARAMETER = 4;

/** Decodes a whole message whose header was checked. What it says is judged by `checkOpen`. */
export function decodeOpen(message: Uint8Array): Open | Refusal {
  const body = new Cursor(message, HEADER_OCTETS);
  const version = body.u8();
  if (version !== VERSION) {
    // The data field is the largest version that we speak (RFC 4271 §6.2).
    return new Refusal(`version ${version}`, OPEN_ERROR, UNSUPPORTED_VERSION, Uint8Array.of(0, VERSION));
  }
  const fixed = { asn: body.u16(), holdSeconds: body.u16(), routerId: body.u32() };
  const capabilities = decodeParameters(body);
  return capabilities instanceof Refusal ? capabilities : { ...fixed, capabilities };
}

/**
 * Encodes a whole message: all capabilities in one parameter, extended (RFC 9072) only when they need more than 255
 * octets, since a peer may not know that format.
 * @throws RangeError when a capability's value is longer than 255 octets
 */
export function encodeOpen(open: Open): Uint8Array {
  const capabilities = new OctetWriter();
  for (const each of open.capabilities) capabilities.bytes(encodeCapability(each));
  const body = new OctetWriter().u8(VERSION).u16(open.asn).u16(open.holdSeconds).u32(open.routerId);
  const octets = capabilities.done();
  if (octets.length === 0) body.u8(0);
  else if (octets.length + 2 <= 255) {
    body.u8(octets.length + 2).u8(PARAMETER_CAPABILITIES);
    body.u8(octets.length).bytes(octets);
  } else {
    body
      .u8(EXTENDED)
      .u8(EXTENDED)
      .u16(octets.length + 3);
    body.u8(PARAMETER_CAPABILITIES).u16(octets.length).bytes(octets);
  }
  return framed(MESSAGE_TYPE.open, body.done());
}

/** The AS number of the sender: of the 4-octet capability (RFC 6793), else of the field. */
export const asnOf = (open: Open): number => capability(open, "four-octet-as")?.asn ?? open.asn;

/** The first capability of a kind. */
export function capability<K extends Capability["is"]>(
  open: Open,
  is: K,
): Extract<Capability, { is: K }> | undefined {
  return open.capabilities.find((each): each is Extract<Capability, { is: K }> => each.is === is);
}

/** As {@link capability}, of those of which all but the last count for nothing (RFC 4724 §3). */
export function lastCapability<K extends Capability["is"]>(
  open: Open,
  is: K,
): Extract<Capability, { is: K }> | undefined {
  return open.capabilities.findLast((each): each is Extract<Capability, { is: K }> => each.is === is);
}

/** The families of the multiprotocol capabilities; IPv4 alone when there is none (RFC 4760 §8). */
export function familiesOf(open: Open): readonly Family[] {
  const offered = open.capabilities.filter((each) => each.is === "multiprotocol");
  if (offered.length === 0) return [4];
  const families = new Set(offered.map(({ afi, safi }) => familyOf(afi, safi)));
  return [...families].filter((family) => family !== undefined);
}

function decodeParameters(body: Cursor): Capability[] | Refusal {
  const length = body.u8();
  if (length !== 0 && body.left > 0 && body.peek() === EXTENDED) {
    // The first length is disregarded once the type has shown the extended format (RFC 9072 §2).
    body.u8();
    if (body.left < 2) return malformed("extended parameter length is cut");
    return decodeEach(body, body.u16(), 3);
  }
  return decodeEach(body, length, 2);
}

function decodeEach(parameters: Cursor, octets: number, headerOctets: 2 | 3): Capability[] | Refusal {
  if (octets !== parameters.left)
    return malformed(`parameters of ${octets} octets, ${parameters.left} there`);
  const capabilities: Capability[] = [];
  while (parameters.left > 0) {
    if (parameters.left < headerOctets) return malformed("parameter header is cut");
    const type = parameters.u8();
    const length = headerOctets === 3 ? parameters.u16() : parameters.u8();
    if (length > parameters.left) return malformed(`parameter of ${length} octets`);
    if (type !== PARAMETER_CAPABILITIES) {
      return new Refusal(`parameter type ${type}`, OPEN_ERROR, UNSUPPORTED_PARAMETER);
    }
    const refusal = decodeCapabilities(parameters.window(length), capabilities);
    if (refusal !== undefined) return refusal;
  }
  return capabilities;
}

function decodeCapabilities(window: Cursor, into: Capability[]): Refusal | undefined {
  while (window.left > 0) {
    if (window.left < 2) return malformed("capability header is cut");
    const code = window.u8();
    const length = window.u8();
    if (length > window.left) return malformed(`capability ${code} of ${length} octets`);
    into.push(decodeCapability(code, window.copy(length)));
  }
  return undefined;
}

// Recognised but malformed: subcode 0 (RFC 4271 §6.2).
const malformed = (why: string): Refusal => new Refusal(why, OPEN_ERROR, UNSPECIFIC);
