/** BFD Control packets, version 1, without authentication (RFC 5880 §4.1). */

import { Cursor } from "../wire/cursor.ts";

/** UDP port that control packets go to (RFC 5881 §4). */
export const BFD_PORT = 3784;

/** By their number on the wire. */
const STATES = ["admin-down", "down", "init", "up"] as const;
export type BfdState = (typeof STATES)[number];

export interface BfdPacket {
  /** Why the sender's session left Up the last time (RFC 5880 §4.1, Diag). */
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  /** C: the sender's BFD goes on when its control plane does not. */
  readonly independent: boolean;
  /** D: the sender is in Demand mode. */
  readonly demand: boolean;
  /** 1..255 */
  readonly multiplier: number;
  /** Unsigned 32-bit, not zero. */
  readonly myDiscriminator: number;
  /** Zero: the sender does not know ours. */
  readonly yourDiscriminator: number;
  /** Microseconds, unsigned 32-bit. */
  readonly desiredMinTxUs: number;
  /** Zero: the sender wants no periodic packets. */
  readonly requiredMinRxUs: number;
}

const LENGTH = 24;
const VERSION = 1;
const FLAG = {
  poll: 0x20,
  final: 0x10,
  independent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
};

/** Undefined: to be discarded, for one of the reasons of RFC 5880 §6.8.6 that need no session. */
export function decodeBfd(octets: Uint8Array): BfdPacket | undefined {
  if (octets.length < LENGTH) return undefined;
  const cursor = new Cursor(octets);
  const [first, flags, multiplier, length] = [cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8()];
  if (first >>> 5 !== VERSION || length < LENGTH || length > octets.length || multiplier === 0)
    return undefined;
  // "If the A bit is set and no authentication is in use, the packet MUST be discarded"; the M bit must be zero.
  if ((flags & (FLAG.authentication | FLAG.multipoint)) !== 0) return undefined;
  const packet: BfdPacket = {
    diagnostic: first & 0x1f,
    state: STATES[flags >>> 6]!,
    poll: (flags & FLAG.poll) !== 0,
    final: (flags & FLAG.final) !== 0,
    independent: (flags & FLAG.independent) !== 0,
    demand: (flags & FLAG.demand) !== 0,
    multiplier,
    myDiscriminator: cursor.u32(),
    yourDiscriminator: cursor.u32(),
    desiredMinTxUs: cursor.u32(),
    requiredMinRxUs: cursor.u32(),
  };
  if (packet.myDiscriminator === 0) return undefined;
  const strange = packet.yourDiscriminator === 0 && (packet.state === "init" || packet.state === "up");
  return strange ? undefined : packet;
}

/** Required Min Echo RX Interval is zero: we echo nothing. */
export function encodeBfd(packet: BfdPacket): Uint8Array {
  const octets = new Uint8Array(LENGTH);
  const view = new DataView(octets.buffer);
  view.setUint8(0, (VERSION << 5) | packet.diagnostic);
  view.setUint8(
    1,
    (STATES.indexOf(packet.state) << 6) |
      (packet.poll ? FLAG.poll : 0) |
      (packet.final ? FLAG.final : 0) |
      (packet.independent ? FLAG.independent : 0) |
      (packet.demand ? FLAG.demand : 0),
  );
  view.setUint8(2, packet.multiplier);
  view.setUint8(3, LENGTH);
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxUs);
  view.setUint32(16, packet.requiredMinRxUs);
  return octets;
}
