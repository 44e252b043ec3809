/** The octets of BMP, version 3 (RFC 7854 §4): what a monitoring station is sent. */

import type { Address } from "../net/address.ts";
import { addressOctets } from "../net/text.ts";
import { OctetWriter } from "../wire/octet-writer.ts";
import { type BmpTable, TABLE_FLAGS } from "./tables.ts";

const VERSION = 3;

/** §4.1 */
export const BMP_TYPE = {
  routeMonitoring: 0,
  statistics: 1,
  peerDown: 2,
  peerUp: 3,
  initiation: 4,
  termination: 5,
  routeMirroring: 6,
} as const;

/** Version, length and type. */
const BMP_HEADER_OCTETS = 6;

/** §4.2: V, the address is one of IPv6; A, AS_PATH has AS numbers of two octets. */
const IPV6_FLAG = 0x80;
const TWO_OCTET_AS_FLAG = 0x20;

/** §4.2, RFC 9069 §4.1 */
export const PEER_TYPE = { globalInstance: 0, locRib: 3 } as const;

/** What the header of a message about one peer says (§4.2). */
export interface BmpPeer {
  readonly type: (typeof PEER_TYPE)[keyof typeof PEER_TYPE];
  /** Of the Loc-RIB, which is no peer: unspecified (RFC 9069 §5.1). */
  readonly address: Address;
  readonly asn: number;
  /** BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  /** AS numbers in its UPDATEs have four octets (RFC 6793). */
  readonly as4: boolean;
}

/** §4.9, in the words of a session that ended. */
export type BmpPeerDown =
  /** The whole NOTIFICATION, ours or theirs. */
  | { readonly by: "local" | "remote"; readonly notification: Uint8Array }
  /** An event of the state machine (RFC 4271 §8.1), 0 when none fits. */
  | { readonly by: "local"; readonly event: number }
  | { readonly by: "remote" }
  /** The session goes on, and is relayed no longer. */
  | { readonly by: "not-monitored" };

/** §4.8, RFC 8671 §6.2: gauges have 64 bits, counters 32. */
const STATISTICS = {
  adjRibIn: { type: 7, octets: 8 },
  locRib: { type: 8, octets: 8 },
  treatedAsWithdraw: { type: 11, octets: 4 },
  postPolicyAdjRibOut: { type: 15, octets: 8 },
} as const;

/** What is counted from the session's beginning, or is so now. */
export type BmpStatistics = Readonly<Partial<Record<keyof typeof STATISTICS, number>>>;

/** RFC 9069 §5.2.1: the name of the only Loc-RIB that there is. */
const TABLE_NAME = { type: 3, value: "global" } as const;

/** §4.3 */
export function initiation(system: { readonly name: string; readonly description: string }): Uint8Array {
  const body = new OctetWriter();
  putText(body, 1, system.description);
  putText(body, 2, system.name);
  return framed(BMP_TYPE.initiation, body);
}

/** §4.5, reason 0: administratively closed. */
export function termination(): Uint8Array {
  return framed(BMP_TYPE.termination, new OctetWriter().u16(1).u16(2).u16(0));
}

/** §4.10 @param opens - whole messages */
export function peerUp(
  peer: BmpPeer,
  atMs: number,
  session: {
    readonly local: Address;
    readonly localPort: number;
    readonly remotePort: number;
    readonly openSent: Uint8Array;
    readonly openReceived: Uint8Array;
  },
): Uint8Array {
  const body = perPeer(peer, atMs).bytes(wide(session.local)).u16(session.localPort).u16(session.remotePort);
  body.bytes(session.openSent).bytes(session.openReceived);
  if (peer.type === PEER_TYPE.locRib) putText(body, TABLE_NAME.type, TABLE_NAME.value);
  return framed(BMP_TYPE.peerUp, body);
}

/** §4.9 */
export function peerDown(peer: BmpPeer, atMs: number, why: BmpPeerDown): Uint8Array {
  const body = perPeer(peer, atMs);
  if ("notification" in why) body.u8(why.by === "local" ? 1 : 3).bytes(why.notification);
  else if ("event" in why) body.u8(2).u16(why.event);
  else body.u8(why.by === "remote" ? 4 : 5);
  return framed(BMP_TYPE.peerDown, body);
}

/** §4.6 @param update - a whole message, as the session would carry it */
export function routeMonitoring(
  peer: BmpPeer,
  table: BmpTable,
  atMs: number,
  update: Uint8Array,
): Uint8Array {
  return framed(BMP_TYPE.routeMonitoring, perPeer(peer, atMs, TABLE_FLAGS[table]).bytes(update));
}

/** §4.7: a message that had to be treated as a withdrawal. */
export function erroredMessage(peer: BmpPeer, atMs: number, message: Uint8Array): Uint8Array {
  // Information, Errored PDU; the message itself comes last.
  const body = perPeer(peer, atMs).u16(1).u16(2).u16(0);
  return framed(BMP_TYPE.routeMirroring, body.u16(0).u16(message.length).bytes(message));
}

/** §4.8 */
export function statistics(peer: BmpPeer, atMs: number, counts: BmpStatistics): Uint8Array {
  const given = Object.entries(STATISTICS).map(([name, facts]) => ({
    ...facts,
    count: counts[name as keyof typeof STATISTICS],
  }));
  const told = given.filter(({ count }) => count !== undefined);
  const body = perPeer(peer, atMs).u32(told.length);
  for (const { type, octets, count = 0 } of told) {
    body.u16(type).u16(octets);
    if (octets === 8) body.u32(0);
    body.u32(count);
  }
  return framed(BMP_TYPE.statistics, body);
}

/** @param atMs - milliseconds since 1970 */
function perPeer({ type, address, asn, routerId, as4 }: BmpPeer, atMs: number, tableFlags = 0): OctetWriter {
  const flags = (address.family === 6 ? IPV6_FLAG : 0) | (as4 ? 0 : TWO_OCTET_AS_FLAG) | tableFlags;
  // The global instance has no distinguisher.
  const out = new OctetWriter().u8(type).u8(flags).u32(0).u32(0).bytes(wide(address)).u32(asn).u32(routerId);
  return out.u32(Math.floor(atMs / 1000)).u32(Math.floor((atMs % 1000) * 1000));
}

/** 16 octets, in which an IPv4 address stands last (§4.2). */
function wide(address: Address): Uint8Array {
  const octets = new Uint8Array(16);
  const own = addressOctets(address);
  octets.set(own, 16 - own.length);
  return octets;
}

function putText(out: OctetWriter, type: number, text: string): void {
  const octets = new TextEncoder().encode(text).subarray(0, 0xffff);
  out.u16(type).u16(octets.length).bytes(octets);
}

function framed(type: number, body: OctetWriter): Uint8Array {
  return new OctetWriter()
    .u8(VERSION)
    .u32(body.count + BMP_HEADER_OCTETS)
    .u8(type)
    .bytes(body.done())
    .done();
}
