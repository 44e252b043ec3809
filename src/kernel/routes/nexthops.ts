/**
 * Kernel nexthop objects: one per gateway and interface; groups of them, shared by all routes that lead to the same ones;
 * and resilient groups, each of one route alone, so that its members can change in place under the same id and the flows
 * of the members that stay are not moved.
 *
 * A route points at a group also where there is one next hop: what is in a group can be changed to anything else under
 * the same id, and with it, by one message, where a million routes lead to. So there may be several groups alike. New
 * routes take the one that has been so for longest.
 *
 * In a resilient group every next hop stands twice, as two objects. The kernel does not look into a group of one
 * entry, so it would not note which buckets carry flows while a service has one member left, and would take them
 * away from it at once when another comes back.
 *
 * What is ours bears our rtnetlink protocol number. Ids come from a range of a million that begins with it
 * (86 000 001, ...). Nothing is remembered but in the kernel: after a restart the dump says what is there.
 */

import type { Address, Family } from "../../bgp/net/address.ts";
import { addressAt, addressOctets, formatAddress } from "../../bgp/net/text.ts";
import { afOf, familyOf } from "../links.ts";
import {
  attributesIn,
  type Message,
  type MessageWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  readU16,
  readU32,
} from "../netlink/netlink.ts";
import type { NetlinkSocket, Refusal } from "../netlink/netlink-socket.ts";

const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
const RTM_GETNEXTHOP = 106;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_GROUP_TYPE = 3;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const NHA_RES_GROUP = 12;
const NHA_RES_GROUP_BUCKETS = 1;
const NHA_RES_GROUP_IDLE_TIMER = 2;
const GROUP_TYPE_RESILIENT = 1;
const BUCKETS = 128;
const MESSAGE_OCTETS = 8;
const ENOENT = 2;
const EEXIST = 17;
const IDS = 1_000_000;

export type Nexthop =
  | {
      readonly kind: "single";
      readonly family: Family;
      readonly oif: number;
      readonly gateway: Address | undefined;
    }
  | { readonly kind: "group"; readonly members: readonly Member[]; readonly idleTicks: number | undefined };

/** A nexthop in a group, with its share of the flows beside the others', 1..256. */
export interface Member {
  readonly id: number;
  readonly weight: number;
}

/** A gateway on a link, with its share. */
export interface WeighedHop {
  readonly gateway: Address;
  readonly oif: number;
  readonly weight: number;
}

/** A nexthop as the kernel tells of it. */
interface Told {
  readonly id: number;
  readonly protocol: number;
  readonly nexthop: Nexthop;
}

export class Nexthops {
  readonly #socket: NetlinkSocket;
  readonly #protocol: number;
  /** In the kernel's unit, hundredths of a second. */
  readonly #idleTicks: number;
  /** All of this namespace: foreign ones too, since a route of ours may name one. */
  #byId = new Map<number, Nexthop>();
  /** Ours only: how many routes and groups point to each. */
  #uses = new Map<number, number>();
  #idByKey = new Map<string, number>();
  /** The second object of a next hop, for resilient groups. */
  #twinByKey = new Map<string, number>();
  readonly #idle = new Set<number>();
  #nextId: number;

  constructor(socket: NetlinkSocket, protocol: number, anycastIdleMs: number) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#idleTicks = Math.round(anycastIdleMs / 10);
    this.#nextId = protocol * IDS + 1;
  }

  get(id: number): Nexthop | undefined {
    return this.#byId.get(id);
  }

  /** Reads everything anew; nothing counts as used until {@link hold}. @throws SystemError */
  load(): void {
    const clear = (): void => {
      this.#byId = new Map();
      this.#uses = new Map();
      this.#idByKey = new Map();
      this.#twinByKey = new Map();
      this.#idle.clear();
    };
    clear();
    dumpNexthops(this.#socket, (told) => this.#know(told), clear);
    for (const [id, nexthop] of this.#byId) {
      if (this.#uses.has(id)) this.#index(id, nexthop);
      if (nexthop.kind === "group" && this.#uses.has(id))
        for (const { id: member } of nexthop.members) this.hold(member);
    }
    this.#nextId = this.#protocol * IDS + 1;
  }

  /** The id of the nexthop through this gateway, or of the link itself without one; `twin`: of its second object. */
  single(family: Family, oif: number, gateway: Address | undefined, twin: boolean): number | Refusal {
    const nexthop: Nexthop = { kind: "single", family: gateway?.family ?? family, oif, gateway };
    const idByKey = twin ? this.#twinByKey : this.#idByKey;
    return idByKey.get(keyOfSingle(nexthop)) ?? this.#create(nexthop);
  }

  /** The id of the group of these members, which all routes with the same ones share. */
  shared(members: readonly Member[]): number | Refusal {
    const nexthop: Nexthop = { kind: "group", members, idleTicks: undefined };
    return this.#idByKey.get(this.#keyOf(nexthop)!) ?? this.#create(nexthop);
  }

  /** Every shared group of ours that leads to just these. */
  groupsOf(hops: readonly WeighedHop[]): number[] {
    const wanted = groupKey(
      hops.map((hop) => [keyOfSingle({ kind: "single", family: 4, ...hop }), hop.weight]),
    );
    const found: number[] = [];
    for (const id of this.#uses.keys()) {
      const nexthop = this.#byId.get(id)!;
      if (nexthop.kind === "group" && this.#keyOf(nexthop) === wanted) found.push(id);
    }
    return found;
  }

  /** Puts other members into a shared group, for all routes at once. Undefined when the kernel did it. */
  change(id: number, members: readonly Member[]): Refusal | undefined {
    const before = this.#byId.get(id);
    if (before?.kind !== "group") return { errno: ENOENT, message: `nexthop ${id} is no group` };
    const wanted: Nexthop = { kind: "group", members, idleTicks: before.idleTicks };
    const refusal = this.#send(id, wanted, NLM_F_REPLACE);
    if (refusal !== undefined) return refusal;
    this.#forget(id, before);
    for (const { id: member } of members) this.hold(member);
    for (const { id: member } of before.members) this.drop(member);
    this.#byId.set(id, wanted);
    this.#index(id, wanted);
    return undefined;
  }

  /**
   * The id of a resilient group for one route. `current` is the nexthop of that route: when it is such a group, of
   * no other route, it is changed in place.
   */
  resilient(current: number | undefined, members: readonly Member[]): number | Refusal {
    const wanted: Nexthop = { kind: "group", members, idleTicks: this.#idleTicks };
    const present = current === undefined ? undefined : this.#byId.get(current);
    if (current === undefined || present?.kind !== "group" || present.idleTicks === undefined)
      return this.#create(wanted);
    if (this.#uses.get(current) !== 1) return this.#create(wanted);
    if (present.idleTicks === wanted.idleTicks && sameMembers(present.members, members)) return current;
    return this.change(current, members) ?? current;
  }

  /** Counts more users. Nexthops that are not ours are not counted. */
  hold(id: number, users = 1): void {
    const uses = this.#uses.get(id);
    if (uses === undefined || users === 0) return;
    this.#uses.set(id, uses + users);
    this.#idle.delete(id);
  }

  drop(id: number): void {
    const uses = this.#uses.get(id);
    if (uses === undefined) return;
    this.#uses.set(id, uses - 1);
    if (uses === 1) this.#idle.add(id);
  }

  /** Removes what nothing points to any more. */
  collect(): void {
    // Removing a group may leave members idle, which the set then holds too.
    for (const id of this.#idle) {
      const nexthop = this.#byId.get(id)!;
      this.#socket.request(RTM_DELNEXTHOP, 0, (to) => {
        to.u32(0);
        to.u32(0);
        to.attributeU32(NHA_ID, id);
      });
      this.#idle.delete(id);
      this.#uses.delete(id);
      this.#forget(id, nexthop);
      this.#byId.delete(id);
      if (nexthop.kind === "group") for (const member of nexthop.members) this.drop(member.id);
      // The lowest free id is used again, so that their number, and what is kept by id, stays small.
      this.#nextId = Math.min(this.#nextId, id);
    }
  }

  /** Whether one of ours goes out of this link. */
  useLink(index: number): boolean {
    for (const id of this.#uses.keys()) {
      const nexthop = this.#byId.get(id);
      if (nexthop?.kind === "single" && nexthop.oif === index) return true;
    }
    return false;
  }

  /** Whether an event tells of one of ours. */
  concerns(message: Message): boolean {
    if (!isNexthopEvent(message)) return false;
    const told = nexthopIn(message);
    return told !== undefined && (told.protocol === this.#protocol || this.#uses.has(told.id));
  }

  #know({ id, protocol, nexthop }: Told): void {
    this.#byId.set(id, nexthop);
    if (protocol !== this.#protocol) return;
    this.#uses.set(id, 0);
    this.#idle.add(id);
  }

  /** Lets it be found. Of several alike the first is; of next hops the second too, as the twin. */
  #index(id: number, nexthop: Nexthop): void {
    const key = this.#keyOf(nexthop);
    if (key === undefined) return;
    if (!this.#idByKey.has(key)) this.#idByKey.set(key, id);
    else if (nexthop.kind === "single" && !this.#twinByKey.has(key)) this.#twinByKey.set(key, id);
  }

  #forget(id: number, nexthop: Nexthop): void {
    const key = this.#keyOf(nexthop);
    if (key === undefined) return;
    for (const idByKey of [this.#idByKey, this.#twinByKey]) if (idByKey.get(key) === id) idByKey.delete(key);
  }

  /** What objects are found by; undefined for resilient groups, which are never shared. */
  #keyOf(nexthop: Nexthop): string | undefined {
    if (nexthop.kind === "single") return keyOfSingle(nexthop);
    if (nexthop.idleTicks !== undefined) return undefined;
    return groupKey(
      nexthop.members.map(({ id, weight }) => {
        const member = this.#byId.get(id);
        return [member?.kind === "single" ? keyOfSingle(member) : `${id}`, weight];
      }),
    );
  }

  #create(nexthop: Nexthop): number | Refusal {
    const first = this.#protocol * IDS + 1;
    for (let tried = 0; tried < IDS; tried++) {
      const id = this.#nextId;
      this.#nextId = id + 1 < first + IDS - 1 ? id + 1 : first;
      if (this.#byId.has(id)) continue;
      const refusal = this.#send(id, nexthop, NLM_F_CREATE | NLM_F_EXCL);
      // Somebody else took this id since the last dump.
      if (refusal?.errno === EEXIST) continue;
      if (refusal !== undefined) return refusal;
      this.#know({ id, protocol: this.#protocol, nexthop });
      this.#index(id, nexthop);
      if (nexthop.kind === "group") for (const member of nexthop.members) this.hold(member.id);
      return id;
    }
    return { errno: EEXIST, message: `all nexthop ids from ${first} on are taken` };
  }

  #send(id: number, nexthop: Nexthop, flags: number): Refusal | undefined {
    return this.#socket.request(RTM_NEWNEXTHOP, flags, (to) => {
      to.u8(nexthop.kind === "single" ? afOf(nexthop.family) : 0);
      to.u8(0);
      to.u8(this.#protocol);
      to.u8(0);
      to.u32(0);
      to.attributeU32(NHA_ID, id);
      if (nexthop.kind === "single") writeSingle(to, nexthop);
      else writeGroup(to, nexthop);
    });
  }
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

function writeSingle(to: MessageWriter, { oif, gateway }: Nexthop & { kind: "single" }): void {
  to.attributeU32(NHA_OIF, oif);
  if (gateway !== undefined) to.attributeOctets(NHA_GATEWAY, addressOctets(gateway));
}

function writeGroup(to: MessageWriter, { members, idleTicks }: Nexthop & { kind: "group" }): void {
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

const keyOfSingle = ({ family, oif, gateway }: Nexthop & { kind: "single" }): string =>
  gateway === undefined ? `${family} dev ${oif}` : `via ${formatAddress(gateway)} dev ${oif}`;

/** A share is one beside others. */
const groupKey = (members: readonly (readonly [key: string, weight: number])[]): string =>
  `group ${members
    .map(([key, weight]) => (members.length === 1 ? key : `${key} weight ${weight}`))
    .sort()
    .join(", ")}`;

const sameMembers = (a: readonly Member[], b: readonly Member[]): boolean =>
  a.length === b.length && a.every(({ id, weight }, i) => id === b[i]!.id && weight === b[i]!.weight);
