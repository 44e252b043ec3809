/** {@link MrtRecord} to the octets of a file (RFC 6396). */

import type { Address, Prefix } from "../net/address.ts";
import { addressOctets } from "../net/text.ts";
import { afiSafiOf } from "../wire/messages.ts";
import { OctetWriter } from "../wire/octet-writer.ts";
import {
  MESSAGE_SUBTYPE,
  type MessageRecord,
  MRT_TYPE,
  type MrtRecord,
  type PeerIndexTable,
  type RibRecord,
  type StateChange,
  TABLE_SUBTYPE,
} from "./record.ts";

/** Bits of a peer's type (RFC 6396 §4.3.1). */
const PEER_IPV6 = 1;
const PEER_AS4 = 2;

/** One record, header included. @throws RangeError when a list or text is longer than its length field can say */
export function encodeRecord(record: MrtRecord): Uint8Array {
  const [type, subtype, body] = encoded(record);
  const { seconds, microseconds } = record;
  const out = new OctetWriter().u32(seconds).u16(type).u16(subtype);
  // The _ET types count the microseconds as part of the body (RFC 6396 §3).
  if (type === MRT_TYPE.bgp4mpEt) out.u32(body.length + 4).u32(microseconds ?? 0);
  else out.u32(body.length);
  return out.bytes(body).done();
}

function encoded(record: MrtRecord): readonly [type: number, subtype: number, body: Uint8Array] {
  const messages = record.microseconds === undefined ? MRT_TYPE.bgp4mp : MRT_TYPE.bgp4mpEt;
  switch (record.is) {
    case "peer-index-table":
      return [MRT_TYPE.tableDumpV2, TABLE_SUBTYPE.peerIndexTable, peerIndexTable(record)];
    case "rib":
      return [MRT_TYPE.tableDumpV2, ribSubtype(record), rib(record)];
    case "message":
      return [messages, messageSubtype(record), session(record).bytes(record.message).done()];
    case "state-change": {
      const subtype = record.as4 ? MESSAGE_SUBTYPE.stateChangeAs4 : MESSAGE_SUBTYPE.stateChange;
      return [messages, subtype, session(record).u16(record.before).u16(record.after).done()];
    }
    case "unknown":
      return [record.type, record.subtype, record.body];
  }
}

function peerIndexTable({ collectorId, viewName, peers }: PeerIndexTable): Uint8Array {
  const name = new TextEncoder().encode(viewName);
  const out = new OctetWriter().u32(collectorId).u16(counted(name.length)).bytes(name);
  out.u16(counted(peers.length));
  for (const { routerId, address, asn } of peers) {
    out.u8(PEER_AS4 + (address.family === 6 ? PEER_IPV6 : 0)).u32(routerId);
    out.bytes(addressOctets(address)).u32(asn);
  }
  return out.done();
}

function rib({ sequence, prefix, addPath, entries }: RibRecord): Uint8Array {
  const out = new OctetWriter().u32(sequence).u8(prefix.length).bytes(prefixOctets(prefix));
  out.u16(counted(entries.length));
  for (const { peer, originatedSeconds, pathId, attributes } of entries) {
    out.u16(peer).u32(originatedSeconds);
    if (addPath) out.u32(pathId);
    out.u16(counted(attributes.length)).bytes(attributes);
  }
  return out.done();
}

function ribSubtype({ prefix, addPath }: RibRecord): number {
  if (prefix.family === 4) return addPath ? TABLE_SUBTYPE.ipv4AddPath : TABLE_SUBTYPE.ipv4;
  return addPath ? TABLE_SUBTYPE.ipv6AddPath : TABLE_SUBTYPE.ipv6;
}

function messageSubtype({ as4, addPath }: MessageRecord): number {
  if (as4) return addPath ? MESSAGE_SUBTYPE.messageAs4AddPath : MESSAGE_SUBTYPE.messageAs4;
  return addPath ? MESSAGE_SUBTYPE.messageAddPath : MESSAGE_SUBTYPE.message;
}

function session(record: MessageRecord | StateChange): OctetWriter {
  const { peerAsn, localAsn, interfaceIndex, peer, local, as4 } = record;
  const out = new OctetWriter();
  for (const asn of [peerAsn, localAsn]) {
    if (as4) out.u32(asn);
    else out.u16(asn);
  }
  out.u16(interfaceIndex).u16(afiSafiOf(peer.family).afi);
  for (const address of [peer, local] satisfies Address[]) out.bytes(addressOctets(address));
  return out;
}

const prefixOctets = (prefix: Prefix): Uint8Array =>
  addressOctets(prefix).subarray(0, (prefix.length + 7) >> 3);

function counted(count: number): number {
  if (count > 0xffff) throw new RangeError(`${count} do not fit into two octets`);
  return count;
}
