/**
 * Kernel nexthop objects: one per gateway and interface; groups of them, shared by all routes that lead to the same ones;
 * and lone groups, each of one route alone and resilient, so that its members can change in place under the same id and the
 * flows of the members that stay are not moved.
 *
 * A route points at a group also where there is one next hop: what is in a group can be changed to anything else under
 * the same id, and with it, by one message, where a million routes lead to. So there may be several groups alike. New
 * routes take the one that has been so for longest.
 *
 * A link that goes takes its next hops with it, and groups that are empty then with all of their routes. So the next hops of
 * a shared group of a gateway have a spare beside them, which is no way anywhere and which no packet takes while there is another
 * (docs/adr/0017): the group stays, and one message says where its routes lead then, however many they are.
 *
 * In a lone group every next hop stands twice, as two objects. The kernel does not look into a group of one
 * entry, so it would not note which buckets carry flows while a service has one member left, and would take them
 * away from it at once when another comes back.
 *
 * What is ours bears our rtnetlink protocol number. Ids come from a range of a million that begins with it
 * (86 000 001, ...). Nothing is remembered but in the kernel: after a restart the dump says what is there.
 */

import type { Address, Family } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Settings } from "../commands.ts";
import { type Message, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/netlink.ts";
import type { NetlinkSocket, Refusal } from "../netlink/netlink-socket.ts";
import {
  BUCKETS,
  dumpNexthops,
  type Group,
  isNexthopEvent,
  type Member,
  type Nexthop,
  nexthopIn,
  RTM_DELNEXTHOP,
  RTM_NEWNEXTHOP,
  type Single,
  type Told,
  writeNexthop,
  writeNexthopDeletion,
} from "./nexthop-message.ts";

const ENOENT = 2;
const EEXIST = 17;
const IDS = 1_000_000;
/** The loopback interface has this number in every namespace. */
const LOOPBACK = 1;
/** A spare of weight 1 beside one of this, or more, has less than half a bucket, which is none. */
const SPARED_WEIGHT = 256;

/** A gateway on a link, with its share. */
export interface WeighedHop {
  readonly gateway: Address;
  readonly oif: number;
  readonly weight: number;
}

/** What a shared group led to before the kernel took next hops from it. */
interface Worn {
  readonly key: string;
  readonly hops: readonly Hop[];
}

interface Hop {
  readonly single: Single;
  readonly weight: number;
}

export class Nexthops {
  readonly #socket: NetlinkSocket;
  readonly #protocol: number;
  /** In the kernel's unit, hundredths of a second. */
  readonly #idleTicks: number;
  /** Undefined: shared groups are not resilient, and have no spare. */
  readonly #sharedTicks: 0 | undefined;
  /** All of this namespace: foreign ones too, since a route of ours may name one. */
  #byId = new Map<number, Nexthop>();
  /** Ours only: how many routes and groups point to each. */
  #uses = new Map<number, number>();
  #idByKey = new Map<string, number>();
  /** The second object of a next hop, for resilient groups. */
  #twinByKey = new Map<string, number>();
  readonly #idle = new Set<number>();
  /** Groups that lost next hops with a link, and have not been changed since. */
  readonly #worn = new Map<number, Worn>();
  #nextId: number;

  constructor(socket: NetlinkSocket, { protocol, anycastIdleMs, fastSwitch }: Settings) {
    this.#socket = socket;
    this.#sharedTicks = fastSwitch ? 0 : undefined;
    this.#protocol = protocol;
    this.#idleTicks = Math.round(anycastIdleMs / 10);
    this.#nextId = protocol * IDS + 1;
  }

  get(id: number): Nexthop | undefined {
    return this.#byId.get(id);
  }

  /** Reads everything anew; nothing counts as used until {@link hold}. @throws SystemError */
  load(): void {
    const before = this.#byId;
    const clear = (): void => {
      this.#byId = new Map();
      this.#uses = new Map();
      this.#idByKey = new Map();
      this.#twinByKey = new Map();
      this.#idle.clear();
    };
    clear();
    dumpNexthops(this.#socket, (told) => this.#know(told), clear);
    for (const id of this.#worn.keys()) {
      if (!this.#uses.has(id) || !sameGroup(before.get(id), this.#byId.get(id))) this.#worn.delete(id);
    }
    for (const [id, nexthop] of this.#byId) {
      if (!this.#uses.has(id)) continue;
      if (!this.#worn.has(id)) this.#index(id, nexthop);
      if (nexthop.kind === "group") for (const { id: member } of nexthop.members) this.hold(member);
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
    const idleTicks = this.#sharedTicks;
    const key = this.#keyOf({ kind: "group", members, idleTicks });
    const known = key === undefined ? undefined : this.#idByKey.get(key);
    if (known !== undefined) return known;
    const all = idleTicks === undefined ? members : this.#withSpare(members);
    return this.#create({ kind: "group", members: all, idleTicks });
  }

  /** Where packets go by it, or would if links were there that were lost. */
  hopsOf(id: number): readonly Hop[] {
    const nexthop = this.#byId.get(id);
    if (nexthop?.kind === "single") return [{ single: nexthop, weight: 1 }];
    const worn = this.#worn.get(id);
    if (worn !== undefined || nexthop === undefined) return worn?.hops ?? [];
    return this.#realMembers(nexthop).flatMap(({ id: member, weight }) => {
      const single = this.#byId.get(member);
      return single?.kind === "single" ? [{ single, weight }] : [];
    });
  }

  /** Every shared group of ours that leads to just these. */
  groupsOf(hops: readonly WeighedHop[]): number[] {
    const wanted = groupKey(
      hops.map((hop) => [keyOfSingle({ kind: "single", family: 4, ...hop }), hop.weight]),
    );
    const found: number[] = [];
    for (const id of this.#uses.keys()) {
      const nexthop = this.#byId.get(id)!;
      const key = this.#worn.get(id)?.key ?? (nexthop.kind === "group" ? this.#keyOf(nexthop) : undefined);
      if (key === wanted) found.push(id);
    }
    return found;
  }

  /** Puts other members into a shared group, for all routes at once. Undefined when the kernel did it. */
  change(id: number, members: readonly Member[]): Refusal | undefined {
    const before = this.#byId.get(id);
    if (before?.kind !== "group") return { errno: ENOENT, message: `nexthop ${id} is no group` };
    const isShared = before.idleTicks === 0;
    const refusal = this.#replace(id, before, isShared ? this.#withSpare(members) : members);
    if (refusal === undefined) this.#worn.delete(id);
    return refusal;
  }

  /**
   * Looks what is left after a link was lost, since the kernel says nothing of it. Groups that have nothing but their spare
   * throw packets away until they are changed, or until {@link mend}.
   * @returns whether routes may be gone, or lead elsewhere than before, other than by shared groups that are there still
   * @throws SystemError
   */
  survey(): boolean {
    const left = new Map<number, Nexthop>();
    dumpNexthops(
      this.#socket,
      ({ id, nexthop }) => left.set(id, nexthop),
      () => left.clear(),
    );
    let isLoss = false;
    const ours = [...this.#uses.keys()].map((id) => [id, this.#byId.get(id)!] as const);
    for (const [id, nexthop] of ours) {
      const now = left.get(id);
      if (nexthop.kind === "single" || sameGroup(nexthop, now)) continue;
      if (now?.kind === "group" && now.idleTicks === 0) this.#wear(id, nexthop, now);
      else isLoss = true;
    }
    for (const [id, nexthop] of ours)
      if (nexthop.kind === "single" && !left.has(id)) this.#strike(id, nexthop);
    for (const id of this.#worn.keys()) this.#close(id);
    return isLoss;
  }

  /** Puts back what was taken from groups, where that can be by now. */
  mend(): void {
    for (const [id, { hops }] of this.#worn) {
      const members = hops.map(({ single: { family, oif, gateway }, weight }) => ({
        id: this.single(family, oif, gateway, false),
        weight,
      }));
      if (members.every((member): member is Member => typeof member.id === "number"))
        this.change(id, members);
    }
  }

  /**
   * The id of a lone group for one route. `current` is the nexthop of that route: when it is such a group, of
   * no other route, it is changed in place.
   */
  resilient(current: number | undefined, members: readonly Member[]): number | Refusal {
    const wanted: Nexthop = { kind: "group", members, idleTicks: this.#idleTicks };
    const present = current === undefined ? undefined : this.#byId.get(current);
    if (current === undefined || present?.kind !== "group" || !isLone(present)) return this.#create(wanted);
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
      this.#socket.request(RTM_DELNEXTHOP, 0, (to) => writeNexthopDeletion(to, id));
      this.#strike(id, nexthop);
      if (nexthop.kind === "group") for (const member of nexthop.members) this.drop(member.id);
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

  /** It is not in the kernel any more. */
  #strike(id: number, nexthop: Nexthop): void {
    this.#idle.delete(id);
    this.#worn.delete(id);
    this.#uses.delete(id);
    this.#forget(id, nexthop);
    this.#byId.delete(id);
    // The lowest free id is used again, so that their number, and what is kept by id, stays small.
    this.#nextId = Math.min(this.#nextId, id);
  }

  /** The kernel took members from a shared group. Nobody else is to lead there; who leads there is still found by it. */
  #wear(id: number, before: Group, now: Group): void {
    const key = this.#keyOf(before);
    if (key !== undefined && !this.#worn.has(id)) this.#worn.set(id, { key, hops: this.hopsOf(id) });
    this.#forget(id, before);
    this.#byId.set(id, now);
  }

  /** Packets would go round by the spare until they have no hops left: a group that has nothing else throws them away. */
  #close(id: number): void {
    const group = this.#byId.get(id);
    if (group?.kind !== "group" || this.#realMembers(group).length > 0) return;
    const [only] = group.members.map((member) => this.#byId.get(member.id));
    if (only?.kind !== "single" || only.oif === 0) return;
    const hole = this.single(only.family, 0, undefined, false);
    if (typeof hole === "number") this.#replace(id, group, [{ id: hole, weight: 1 }]);
  }

  /** Members that packets go to, with their shares; none of a group that has nothing but its spare. */
  #realMembers({ members, idleTicks }: Group): readonly Member[] {
    if (idleTicks !== 0) return members;
    const real = members.filter(({ id }) => {
      const member = this.#byId.get(id);
      return member?.kind !== "single" || (member.oif !== 0 && !isSpare(member));
    });
    const isSpared = real.length < members.length;
    return isSpared ? real.map(({ id }) => ({ id, weight: 1 })) : real;
  }

  /** Weighed members have none: of a hundred and more shares a bucket would be too many for the spare. */
  #withSpare(members: readonly Member[]): readonly Member[] {
    if (members.length > BUCKETS / 2 || members.some(({ weight }) => weight !== members[0]!.weight))
      return members;
    const isIpv6 = members.every(({ id }) => {
      const member = this.#byId.get(id);
      return member?.kind === "single" && member.family === 6;
    });
    const spare = this.single(isIpv6 ? 6 : 4, LOOPBACK, undefined, false);
    if (typeof spare !== "number") return members;
    return [...members.map(({ id }) => ({ id, weight: SPARED_WEIGHT })), { id: spare, weight: 1 }];
  }

  #replace(id: number, before: Group, members: readonly Member[]): Refusal | undefined {
    const wanted: Group = { kind: "group", members, idleTicks: before.idleTicks };
    const refusal = this.#send(id, wanted, NLM_F_REPLACE);
    if (refusal !== undefined) return refusal;
    this.#forget(id, before);
    for (const { id: member } of members) this.hold(member);
    for (const { id: member } of before.members) this.drop(member);
    this.#byId.set(id, wanted);
    this.#index(id, wanted);
    return undefined;
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

  /** What objects are found by; undefined for lone groups, and for those that lead nowhere. */
  #keyOf(nexthop: Nexthop): string | undefined {
    if (nexthop.kind === "single") return keyOfSingle(nexthop);
    const members = this.#realMembers(nexthop);
    if (isLone(nexthop) || members.length === 0) return undefined;
    return groupKey(
      members.map(({ id, weight }) => {
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
      writeNexthop(to, { id, protocol: this.#protocol, nexthop });
    });
  }
}

/** Whether it is of one route alone. */
export const isLone = ({ idleTicks = 0 }: Group): boolean => idleTicks > 0;

const isSpare = ({ oif, gateway }: Single): boolean => oif === LOOPBACK && gateway === undefined;

const keyOfSingle = ({ family, oif, gateway }: Single): string =>
  gateway === undefined ? `${family} dev ${oif}` : `via ${formatAddress(gateway)} dev ${oif}`;

/** A share is one beside others. */
const groupKey = (members: readonly (readonly [key: string, weight: number])[]): string =>
  `group ${members
    .map(([key, weight]) => (members.length === 1 ? key : `${key} weight ${weight}`))
    .sort()
    .join(", ")}`;

const sameMembers = (a: readonly Member[], b: readonly Member[]): boolean =>
  a.length === b.length && a.every(({ id, weight }, i) => id === b[i]!.id && weight === b[i]!.weight);

const sameGroup = (a: Nexthop | undefined, b: Nexthop | undefined): boolean =>
  a?.kind === "group" && b?.kind === "group" && sameMembers(a.members, b.members);
