/** rtnetlink nexthops: from objects to messages and back. */

import type { Address, Family } from "../../bgp/net/address.ts";
import { addressAt, addressOctets } from "../../bgp/net/text.ts";
import { afOf, familyOf } from "../links.ts";
import { attributesIn, type Message, type MessageWriter, readU16, readU32 } from "../netlink/netlink.ts";
import type { NetlinkSocket } from "../netlink/netlink-socket.ts";

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
const RTM_GETNEXTHOP = 106;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_GROUP_TYPE = 3;
const NHA_BLACKHOLE = 4;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const NHA_RES_GROUP = 12;
const NHA_RES_GROUP_BUCKETS = 1;
const NHA_RES_GROUP_IDLE_TIMER = 2;
const GROUP_TYPE_RESILIENT = 1;
/** Of a resilient group. */
export const BUCKETS = 128;
const MESSAGE_OCTETS = 8;
const NO_OCTETS = new Uint8Array(0);

export type Nexthop = Single | Group;

export interface Single {
  readonly kind: "single";
  readonly family: Family;
  /** 0: packets are thrown away. */
  readonly oif: number;
  readonly gateway: Address | undefined;
}

export interface Group {
  readonly kind: "group";
  readonly members: readonly Member[];
  /** Of a resilient group; 0 in one that is shared. */
  readonly idleTicks: number | undefined;
}

/** A nexthop in a group, with its share of the flows beside the others', 1..256. */
export interface Member {
  readonly id: number;
  readonly weight: number;
}

/** A nexthop as the kernel tells of it. */
export interface Told {
  readonly id: number;
  readonly protocol: number;
  readonly nexthop: Nexthop;
}

/** All of this namespace; `again`: they are told once more from the first on. @throws SystemError */
export function dumpNexthops(socket: NetlinkSocket, each: (told: Told) => void, again: () => void): void {
  const refusal = socket.dump(
    RTM_GETNEXTHOP,
    (to) => {
      to.u32(0);
      to.u32(0);
    },
    (message) => {
      const told = nexthopIn(message);
      if (told !== undefined) each(told);
    },
    again,
  );
  if (refusal !== undefined) throw new Error(`nexthops cannot be read: ${refusal.message}`);
}

export const isNexthopEvent = ({ type }: Message): boolean =>
  type === RTM_NEWNEXTHOP || type === RTM_DELNEXTHOP;

export function writeNexthop(to: MessageWriter, { id, protocol, nexthop }: Told): void {
  to.u8(nexthop.kind === "single" ? afOf(nexthop.family) : 0);
  to.u8(0);
  to.u8(protocol);
  to.u8(0);
  to.u32(0);
  to.attributeU32(NHA_ID, id);
  if (nexthop.kind === "single") writeSingle(to, nexthop);
  else writeGroup(to, nexthop);
}

export function writeNexthopDeletion(to: MessageWriter, id: number): void {
  to.u32(0);
  to.u32(0);
  to.attributeU32(NHA_ID, id);
}

function writeSingle(to: MessageWriter, { oif, gateway }: Single): void {
  if (oif === 0) to.attributeOctets(NHA_BLACKHOLE, NO_OCTETS);
  else to.attributeU32(NHA_OIF, oif);
  if (gateway !== undefined) to.attributeOctets(NHA_GATEWAY, addressOctets(gateway));
}

function writeGroup(to: MessageWriter, { members, idleTicks }: Group): void {
  // struct nexthop_grp { u32 id; u8 weight (less one); u8; u16 }
  const entries = new Uint32Array(members.length * 2);
  const octets = new Uint8Array(entries.buffer);
  for (const [i, { id, weight }] of members.entries()) {
    entries[i * 2] = id;
    octets[i * 8 + 4] = weight - 1;
  }
  to.attributeOctets(NHA_GROUP, octets);
  if (idleTicks === undefined) return;
  to.attributeU16(NHA_GROUP_TYPE, GROUP_TYPE_RESILIENT);
  const nest = to.openNest(NHA_RES_GROUP);
  to.attributeU16(NHA_RES_GROUP_BUCKETS, BUCKETS);
  to.attributeU32(NHA_RES_GROUP_IDLE_TIMER, idleTicks);
  to.closeNest(nest);
}

/** Undefined for what is no nexthop, or one that no route can use. */
export function nexthopIn({ payload }: Message): Told | undefined {
  if (payload.length < MESSAGE_OCTETS) return undefined;
  const attributes = attributesIn(payload, MESSAGE_OCTETS);
  const id = attributes.get(NHA_ID);
  if (id === undefined) return undefined;
  const family = familyOf(payload[0]!) ?? 4;
  const group = attributes.get(NHA_GROUP);
  const oif = attributes.get(NHA_OIF);
  const gateway = attributes.get(NHA_GATEWAY);
  const nexthop: Nexthop =
    group === undefined
      ? {
          kind: "single",
          family,
          oif: oif === undefined ? 0 : readU32(oif, 0),
          gateway: gateway === undefined ? undefined : addressAt(gateway, 0, gateway.length === 4 ? 4 : 6),
        }
      : { kind: "group", members: membersIn(group), idleTicks: idleTicksIn(attributes) };
  return { id: readU32(id, 0), protocol: payload[2]!, nexthop };
}

function membersIn(group: Buffer): Member[] {
  const members: Member[] = [];
  for (let at = 0; at + 8 <= group.length; at += 8) {
    members.push({ id: readU32(group, at), weight: group[at + 4]! + 1 });
  }
  return members;
}

/** Undefined for a group that is not resilient. */
function idleTicksIn(attributes: Map<number, Buffer>): number | undefined {
  const type = attributes.get(NHA_GROUP_TYPE);
  if (type === undefined || readU16(type, 0) !== GROUP_TYPE_RESILIENT) return undefined;
  const settings = attributes.get(NHA_RES_GROUP);
  const idle = settings === undefined ? undefined : attributesIn(settings, 0).get(NHA_RES_GROUP_IDLE_TIMER);
  return idle === undefined ? 0 : readU32(idle, 0);
}
