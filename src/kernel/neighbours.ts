/**
 * Router advertisements (RFC 4861). On links to other routers they say who is at the other end: we send them, so that
 * the other side finds us as FRR does, and hear theirs; ours have a router lifetime of 0, so that no host takes us for
 * its way out. On links to instances we are just that, with the words that we are given, and hear nobody.
 */

import { type Address, isLinkLocal, sameAddress } from "../bgp/net/address.ts";
import { addressAt } from "../bgp/net/text.ts";
import type { Advertisement } from "./advertisement-commands.ts";
import type { Neighbour } from "./commands.ts";
import { attachFilter, IcmpSocket, setOption } from "./netlink/ffi.ts";

/** A link as it is looked up here. */
export interface Place {
  readonly index: number;
  readonly up: boolean;
}

interface Sought {
  readonly name: string;
  /** What is said to instances; undefined: a router is at the other end. */
  readonly toInstances: Buffer | undefined;
  /** Of the link while it is up; 0: it is not. */
  index: number;
  /** When the next advertisement is due. */
  nextAtMs: number;
  sent: number;
  answeredAtMs: number;
  told: Address | undefined;
  toldAtMs: number;
}

const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const ICMP6_FILTER = 1;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_JOIN_GROUP = 20;

const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const SOLICITATION_OCTETS = 8;
const ADVERTISEMENT_OCTETS = 16;
/** RFC 4861 §6.1: what has come over no router has it still. */
const HOP_LIMIT = 255;

/** The first ones follow quickly, as after a link came up (RFC 4861 §6.2.4). */
const FIRST = 3;
const FIRST_MS = 1000;
const LATER_MS = 10_000;
/** RFC 4861 §6.2.1: MinRtrAdvInterval of the times that hosts are told. Those that cannot wait ask. */
const INSTANCES_MS = 200_000;
/** What a flood of solicitations or of liars can cause on one link. */
const LEAST_MS = 1000;
/** Packets read in one go. */
const PACKETS = 256;

const ALL_NODES = multicast(1);
const ALL_ROUTERS = multicast(2);

export class Neighbours {
  readonly #socket: IcmpSocket;
  readonly #told: (neighbour: Neighbour) => void;
  readonly #sought: Map<string, Sought> = new Map();
  readonly #into = Buffer.alloc(2048);

  constructor(socket: IcmpSocket, told: (neighbour: Neighbour) => void) {
    this.#socket = socket;
    this.#told = told;
  }

  get fd(): number {
    return this.#socket.fd;
  }

  get isIdle(): boolean {
    return this.#sought.size === 0;
  }

  /** From now on, on these links and no others. */
  seek(names: readonly string[]): void {
    for (const { name, toInstances } of this.#sought.values())
      if (toInstances === undefined && !names.includes(name)) this.#sought.delete(name);
    for (const name of names)
      if (this.#sought.get(name)?.toInstances !== undefined || !this.#sought.has(name))
        this.#add(name, undefined);
    this.#hearOrNot();
  }

  /** To instances: on these links, and no others that no router is sought on. What has not changed is not said again. */
  advertise(advertisements: readonly Advertisement[]): void {
    const wanted = new Map(advertisements.map(({ interface: name, message }) => [name, message]));
    for (const { name, toInstances } of this.#sought.values())
      if (toInstances !== undefined && !wanted.has(name)) this.#sought.delete(name);
    for (const [name, message] of wanted) {
      const known = this.#sought.get(name);
      const isSaid = known !== undefined && (known.toInstances?.equals(message) ?? true);
      if (!isSaid) this.#add(name, message);
    }
    this.#hearOrNot();
  }

  #add(name: string, toInstances: Buffer | undefined): void {
    const never = Number.NEGATIVE_INFINITY;
    this.#sought.set(name, {
      ...{ name, toInstances, index: 0, nextAtMs: 0, sent: 0 },
      ...{ answeredAtMs: never, told: undefined, toldAtMs: never },
    });
  }

  #hearOrNot(): void {
    setOption(this.fd, IPPROTO_ICMPV6, ICMP6_FILTER, filterOf(this.isIdle ? [] : HEARD));
  }

  /** Sends what is due. Called every second, and when links changed. */
  tick(nowMs: number, placeOf: (name: string) => Place | undefined): void {
    for (const sought of this.#sought.values()) {
      const place = placeOf(sought.name);
      const index = place?.up === true ? place.index : 0;
      if (index !== sought.index) this.#begin(sought, index);
      if (index !== 0 && nowMs >= sought.nextAtMs) this.#say(sought, nowMs);
    }
  }

  #say(sought: Sought, nowMs: number): void {
    if (!this.#advertise(sought)) return;
    const isPeer = sought.toInstances === undefined;
    if (isPeer && sought.told === undefined) this.#socket.send(SOLICITATION, ALL_ROUTERS, sought.index);
    const laterMs = isPeer ? LATER_MS : INSTANCES_MS;
    sought.nextAtMs = nowMs + (++sought.sent < FIRST ? FIRST_MS : laterMs);
  }

  /** Takes in what has come. */
  hear(nowMs: number): void {
    for (let packets = 0; packets < PACKETS; packets++) {
      const heard = this.#socket.receive(this.#into);
      if (heard === undefined) return;
      const sought = [...this.#sought.values()].find(({ index }) => index !== 0 && index === heard.scope);
      if (sought === undefined) continue;
      this.#take(sought, this.#into.subarray(0, heard.length), addressAt(heard.from, 0, 6), nowMs);
    }
  }

  #take(sought: Sought, octets: Buffer, from: Address, nowMs: number): void {
    if (octets[1] !== 0) return;
    if (octets[0] === ROUTER_SOLICITATION && octets.length >= SOLICITATION_OCTETS) {
      if (nowMs - sought.answeredAtMs < LEAST_MS) return;
      sought.answeredAtMs = nowMs;
      this.#advertise(sought);
    }
    // RFC 4861 §6.1.2: an advertisement comes from a link-local address.
    if (sought.toInstances !== undefined) return;
    if (octets[0] !== ROUTER_ADVERTISEMENT || octets.length < ADVERTISEMENT_OCTETS) return;
    if (!isLinkLocal(from) || nowMs - sought.toldAtMs < LEAST_MS) return;
    if (sought.told !== undefined && sameAddress(sought.told, from)) return;
    sought.told = from;
    sought.toldAtMs = nowMs;
    this.#told({ interface: sought.name, address: from });
  }

  #begin(sought: Sought, index: number): void {
    sought.index = index;
    sought.sent = 0;
    sought.nextAtMs = 0;
    sought.told = undefined;
    if (index === 0) return;
    const request = Buffer.alloc(20);
    ALL_ROUTERS.copy(request);
    new Uint32Array(request.buffer, request.byteOffset + 16, 1)[0] = index;
    try {
      setOption(this.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
    } catch {
      // EADDRINUSE: it was joined before the link went down and came back.
    }
  }

  /** False while there is no link-local address to send from: duplicates are still being looked for. */
  #advertise({ index, toInstances = ADVERTISEMENT }: Sought): boolean {
    return this.#socket.send(toInstances, ALL_NODES, index);
  }
}

/** Opens the socket, which hears nothing until somebody is sought. @throws SystemError without CAP_NET_RAW */
export function openNeighbourSocket(): IcmpSocket {
  const socket = new IcmpSocket();
  setOption(socket.fd, IPPROTO_ICMPV6, ICMP6_FILTER, filterOf([]));
  setOption(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT);
  setOption(socket.fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  const SKF_NET_OFF = 0xfff0_0000;
  attachFilter(socket.fd, [
    [0x30, 0, 0, SKF_NET_OFF + 7], // ldb [hop limit]
    [0x15, 0, 1, HOP_LIMIT], // jeq 255
    [0x06, 0, 0, 0xffff_ffff], // ret all
    [0x06, 0, 0, 0], // ret 0: drop
  ]);
  return socket;
}

const HEARD = [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT];

/** struct icmp6_filter: a set bit keeps a type out. */
function filterOf(types: readonly number[]): Buffer {
  const words = new Uint32Array(8).fill(0xffff_ffff);
  for (const type of types) words[type >> 5]! &= ~(1 << (type & 31));
  return Buffer.from(words.buffer);
}

/** No options, no prefixes, all times 0: that we are here is all that it says. The kernel fills in the checksum. */
const ADVERTISEMENT: Buffer = Buffer.from([ROUTER_ADVERTISEMENT, ...new Array<number>(15).fill(0)]);
const SOLICITATION: Buffer = Buffer.from([ROUTER_SOLICITATION, ...new Array<number>(7).fill(0)]);

/** ff02::N */
function multicast(last: number): Buffer {
  const octets = Buffer.alloc(16);
  octets[0] = 0xff;
  octets[1] = 2;
  octets[15] = last;
  return octets;
}
