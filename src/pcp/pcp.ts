/**
 * PCP on the wire (RFC 6887, version 2): what a request asks for, and the octets of its answer.
 *
 * An answer begins as a copy of its request (section 8.2): a client finds there what it asked for, and a fault needs no
 * more of a request than its header. IPv4 addresses stand in 16 octets as ::ffff:0:0/96 (section 5).
 */

import { type Address, ipv4 } from "../bgp/net/address.ts";

const PCP_VERSION = 2;

/** Section 7.4. */
export const RESULT = {
  success: 0,
  unsupportedVersion: 1,
  notAuthorized: 2,
  malformedRequest: 3,
  unsupportedOpcode: 4,
  unsupportedOption: 5,
  malformedOption: 6,
  networkFailure: 7,
  noResources: 8,
  unsupportedProtocol: 9,
  userExceededQuota: 10,
  cannotProvideExternal: 11,
  addressMismatch: 12,
} as const;
export type Result = keyof typeof RESULT;

export const TCP = 6;
export const UDP = 17;

/** A mapping that is asked for, or to be deleted. */
export interface MapRequest {
  readonly opcode: "map";
  readonly lifetimeSeconds: number;
  /** 12 octets in hexadecimal: who knows them owns the mapping. */
  readonly nonce: string;
  /** 0: all, with `internalPort` 0. */
  readonly protocol: number;
  /** 0: all. */
  readonly internalPort: number;
  /** 0: any. */
  readonly suggestedPort: number;
  /** Undefined: any, or none that is IPv4. */
  readonly suggestedAddress: Address | undefined;
  /** Rather none than another one than suggested (section 13.2). */
  readonly preferFailure: boolean;
}

export type PcpRequest = MapRequest | { readonly opcode: "announce" };

/** What a request asks for, or why it cannot be understood. Undefined: it deserves no answer. */
export type DecodedPcp =
  | { readonly client: Address | undefined; readonly request: PcpRequest }
  | { readonly fault: Result };

const HEADER_OCTETS = 24;
const MAP_OCTETS = 36;
/** Section 7: no message is longer. */
const MAX_OCTETS = 1100;
const RESPONSE_BIT = 0x80;
const OPCODE_ANNOUNCE = 0;
const OPCODE_MAP = 1;
const NONCE_OCTETS = 12;
const OPTION_PREFER_FAILURE = 2;
/** Options below need not be asked for twice: who does not know one refuses the request (section 7.3). */
const FIRST_OPTIONAL = 128;

/** What a request says, in the order of section 8.2. */
export function decodePcp(octets: Uint8Array): DecodedPcp | undefined {
  if (octets.length < 2 || (octets[1]! & RESPONSE_BIT) !== 0) return undefined;
  if (octets[0] !== PCP_VERSION) return { fault: "unsupportedVersion" };
  if (octets.length < HEADER_OCTETS || octets.length > MAX_OCTETS || octets.length % 4 !== 0)
    return { fault: "malformedRequest" };
  const view = viewOf(octets);
  const client = addressIn(view, 8);
  switch (octets[1]) {
    case OPCODE_ANNOUNCE:
      return decodeAnnounce(view, client);
    case OPCODE_MAP:
      return decodeMap(view, client);
    default:
      return { fault: "unsupportedOpcode" };
  }
}

function decodeAnnounce(view: DataView, client: Address | undefined): DecodedPcp {
  const options = decodeOptions(view, HEADER_OCTETS);
  if ("fault" in options) return options;
  // No option that must be understood is one of an announcement.
  return options.preferFailure ? { fault: "malformedOption" } : { client, request: { opcode: "announce" } };
}

function decodeMap(view: DataView, client: Address | undefined): DecodedPcp {
  if (view.byteLength < HEADER_OCTETS + MAP_OCTETS) return { fault: "malformedRequest" };
  const options = decodeOptions(view, HEADER_OCTETS + MAP_OCTETS);
  if ("fault" in options) return options;
  const at = HEADER_OCTETS;
  const protocol = view.getUint8(at + 12);
  const request: MapRequest = {
    opcode: "map",
    lifetimeSeconds: view.getUint32(4),
    nonce: hex(view, at, NONCE_OCTETS),
    protocol,
    // Section 11.1: with all protocols it means nothing.
    internalPort: protocol === 0 ? 0 : view.getUint16(at + 16),
    suggestedPort: view.getUint16(at + 18),
    suggestedAddress: addressIn(view, at + 20),
    preferFailure: options.preferFailure,
  };
  // Section 13.2: there is nothing to fail for, or nothing that is suggested.
  const senseless = request.lifetimeSeconds === 0 || request.suggestedPort === 0;
  return request.preferFailure && senseless ? { fault: "malformedOption" } : { client, request };
}

interface Options {
  readonly preferFailure: boolean;
}

/** Section 7.3. Every option is padded to four octets, and the length that it says is without that. */
function decodeOptions(view: DataView, from: number): Options | { readonly fault: Result } {
  let preferFailure = false;
  for (let at = from; at < view.byteLength; ) {
    const code = view.getUint8(at);
    const length = view.getUint16(at + 2);
    const end = at + 4 + 4 * Math.ceil(length / 4);
    if (end > view.byteLength) return { fault: "malformedOption" };
    if (code === OPTION_PREFER_FAILURE) {
      if (preferFailure || length !== 0) return { fault: "malformedOption" };
      preferFailure = true;
    } else if (code < FIRST_OPTIONAL) return { fault: "unsupportedOption" };
    at = end;
  }
  return { preferFailure };
}

/** What becomes of a request. */
export interface PcpAnswer {
  readonly result: Result;
  /** How long the mapping lives, or how long asking again is of no use. */
  readonly lifetimeSeconds: number;
  /** Since mappings were lost the last time (section 8.5). */
  readonly epochSeconds: number;
  /** Of a mapping that was made: what it is outside. */
  readonly external?: { readonly address: Address; readonly port: number };
}

/** The octets of an answer. @param request - as it came; of one that was too long, its beginning is returned */
export function encodePcp(
  request: Uint8Array,
  { result, lifetimeSeconds, epochSeconds, external }: PcpAnswer,
): Uint8Array {
  const known = result === "success" ? successOctets(request) : Math.min(request.length, MAX_OCTETS);
  const octets = new Uint8Array(Math.max(HEADER_OCTETS, 4 * Math.ceil(known / 4)));
  octets.set(request.subarray(0, known));
  const view = viewOf(octets);
  octets[0] = PCP_VERSION;
  octets[1] = (octets[1] ?? 0) | RESPONSE_BIT;
  octets[2] = 0;
  octets[3] = RESULT[result];
  view.setUint32(4, lifetimeSeconds);
  view.setUint32(8, epochSeconds);
  octets.fill(0, 12, HEADER_OCTETS);
  if (external !== undefined) {
    view.setUint16(HEADER_OCTETS + 18, external.port);
    writeAddress(view, HEADER_OCTETS + 20, external.address);
  }
  return octets;
}

/** Nobody asked: mappings were lost, and clients are to ask for theirs again (section 14.1.1). */
export const encodeAnnouncement = (epochSeconds: number): Uint8Array =>
  encodePcp(new Uint8Array([PCP_VERSION, OPCODE_ANNOUNCE]), {
    result: "success",
    lifetimeSeconds: 0,
    epochSeconds,
  });

/** Options that were not understood are left out of an answer (section 8.2), and so is what follows. */
function successOctets(request: Uint8Array): number {
  if (request[1] !== OPCODE_MAP) return HEADER_OCTETS;
  const behind = HEADER_OCTETS + MAP_OCTETS;
  const asks = request[behind] === OPTION_PREFER_FAILURE;
  return asks ? behind + 4 : behind;
}

const viewOf = (octets: Uint8Array): DataView =>
  new DataView(octets.buffer, octets.byteOffset, octets.byteLength);

/** The IPv4 address in 16 octets; undefined: it is none, or 0.0.0.0. */
function addressIn(view: DataView, at: number): Address | undefined {
  const isMapped =
    view.getUint32(at) === 0 && view.getUint32(at + 4) === 0 && view.getUint32(at + 8) === 0xffff;
  const word = view.getUint32(at + 12);
  return isMapped && word !== 0 ? ipv4(word) : undefined;
}

function writeAddress(view: DataView, at: number, { w0 }: Address): void {
  view.setUint32(at, 0);
  view.setUint32(at + 4, 0);
  view.setUint32(at + 8, 0xffff);
  view.setUint32(at + 12, w0);
}

function hex(view: DataView, at: number, octets: number): string {
  let text = "";
  for (let i = 0; i < octets; i++)
    text += view
      .getUint8(at + i)
      .toString(16)
      .padStart(2, "0");
  return text;
}
