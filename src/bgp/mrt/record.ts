/**
 * Records of an MRT file (RFC 6396, RFC 8050) as values. A table is one peer index, then a record per prefix whose
 * paths name peers by their place in it; a log of updates is whole BGP messages and changes of state, each with its
 * session.
 */

import type { Address, Prefix } from "../net/address.ts";

/** Seconds since 1970; microseconds only where the file has them (the _ET types, RFC 6396 §3). */
export interface MrtTime {
  readonly seconds: number;
  readonly microseconds: number | undefined;
}

export type MrtRecord = MrtTime & (PeerIndexTable | RibRecord | MessageRecord | StateChange | UnknownRecord);

/** RFC 6396 §4.3.1. */
export interface PeerIndexTable {
  readonly is: "peer-index-table";
  /** A BGP identifier, unsigned 32-bit, as in {@link MrtPeer}. */
  readonly collectorId: number;
  readonly viewName: string;
  readonly peers: readonly MrtPeer[];
}

export interface MrtPeer {
  readonly routerId: number;
  readonly address: Address;
  readonly asn: number;
}

/** RFC 6396 §4.3.2: the paths of one prefix. */
export interface RibRecord {
  readonly is: "rib";
  readonly sequence: number;
  readonly prefix: Prefix;
  /** Paths have identifiers (RFC 8050 §4). */
  readonly addPath: boolean;
  readonly entries: readonly RibEntry[];
}

export interface RibEntry {
  /** Place in the peer index table. */
  readonly peer: number;
  readonly originatedSeconds: number;
  /** 0 without ADD-PATH. */
  readonly pathId: number;
  /** AS numbers of four octets; MP_REACH_NLRI is its next hop alone (RFC 6396 §4.3.4). */
  readonly attributes: Uint8Array;
}

/** What messages and changes of state say of their session (RFC 6396 §4.4). */
interface Session {
  readonly peerAsn: number;
  readonly localAsn: number;
  readonly interfaceIndex: number;
  readonly peer: Address;
  readonly local: Address;
  /** AS numbers here, and in the UPDATEs, have four octets. */
  readonly as4: boolean;
}

/** RFC 6396 §4.4.3. */
export interface MessageRecord extends Session {
  readonly is: "message";
  /** The prefixes of UPDATEs have path identifiers (RFC 8050 §3). */
  readonly addPath: boolean;
  /** With its header; as the file has it, so perhaps no message at all. */
  readonly message: Uint8Array;
}

/** RFC 6396 §4.4.4: states are 1 Idle to 6 Established. */
export interface StateChange extends Session {
  readonly is: "state-change";
  readonly before: number;
  readonly after: number;
}

/** Of a type that is not read. */
export interface UnknownRecord {
  readonly is: "unknown";
  readonly type: number;
  readonly subtype: number;
  readonly body: Uint8Array;
}

/** A record that does not hold what its type says. */
export interface MrtFault extends MrtTime {
  readonly is: "malformed";
  readonly why: string;
}

export const MRT_TYPE = { tableDumpV2: 13, bgp4mp: 16, bgp4mpEt: 17 } as const;

/** Subtypes of TABLE_DUMP_V2; the last two are RFC 8050 §4. */
export const TABLE_SUBTYPE = {
  peerIndexTable: 1,
  ipv4: 2,
  ipv6: 4,
  ipv4AddPath: 8,
  ipv6AddPath: 10,
} as const;

/** Subtypes of BGP4MP; the last two are RFC 8050 §3. */
export const MESSAGE_SUBTYPE = {
  stateChange: 0,
  message: 1,
  messageAs4: 4,
  stateChangeAs4: 5,
  messageAddPath: 8,
  messageAs4AddPath: 9,
} as const;

/** Octets of the header: time, type, subtype, length (RFC 6396 §2). */
export const MRT_HEADER_OCTETS = 12;
