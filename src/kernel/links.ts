/** The links of this network namespace and their addresses, kept by events. */

import { type Address, type Family, sameAddress } from "../bgp/net/address.ts";
import { addressAt, formatAddress } from "../bgp/net/text.ts";
import type { Link, LinkChanges } from "./commands.ts";
import { attributesIn, type Message, readText, readU32 } from "./netlink/netlink.ts";
import type { NetlinkSocket } from "./netlink/netlink-socket.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFLA_IFNAME = 3;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFF_UP = 1;
const IFF_RUNNING = 0x40;
const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

interface Entry {
  readonly name: string;
  readonly up: boolean;
  /** By address text and length: one address may stand with two lengths. */
  readonly addresses: Map<string, { readonly address: Address; readonly length: number }>;
}

export class LinkTable {
  readonly #socket: NetlinkSocket;
  #byIndex = new Map<number, Entry>();
  #indexByName = new Map<string, number>();
  readonly #changed = new Set<number>();

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  indexOf(name: string): number | undefined {
    return this.#indexByName.get(name);
  }

  nameOf(index: number): string | undefined {
    return this.#byIndex.get(index)?.name;
  }

  at(index: number): { readonly name: string; readonly up: boolean } | undefined {
    return this.#byIndex.get(index);
  }

  /** Whether an address is one of this machine. */
  owns(address: Address): boolean {
    for (const { addresses } of this.#byIndex.values()) {
      for (const own of addresses.values()) if (sameAddress(own.address, address)) return true;
    }
    return false;
  }

  placeOf(name: string): { readonly index: number; readonly up: boolean } | undefined {
    const index = this.#indexByName.get(name);
    const entry = index === undefined ? undefined : this.#byIndex.get(index);
    return index === undefined || entry === undefined ? undefined : { index, up: entry.up };
  }

  /** Reads everything anew. What is different afterwards counts as changed. @throws SystemError */
  reload(): void {
    for (const index of this.#byIndex.keys()) this.#changed.add(index);
    const clear = (): void => {
      this.#byIndex = new Map();
      this.#indexByName = new Map();
    };
    clear();
    const each = (message: Message): void => {
      this.apply(message);
    };
    const links = this.#socket.dump(RTM_GETLINK, (to) => to.words(4, 0, 0, 0, 0), each, clear);
    if (links !== undefined) throw new Error(`links cannot be read: ${links.message}`);
    const forget = (): void => {
      for (const entry of this.#byIndex.values()) entry.addresses.clear();
    };
    const addresses = this.#socket.dump(
      RTM_GETADDR,
      (to) => {
        to.u32(0);
        to.u32(0);
      },
      each,
      forget,
    );
    if (addresses !== undefined) throw new Error(`addresses cannot be read: ${addresses.message}`);
  }

  /**
   * Takes an event.
   * @returns the index of a link that lost something: its carrier, an address, itself
   */
  apply({ type, payload }: Message): number | undefined {
    switch (type) {
      case RTM_NEWLINK:
        return this.#link(payload);
      case RTM_DELLINK:
        return this.#linkGone(payload);
      case RTM_NEWADDR:
      case RTM_DELADDR:
        return this.#address(payload, type === RTM_NEWADDR);
      default:
        return undefined;
    }
  }

  /** What changed since the last call. */
  takeChanges(): LinkChanges {
    const changed: Link[] = [];
    const gone: number[] = [];
    for (const index of this.#changed) {
      const entry = this.#byIndex.get(index);
      if (entry === undefined) gone.push(index);
      else changed.push({ name: entry.name, index, up: entry.up, addresses: [...entry.addresses.values()] });
    }
    this.#changed.clear();
    return { changed, gone };
  }

  #link(payload: Buffer): number | undefined {
    // Bridges tell of their ports in a family of their own; the link itself is told of in AF_UNSPEC.
    if (payload.length < 16 || payload[0] !== AF_UNSPEC) return undefined;
    const index = readU32(payload, 4);
    const flags = readU32(payload, 8);
    const name = attributesIn(payload, 16).get(IFLA_IFNAME);
    if (name === undefined) return undefined;
    const before = this.#byIndex.get(index);
    const up = (flags & IFF_UP) !== 0 && (flags & IFF_RUNNING) !== 0;
    const entry: Entry = { name: readText(name), up, addresses: before?.addresses ?? new Map() };
    if (before !== undefined && before.name !== entry.name) this.#indexByName.delete(before.name);
    this.#byIndex.set(index, entry);
    this.#indexByName.set(entry.name, index);
    if (before === undefined || before.up !== up || before.name !== entry.name) this.#changed.add(index);
    // The kernel takes nexthop objects away with the carrier, and IPv4 routes with the link, and tells nobody.
    return up ? undefined : index;
  }

  #linkGone(payload: Buffer): number | undefined {
    if (payload.length < 16 || payload[0] !== AF_UNSPEC) return undefined;
    const index = readU32(payload, 4);
    const entry = this.#byIndex.get(index);
    if (entry === undefined) return undefined;
    this.#byIndex.delete(index);
    // Another link may have taken the name before this event was read.
    if (this.#indexByName.get(entry.name) === index) this.#indexByName.delete(entry.name);
    this.#changed.add(index);
    return index;
  }

  #address(payload: Buffer, present: boolean): number | undefined {
    if (payload.length < 8) return undefined;
    const family = familyOf(payload[0]!);
    const index = readU32(payload, 4);
    const entry = this.#byIndex.get(index);
    const attributes = attributesIn(payload, 8);
    // On a point-to-point link IFA_ADDRESS is the peer's.
    const octets = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
    if (family === undefined || entry === undefined || octets === undefined) return undefined;
    if (octets.length < (family === 4 ? 4 : 16)) return undefined;
    const address = addressAt(octets, 0, family);
    const length = payload[1]!;
    const key = `${formatAddress(address)}/${length}`;
    if (entry.addresses.has(key) === present) return undefined;
    if (present) entry.addresses.set(key, { address, length });
    else entry.addresses.delete(key);
    this.#changed.add(index);
    return present ? undefined : index;
  }
}

/** The family of an AF_ number; undefined for others than IPv4 and IPv6. */
export function familyOf(af: number): Family | undefined {
  if (af === AF_INET) return 4;
  return af === AF_INET6 ? 6 : undefined;
}

export const afOf = (family: Family): number => (family === 4 ? AF_INET : AF_INET6);
