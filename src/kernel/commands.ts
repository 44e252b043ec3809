/**
 * What the core may ask of netd, and how it is written and read back. netd believes none of it: every decoder here
 * throws {@link InvalidCommand} rather than return what it did not check.
 *
 * Routes travel as a table of distinct targets (JSON) and one fixed row of numbers per route, so that a million
 * routes are not a million objects on the way.
 */

import { type Address, type Prefix, widthOf } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { addressOf, InvalidCommand, integerOf, interfaceOf, listOf, parseJson, recordOf } from "./fields.ts";

/** A route with our protocol number. One per prefix; equal in shape to what the reconciler of the gateway speaks of. */
export interface KernelRoute {
  readonly prefix: Prefix;
  readonly target: Target;
}

export type Target =
  | { readonly to: "link"; readonly interface: string }
  | { readonly to: "discard"; readonly how: "blackhole" | "unreachable" }
  | { readonly to: "via"; readonly nextHops: readonly NextHop[]; readonly resilient: boolean }
  | { readonly to: "links"; readonly interfaces: readonly string[] };

export interface NextHop {
  readonly address: Address;
  readonly interface: string;
  /** Its share of the flows beside the others', 1..256; undefined: 1. */
  readonly weight?: number;
}

/** A link of this network namespace and the addresses on it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  /** Administratively and operationally up. */
  readonly up: boolean;
  /** Each address with the length of its on-link prefix. */
  readonly addresses: readonly { readonly address: Address; readonly length: number }[];
}

/** Something that netd wanted and did not get. It runs on. */
export interface Warning {
  /** Never changes once published; e.g. "sysctl.unset". */
  readonly code: string;
  readonly subject: string;
  readonly message: string;
}

/** What a foreign hand may have changed. */
export type Drift = "routes" | "nat";

export interface ConntrackUse {
  readonly count: number;
  readonly max: number;
  /** Since the machine started: flows for which no port was free, or that clashed with another. */
  readonly insertFailed: number;
  /** Flows for which there was no entry left. */
  readonly dropped: number;
}

export interface Settings {
  /** Routing table number, 1..4294967295; 254 is main. */
  readonly routeTable: number;
  /** rtnetlink protocol number that marks our routes and nexthops, 5..255. */
  readonly protocol: number;
  /** Idle timer of resilient groups in ms, 0..86 400 000; the kernel keeps hundredths of a second. */
  readonly anycastIdleMs: number;
  /**
   * Sets nexthop_compat_mode to 0: with 1 000 000 routes on one nexthop, losing it takes 3 ms instead of 790 ms, and
   * `ip route` shows `nhid N` where it otherwise shows `nhid N via … dev …`.
   */
  readonly fastSwitch: boolean;
}

/** What was found of our table of nftables: the text that nft lists, undefined where there is none; or what was known. */
export type NatFound =
  | { readonly is: "known" }
  | { readonly is: "listed"; readonly text: string | undefined };

/** Whatever leads to the one is to lead to the other. Both are next hops, and not resilient. */
export interface Redirection {
  readonly from: ViaTarget;
  readonly to: ViaTarget;
}

export type ViaTarget = Target & { readonly to: "via" };

/** Requests, answers and events: the first octet of a frame's body. */
export const CODE = {
  read: 1,
  putRoutes: 2,
  removeRoutes: 3,
  applyNat: 4,
  forget: 5,
  prepareTaps: 6,
  conntrack: 7,
  seek: 8,
  limited: 9,
  sessions: 10,
  track: 11,
  nextSessions: 12,
  endSessions: 13,
  listSet: 14,
  follow: 15,
  redirect: 16,
  endpoint: 17,
  granted: 18,
  helpers: 19,
  readSome: 20,
  advertise: 21,
  readListing: 22,
  done: 128,
  failed: 129,
  hello: 131,
  links: 132,
  drift: 133,
  fatal: 134,
  warning: 135,
  neighbour: 136,
  ways: 137,
} as const;

export const ROW_OCTETS = 24;
const MAX_ROWS = 65_536;
const MAX_TARGETS = 65_536;
const MAX_REDIRECTIONS = 65_536;
/** Members of a group that the kernel takes in one attribute. */
const MAX_MEMBERS = 256;

/** Rows of routes as they lie in a frame, with the targets that they point to. */
export interface RouteRows {
  /** One that cannot be is told to the prefixes that point to it; the others are not its hostages. */
  readonly targets: readonly (Target | InvalidCommand)[];
  readonly count: number;
  /** `count` rows of {@link ROW_OCTETS}: family u8, length u8, zero u16, target u32, address 4 x u32. */
  readonly rows: Buffer;
}

/** Writes routes, from `first` on, at most {@link MAX_ROWS} of them. */
export function encodeRoutes(routes: readonly KernelRoute[], first: number, count: number): Buffer {
  const indexByTarget = new Map<Target, number>();
  const indexByText = new Map<string, number>();
  const rows = Buffer.alloc(count * ROW_OCTETS);
  for (let i = 0; i < count; i++) {
    const { prefix, target } = routes[first + i]!;
    let index = indexByTarget.get(target);
    if (index === undefined) {
      const text = JSON.stringify(target, plain);
      index = indexByText.get(text) ?? indexByText.size;
      indexByText.set(text, index);
      indexByTarget.set(target, index);
    }
    writeRow(rows, i, prefix, index);
  }
  return joinRows(`[${[...indexByText.keys()].join(",")}]`, rows);
}

/** Writes prefixes as rows without targets, from `first` on. */
export function encodePrefixes(prefixes: readonly Prefix[], first: number, count: number): Buffer {
  const rows = Buffer.alloc(count * ROW_OCTETS);
  for (let i = 0; i < count; i++) writeRow(rows, i, prefixes[first + i]!, 0);
  return joinRows("[]", rows);
}

/** @throws InvalidCommand */
export function decodeRows(payload: Buffer, withTargets: boolean): RouteRows {
  if (payload.length < 4) throw new InvalidCommand("rows: cut short");
  const length = payload.readUInt32BE(0);
  if (length > payload.length - 4) throw new InvalidCommand("rows: targets are cut short");
  const targets = listOf(parseJson(payload.subarray(4, 4 + length)), "targets", MAX_TARGETS).map(
    targetOrFault,
  );
  const rows = payload.subarray(4 + length);
  const count = rows.length / ROW_OCTETS;
  if (!Number.isInteger(count) || count > MAX_ROWS) throw new InvalidCommand(`rows: ${rows.length} octets`);
  for (let i = 0; i < count; i++) {
    checkPrefix(rows, i);
    if (withTargets && targetAt(rows, i) >= targets.length)
      throw new InvalidCommand(`row ${i}: no target ${targetAt(rows, i)}`);
  }
  return { targets, count, rows };
}

export const targetAt = (rows: Buffer, i: number): number => rows.readUInt32BE(i * ROW_OCTETS + 4);

/** The prefix of a row that was decoded. */
export function prefixAt(rows: Buffer, i: number): Prefix {
  const at = i * ROW_OCTETS;
  return {
    family: rows[at] === 4 ? 4 : 6,
    w0: rows.readUInt32BE(at + 8),
    w1: rows.readUInt32BE(at + 12),
    w2: rows.readUInt32BE(at + 16),
    w3: rows.readUInt32BE(at + 20),
    length: rows[at + 1]!,
  };
}

function checkPrefix(rows: Buffer, i: number): void {
  const at = i * ROW_OCTETS;
  const family = rows[at];
  const length = rows[at + 1]!;
  if (family !== 4 && family !== 6) throw new InvalidCommand(`row ${i}: family ${family}`);
  if (length > widthOf(family)) throw new InvalidCommand(`row ${i}: length ${length}`);
  // The words of an IPv4 address behind the first are host bits as well: they are zero.
  for (let octet = length >> 3; octet < 16; octet++) {
    const bits = octet === length >> 3 ? 0xff >> (length & 7) : 0xff;
    if ((rows[at + 8 + octet]! & bits) !== 0) throw new InvalidCommand(`row ${i}: host bits are set`);
  }
}

/** The routes of rows that were decoded. @throws InvalidCommand when one of their targets is none */
export function routesOf({ targets, count, rows }: RouteRows): KernelRoute[] {
  const routes: KernelRoute[] = [];
  for (let i = 0; i < count; i++) {
    const target = targets[targetAt(rows, i)]!;
    if (target instanceof InvalidCommand) throw target;
    routes.push({ prefix: prefixAt(rows, i), target });
  }
  return routes;
}

/** JSON with addresses as text. */
export const encodeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value, plain));

/** Flows that are translated between two addresses; with `ports`, those alone that came in by these of the public one. */
export interface Translation {
  readonly public: Address;
  /** Absent: whoever it was that left as the public address. */
  readonly private?: Address;
  readonly ports?: { readonly protocol: "tcp" | "udp"; readonly first: number; readonly last: number };
}

/** @throws InvalidCommand */
export function decodeTranslation(payload: Buffer): Translation {
  const value = recordOf(parseJson(payload), "translation");
  const outer = addressOf(value.public, "public");
  if (value.private === undefined) return { public: outer };
  const translation = { public: outer, private: addressOf(value.private, "private") };
  if (translation.public.family !== translation.private.family)
    throw new InvalidCommand("translation: the addresses are of two families");
  return value.ports === undefined ? translation : { ...translation, ports: portsOf(value.ports) };
}

function portsOf(value: unknown): NonNullable<Translation["ports"]> {
  const { protocol, first, last } = recordOf(value, "ports");
  if (protocol !== "tcp" && protocol !== "udp")
    throw new InvalidCommand(`ports: protocol ${String(protocol)}`);
  return { protocol, first: integerOf(first, "first", 0, 65_535), last: integerOf(last, "last", 0, 65_535) };
}

/** @throws InvalidCommand */
export function decodeSettings(text: string): Settings {
  const value = recordOf(parseJson(Buffer.from(text)), "settings");
  return {
    routeTable: integerOf(value.routeTable, "routeTable", 1, 0xffffffff),
    protocol: integerOf(value.protocol, "protocol", 5, 255),
    anycastIdleMs: integerOf(value.anycastIdleMs, "anycastIdleMs", 0, 86_400_000),
    fastSwitch: value.fastSwitch === true,
  };
}

/** Links as an event carries them: those that changed, and the indexes of those that are gone. */
export interface LinkChanges {
  readonly changed: readonly Link[];
  readonly gone: readonly number[];
}

/** @throws InvalidCommand */
export function decodeLinkChanges(value: unknown): LinkChanges {
  const changes = recordOf(value, "links");
  return {
    changed: listOf(changes.changed, "changed", 1_000_000).map(linkOf),
    gone: listOf(changes.gone, "gone", 1_000_000).map((index) => integerOf(index, "gone", 0, 0x7fffffff)),
  };
}

/** The router at the other end of a link. */
export interface Neighbour {
  readonly interface: string;
  /** Link-local. */
  readonly address: Address;
}

/** @throws InvalidCommand */
export function decodeNeighbour(payload: Buffer): Neighbour {
  const neighbour = recordOf(parseJson(payload), "neighbour");
  return {
    interface: interfaceOf(neighbour.interface, "interface"),
    address: addressOf(neighbour.address, "address"),
  };
}

function linkOf(value: unknown): Link {
  const link = recordOf(value, "link");
  return {
    name: interfaceOf(link.name, "name"),
    index: integerOf(link.index, "index", 0, 0x7fffffff),
    up: link.up === true,
    addresses: listOf(link.addresses, "addresses", 1_000_000).map((entry) => {
      const { address, length } = recordOf(entry, "addresses");
      return { address: addressOf(address, "address"), length: integerOf(length, "length", 0, 128) };
    }),
  };
}

/** @throws InvalidCommand */
export function decodeRedirections(payload: Buffer): Redirection[] {
  return listOf(parseJson(payload), "redirections", MAX_REDIRECTIONS).map((entry) => {
    const { from, to } = recordOf(entry, "redirection");
    return { from: sharedOf(from, "from"), to: sharedOf(to, "to") };
  });
}

/** A target whose routes share one group. */
function sharedOf(value: unknown, what: string): ViaTarget {
  const target = targetOf(value);
  if (target.to !== "via" || target.resilient) throw new InvalidCommand(`redirection: ${what}`);
  return target;
}

function targetOrFault(value: unknown): Target | InvalidCommand {
  try {
    return targetOf(value);
  } catch (error) {
    if (error instanceof InvalidCommand) return error;
    throw error;
  }
}

function targetOf(value: unknown): Target {
  const target = recordOf(value, "target");
  switch (target.to) {
    case "link":
      return { to: "link", interface: interfaceOf(target.interface, "interface") };
    case "discard": {
      const how = target.how;
      if (how !== "blackhole" && how !== "unreachable")
        throw new InvalidCommand(`discard: how ${String(how)}`);
      return { to: "discard", how };
    }
    case "via":
      if (typeof target.resilient !== "boolean") throw new InvalidCommand("via: resilient");
      return {
        to: "via",
        nextHops: membersOf(target.nextHops, nextHopOf),
        resilient: target.resilient,
      };
    case "links":
      return {
        to: "links",
        interfaces: membersOf(target.interfaces, (name) => interfaceOf(name, "interfaces")),
      };
    default:
      throw new InvalidCommand(`target to ${String(target.to)}`);
  }
}

function nextHopOf(value: unknown): NextHop {
  const hop = recordOf(value, "nextHop");
  return {
    address: addressOf(hop.address, "address"),
    interface: interfaceOf(hop.interface, "interface"),
    ...(hop.weight !== undefined && { weight: integerOf(hop.weight, "weight", 1, 256) }),
  };
}

/** Members of a group: at least one, and the kernel takes none twice. */
function membersOf<Member>(value: unknown, of: (entry: unknown) => Member): Member[] {
  const members = listOf(value, "members", MAX_MEMBERS).map(of);
  if (members.length === 0) throw new InvalidCommand("a target without members");
  const distinct = new Set(members.map((member) => JSON.stringify(member, unweighed)));
  if (distinct.size !== members.length) throw new InvalidCommand("a target names a member twice");
  return members;
}

/** The same next hop with two weights is one member. */
const unweighed = (key: string, value: unknown): unknown => (key === "weight" ? undefined : value);

function writeRow(rows: Buffer, i: number, prefix: Prefix, target: number): void {
  const at = i * ROW_OCTETS;
  rows[at] = prefix.family;
  rows[at + 1] = prefix.length;
  rows.writeUInt32BE(target, at + 4);
  rows.writeUInt32BE(prefix.w0, at + 8);
  rows.writeUInt32BE(prefix.w1, at + 12);
  rows.writeUInt32BE(prefix.w2, at + 16);
  rows.writeUInt32BE(prefix.w3, at + 20);
}

function joinRows(targets: string, rows: Buffer): Buffer {
  const table = Buffer.from(targets);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(table.length);
  return Buffer.concat([length, table, rows]);
}

/** Addresses as text, for JSON. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "object" && value !== null && "w0" in value && "family" in value)
    return formatAddress(value as Address);
  return value;
}
