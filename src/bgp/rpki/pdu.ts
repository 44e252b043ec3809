/**
 * Messages of the RPKI-to-Router protocol, versions 1 (RFC 8210) and 0 (RFC 6810): octets to values, and the few that a
 * router sends to octets. Splitting a stream into them is the business of pdu-reader.ts.
 */

import { ipv4, ipv6, type Prefix, prefixOf, widthOf } from "../net/address.ts";
import { Cursor } from "../wire/cursor.ts";
import { OctetWriter } from "../wire/octet-writer.ts";
import { parseUtf8 } from "../wire/utf8.ts";
import type { Vrp } from "./vrp-table.ts";

/** Of the protocol: 1, or 0 for a cache that knows no better. */
export type RtrVersion = 0 | 1;

/** What the cache asks of its routers; RFC 8210 §6. */
export interface RtrIntervals {
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
}

/** What a cache sends. */
export type Pdu = { readonly version: RtrVersion } & (
  | { readonly type: "notify"; readonly sessionId: number; readonly serial: number }
  | { readonly type: "response"; readonly sessionId: number }
  | { readonly type: "prefix"; readonly announces: boolean; readonly vrp: Vrp }
  /** Intervals: of version 1 only. */
  | {
      readonly type: "end";
      readonly sessionId: number;
      readonly serial: number;
      readonly intervals: RtrIntervals | undefined;
    }
  | { readonly type: "cache-reset" }
  /** For BGPsec, which nobody here speaks. */
  | { readonly type: "router-key" }
  | { readonly type: "error"; readonly code: number; readonly text: string }
);

/** A PDU that is wrong: what to tell the cache, and what the operator. */
export interface PduFault {
  /** Undefined: nothing, since an Error Report is never answered by one (RFC 8210 §5.11). */
  readonly code: number | undefined;
  readonly why: string;
}

/** RFC 8210 §12. */
export const RTR_ERROR = {
  corruptData: 0,
  internalError: 1,
  noDataAvailable: 2,
  invalidRequest: 3,
  unsupportedVersion: 4,
  unsupportedType: 5,
  unknownWithdrawal: 6,
  duplicateAnnouncement: 7,
  unexpectedVersion: 8,
} as const;

const ERROR_WORDS = [
  "corrupt data",
  "internal error",
  "no data available",
  "invalid request",
  "unsupported protocol version",
  "unsupported PDU type",
  "withdrawal of unknown record",
  "duplicate announcement received",
  "unexpected protocol version",
] as const;

/** What an error code means, in words. */
export const rtrErrorWords = (code: number): string => ERROR_WORDS[code] ?? `error ${code}`;

export const HEADER_OCTETS = 8;
/** The longest are Error Reports, which quote a PDU and say something. */
export const MOST_PDU_OCTETS = 4096;

const TYPE = { serialQuery: 1, resetQuery: 2, routerKey: 9, error: 10 } as const;

/** Header, SKI of 20 octets, AS number (RFC 8210 §5.10). */
const LEAST_ROUTER_KEY_OCTETS = 32;

interface Row {
  /** By version; undefined: of any length. */
  readonly octets: readonly [v0: number, v1: number] | undefined;
  readonly decode: (body: Cursor, version: RtrVersion, field: number) => Pdu | PduFault;
}

/** By type; `field` is what the header has in its third and fourth octet. */
const ROWS: Readonly<Record<number, Row>> = {
  0: {
    octets: [12, 12],
    decode: (body, version, sessionId) => ({ version, type: "notify", sessionId, serial: body.u32() }),
  },
  3: { octets: [8, 8], decode: (_body, version, sessionId) => ({ version, type: "response", sessionId }) },
  4: { octets: [20, 20], decode: (body, version) => decodePrefix(body, version, 4) },
  6: { octets: [32, 32], decode: (body, version) => decodePrefix(body, version, 6) },
  7: { octets: [12, 24], decode: decodeEnd },
  8: { octets: [8, 8], decode: (_body, version) => ({ version, type: "cache-reset" }) },
  [TYPE.routerKey]: { octets: undefined, decode: decodeRouterKey },
};

/**
 * The length of the PDU that begins with this header. It must be known before the rest is read, and kept for no longer
 * than there may be such a PDU.
 */
export function pduOctets(header: Cursor): number | PduFault {
  header.u8();
  const isError = header.u8() === TYPE.error;
  header.u16();
  const octets = header.u32();
  if (octets >= HEADER_OCTETS && octets <= MOST_PDU_OCTETS) return octets;
  return { code: isError ? undefined : RTR_ERROR.corruptData, why: `a PDU of ${octets} octets` };
}

/** One whole PDU. */
export function decodePdu(octets: Uint8Array): Pdu | PduFault {
  const body = new Cursor(octets);
  const version = body.u8();
  const type = body.u8();
  const field = body.u16();
  body.u32();
  if (type === TYPE.error) return decodeError(body, version, field);
  // RFC 8210 §7: an unknown version ends the session, whatever follows it.
  if (version !== 0 && version !== 1) {
    return { code: RTR_ERROR.unsupportedVersion, why: `protocol version ${version}` };
  }
  const row = ROWS[type];
  if (row === undefined || (type === TYPE.routerKey && version === 0)) {
    const isQuery = type === TYPE.serialQuery || type === TYPE.resetQuery;
    const code = isQuery ? RTR_ERROR.invalidRequest : RTR_ERROR.unsupportedType;
    return { code, why: `a PDU of type ${type}` };
  }
  if (row.octets !== undefined && row.octets[version] !== octets.length) {
    return corrupt(`a PDU of type ${type} with ${octets.length} octets`);
  }
  return row.decode(body, version, field);
}

/** Asks for all that the cache has. */
export const encodeResetQuery = (version: RtrVersion): Uint8Array =>
  new OctetWriter().u8(version).u8(TYPE.resetQuery).u16(0).u32(HEADER_OCTETS).done();

/** Asks for what changed since a serial number. */
export const encodeSerialQuery = (version: RtrVersion, sessionId: number, serial: number): Uint8Array =>
  new OctetWriter().u8(version).u8(TYPE.serialQuery).u16(sessionId).u32(12).u32(serial).done();

/** @param about - the PDU that is wrong; of one that is too long, its beginning (RFC 8210 §5.11) */
export function encodeErrorReport(
  version: RtrVersion,
  code: number,
  why: string,
  about: Uint8Array,
): Uint8Array {
  // ASCII, as all that is said here is.
  const text = Uint8Array.from(why, (character) => character.charCodeAt(0) & 0x7f);
  const octets = HEADER_OCTETS + 8 + about.length + text.length;
  return new OctetWriter()
    .u8(version)
    .u8(TYPE.error)
    .u16(code)
    .u32(octets)
    .u32(about.length)
    .bytes(about)
    .u32(text.length)
    .bytes(text)
    .done();
}

const corrupt = (why: string): PduFault => ({ code: RTR_ERROR.corruptData, why });

/** RFC 8210 §5.6, §5.7. */
function decodePrefix(body: Cursor, version: RtrVersion, family: 4 | 6): Pdu | PduFault {
  // All other flags are reserved, and ignored.
  const announces = (body.u8() & 1) === 1;
  const length = body.u8();
  const maxLength = body.u8();
  body.u8();
  if (length > maxLength || maxLength > widthOf(family)) {
    return corrupt(`a prefix of length ${length} with maximum ${maxLength}`);
  }
  const address = family === 4 ? ipv4(body.u32()) : ipv6(body.u32(), body.u32(), body.u32(), body.u32());
  const prefix: Prefix = prefixOf(address, length);
  return { version, type: "prefix", announces, vrp: { prefix, maxLength, asn: body.u32() } };
}

/** RFC 8210 §5.8, RFC 6810 §5.8. */
function decodeEnd(body: Cursor, version: RtrVersion, sessionId: number): Pdu {
  const serial = body.u32();
  const intervals =
    version === 0
      ? undefined
      : { refreshSeconds: body.u32(), retrySeconds: body.u32(), expireSeconds: body.u32() };
  return { version, type: "end", sessionId, serial, intervals };
}

function decodeRouterKey(body: Cursor, version: RtrVersion): Pdu | PduFault {
  const octets = HEADER_OCTETS + body.left;
  return octets < LEAST_ROUTER_KEY_OCTETS
    ? corrupt(`a router key of ${octets} octets`)
    : { version, type: "router-key" };
}

/** RFC 8210 §5.11. A cache that knows only versions that we do not may say so in one of them. */
function decodeError(body: Cursor, version: number, code: number): Pdu | PduFault {
  const cut = { code: undefined, why: "an error report that is cut" };
  if (body.left < 4) return cut;
  const aboutOctets = body.u32();
  if (aboutOctets > body.left) return cut;
  body.window(aboutOctets);
  if (body.left < 4) return cut;
  const textOctets = body.u32();
  if (textOctets > body.left) return cut;
  return { version: version === 0 ? 0 : 1, type: "error", code, text: textOf(body.copy(textOctets)) };
}

/** Some caches end their texts as C does. */
const textOf = (octets: Uint8Array): string =>
  parseUtf8(octets)?.replace(/\0+$/, "") ?? "(its text is not UTF-8)";
