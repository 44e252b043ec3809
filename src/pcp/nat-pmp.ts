/** NAT-PMP on the wire (RFC 6886), the forerunner of PCP on the same port, which many hosts speak alone. */

import type { Address } from "../bgp/net/address.ts";
import { TCP, UDP } from "./pcp.ts";

export const NAT_PMP_VERSION = 0;

/** Section 3.5. */
const NAT_PMP_RESULT = {
  success: 0,
  unsupportedVersion: 1,
  notAuthorized: 2,
  networkFailure: 3,
  outOfResources: 4,
  unsupportedOpcode: 5,
} as const;
export type NatPmpResult = keyof typeof NAT_PMP_RESULT;

export interface NatPmpMapRequest {
  readonly opcode: "map";
  readonly protocol: typeof TCP | typeof UDP;
  /** 0, with lifetime 0: all. */
  readonly internalPort: number;
  /** 0: any. */
  readonly suggestedPort: number;
  /** 0: it is to be deleted. */
  readonly lifetimeSeconds: number;
}

export type NatPmpRequest =
  | NatPmpMapRequest
  | { readonly opcode: "address" }
  | { readonly opcode: "unsupported" };

const RESPONSE_BIT = 0x80;
const MAP_OCTETS = 12;

/** Undefined: it deserves no answer. */
export function decodeNatPmp(octets: Uint8Array): NatPmpRequest | undefined {
  const [version, opcode] = octets;
  if (version !== NAT_PMP_VERSION || opcode === undefined || (opcode & RESPONSE_BIT) !== 0) return undefined;
  if (opcode === 0) return { opcode: "address" };
  if (opcode > 2) return { opcode: "unsupported" };
  if (octets.length < MAP_OCTETS) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return {
    opcode: "map",
    protocol: opcode === 1 ? UDP : TCP,
    internalPort: view.getUint16(4),
    suggestedPort: view.getUint16(6),
    lifetimeSeconds: view.getUint32(8),
  };
}

export interface NatPmpAnswer {
  readonly result: NatPmpResult;
  readonly epochSeconds: number;
  /** What the client looks like outside; undefined: it is not known. */
  readonly address?: Address;
  /** Of a mapping: its external port and how long it lives. */
  readonly mapped?: { readonly port: number; readonly lifetimeSeconds: number };
}

/** The octets of an answer. @param request - as it came, with two octets at least */
export function encodeNatPmp(request: Uint8Array, answer: NatPmpAnswer): Uint8Array {
  const opcode = request[1]!;
  // Section 3.5: of an operation that is not known there is nothing behind the time.
  const octets = new Uint8Array(opcode === 0 ? 12 : opcode <= 2 ? 16 : 8);
  const view = new DataView(octets.buffer);
  octets[1] = opcode | RESPONSE_BIT;
  view.setUint16(2, NAT_PMP_RESULT[answer.result]);
  view.setUint32(4, answer.epochSeconds);
  if (opcode === 0) view.setUint32(8, answer.address?.w0 ?? 0);
  else if (opcode <= 2) {
    octets.set(request.subarray(4, 6), 8);
    view.setUint16(10, answer.mapped?.port ?? 0);
    view.setUint32(12, answer.mapped?.lifetimeSeconds ?? 0);
  }
  return octets;
}
