/** The octets of one record of an MRT file (RFC 6396) to {@link MrtRecord}. Files are as hostile as peers. */

import { type Family, type Prefix, prefixOf, widthOf } from "../net/address.ts";
import { addressAt } from "../net/text.ts";
import { Cursor } from "../wire/cursor.ts";
import { familyOf } from "../wire/messages.ts";
import {
  MESSAGE_SUBTYPE,
  MRT_HEADER_OCTETS,
  MRT_TYPE,
  type MrtFault,
  type MrtPeer,
  type MrtRecord,
  type MrtTime,
  type PeerIndexTable,
  type RibEntry,
  type RibRecord,
  TABLE_SUBTYPE,
} from "./record.ts";

type Body = MrtRecord extends infer R ? (R extends MrtTime ? Omit<R, keyof MrtTime> : never) : never;

/** Octets of the least that a peer, and an entry of a RIB, can have. */
const LEAST_PEER_OCTETS = 11;
const LEAST_ENTRY_OCTETS = 8;

/** Decodes one whole record, header included. Never throws for what a file holds. */
export function decodeRecord(octets: Uint8Array): MrtRecord | MrtFault {
  const cursor = new Cursor(octets);
  if (cursor.left < MRT_HEADER_OCTETS) return fault(NO_TIME, "header is cut");
  const seconds = cursor.u32();
  const type = cursor.u16();
  const subtype = cursor.u16();
  const length = cursor.u32();
  if (length !== cursor.left) return fault({ ...NO_TIME, seconds }, `${length} octets, ${cursor.left} there`);
  if (type !== MRT_TYPE.bgp4mpEt)
    return finished({ seconds, microseconds: undefined }, type, subtype, cursor);
  if (cursor.left < 4) return fault({ ...NO_TIME, seconds }, "microseconds are cut");
  return finished({ seconds, microseconds: cursor.u32() }, type, subtype, cursor);
}

const NO_TIME: MrtTime = { seconds: 0, microseconds: undefined };

const fault = (time: MrtTime, why: string): MrtFault => ({ ...time, is: "malformed", why });

function finished(time: MrtTime, type: number, subtype: number, cursor: Cursor): MrtRecord | MrtFault {
  const body = bodyOf(type, subtype, cursor);
  return typeof body === "string" ? fault(time, body) : ({ ...time, ...body } as MrtRecord);
}

/** A text says what is wrong. */
function bodyOf(type: number, subtype: number, cursor: Cursor): Body | string {
  if (type === MRT_TYPE.tableDumpV2) return tableBody(type, subtype, cursor);
  if (type === MRT_TYPE.bgp4mp || type === MRT_TYPE.bgp4mpEt) return messageBody(type, subtype, cursor);
  return unknown(type, subtype, cursor);
}

/** The types with microseconds are their plain ones once these are read, and are written as such. */
const unknown = (type: number, subtype: number, cursor: Cursor): Body => ({
  is: "unknown",
  type,
  subtype,
  body: cursor.copy(),
});

function tableBody(type: number, subtype: number, cursor: Cursor): Body | string {
  switch (subtype) {
    case TABLE_SUBTYPE.peerIndexTable:
      return peerIndexTable(cursor);
    case TABLE_SUBTYPE.ipv4:
    case TABLE_SUBTYPE.ipv4AddPath:
      return rib(cursor, 4, subtype === TABLE_SUBTYPE.ipv4AddPath);
    case TABLE_SUBTYPE.ipv6:
    case TABLE_SUBTYPE.ipv6AddPath:
      return rib(cursor, 6, subtype === TABLE_SUBTYPE.ipv6AddPath);
    default:
      return unknown(type, subtype, cursor);
  }
}

function peerIndexTable(cursor: Cursor): PeerIndexTable | string {
  if (cursor.left < 6) return "peer index table is cut";
  const collectorId = cursor.u32();
  const nameOctets = cursor.u16();
  if (cursor.left < nameOctets + 2) return "view name is cut";
  const viewName = new TextDecoder().decode(cursor.copy(nameOctets));
  const count = cursor.u16();
  // Nothing is made for a count that the octets cannot hold.
  if (count * LEAST_PEER_OCTETS > cursor.left) return `${count} peers in ${cursor.left} octets`;
  const peers: MrtPeer[] = [];
  for (let i = 0; i < count; i++) {
    const peer = peerOf(cursor);
    if (peer === undefined) return `peer ${i} is cut`;
    peers.push(peer);
  }
  return cursor.left > 0
    ? "octets after the last peer"
    : { is: "peer-index-table", collectorId, viewName, peers };
}

function peerOf(cursor: Cursor): MrtPeer | undefined {
  if (cursor.left < 1) return undefined;
  const type = cursor.u8();
  const family = (type & 1) === 0 ? 4 : 6;
  const as4 = (type & 2) !== 0;
  if (cursor.left < 4 + widthOf(family) / 8 + (as4 ? 4 : 2)) return undefined;
  const routerId = cursor.u32();
  const address = addressAt(cursor.copy(widthOf(family) / 8), 0, family);
  return { routerId, address, asn: as4 ? cursor.u32() : cursor.u16() };
}

function rib(cursor: Cursor, family: Family, addPath: boolean): RibRecord | string {
  if (cursor.left < 5) return "RIB is cut";
  const sequence = cursor.u32();
  const prefix = prefixAt(cursor, family);
  if (prefix === undefined || cursor.left < 2) return "prefix is cut or too long";
  const count = cursor.u16();
  if (count * LEAST_ENTRY_OCTETS > cursor.left) return `${count} paths in ${cursor.left} octets`;
  const entries: RibEntry[] = [];
  for (let i = 0; i < count; i++) {
    const entry = entryOf(cursor, addPath);
    if (entry === undefined) return `path ${i} is cut`;
    entries.push(entry);
  }
  return cursor.left > 0 ? "octets after the last path" : { is: "rib", sequence, prefix, addPath, entries };
}

function prefixAt(cursor: Cursor, family: Family): Prefix | undefined {
  const length = cursor.u8();
  const octets = (length + 7) >> 3;
  if (length > widthOf(family) || octets > cursor.left) return undefined;
  const whole = new Uint8Array(widthOf(family) / 8);
  whole.set(cursor.copy(octets));
  return prefixOf(addressAt(whole, 0, family), length);
}

function entryOf(cursor: Cursor, addPath: boolean): RibEntry | undefined {
  if (cursor.left < (addPath ? 12 : 8)) return undefined;
  const peer = cursor.u16();
  const originatedSeconds = cursor.u32();
  const pathId = addPath ? cursor.u32() : 0;
  const octets = cursor.u16();
  if (octets > cursor.left) return undefined;
  return { peer, originatedSeconds, pathId, attributes: cursor.copy(octets) };
}

function messageBody(type: number, subtype: number, cursor: Cursor): Body | string {
  const shape = SHAPES.get(subtype);
  if (shape === undefined) return unknown(type, subtype, cursor);
  const { as4, addPath, states } = shape;
  if (cursor.left < (as4 ? 12 : 8)) return "session is cut";
  const peerAsn = as4 ? cursor.u32() : cursor.u16();
  const localAsn = as4 ? cursor.u32() : cursor.u16();
  const interfaceIndex = cursor.u16();
  const afi = cursor.u16();
  const family = familyOf(afi, 1);
  if (family === undefined) return `address family ${afi}`;
  const octets = widthOf(family) / 8;
  if (cursor.left < 2 * octets + (states ? 4 : 0)) return "addresses are cut";
  const peer = addressAt(cursor.copy(octets), 0, family);
  const local = addressAt(cursor.copy(octets), 0, family);
  const session = { peerAsn, localAsn, interfaceIndex, peer, local, as4 };
  if (!states) return { is: "message", ...session, addPath, message: cursor.copy() };
  const [before, after] = [cursor.u16(), cursor.u16()];
  return cursor.left > 0 ? "octets after the states" : { is: "state-change", ...session, before, after };
}

interface Shape {
  readonly as4: boolean;
  readonly addPath: boolean;
  /** Two states instead of a message. */
  readonly states: boolean;
}

const SHAPES: ReadonlyMap<number, Shape> = new Map([
  [MESSAGE_SUBTYPE.stateChange, { as4: false, addPath: false, states: true }],
  [MESSAGE_SUBTYPE.stateChangeAs4, { as4: true, addPath: false, states: true }],
  [MESSAGE_SUBTYPE.message, { as4: false, addPath: false, states: false }],
  [MESSAGE_SUBTYPE.messageAs4, { as4: true, addPath: false, states: false }],
  [MESSAGE_SUBTYPE.messageAddPath, { as4: false, addPath: true, states: false }],
  [MESSAGE_SUBTYPE.messageAs4AddPath, { as4: true, addPath: true, states: false }],
]);
