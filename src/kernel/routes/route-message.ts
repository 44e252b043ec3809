/** rtnetlink routes: from numbers to messages and back. */

import { type Address, type Family, type Prefix, prefixOf } from "../../bgp/net/address.ts";
import { addressAt, addressOctets, formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import { afOf, familyOf } from "../links.ts";
import { attributesIn, type Message, type MessageWriter, readU16, readU32 } from "../netlink/netlink.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTN_UNICAST = 1;
export const RTN_BLACKHOLE = 6;
export const RTN_UNREACHABLE = 7;
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;

const RTM_F_CLONED = 0x200;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_NH_ID = 30;
const HEADER_OCTETS = 12;

/** All of a route but its prefix, table and protocol. Zero means that there is none. */
export interface Form {
  readonly type: number;
  readonly scope: number;
  readonly metric: number;
  readonly oif: number;
  readonly nexthopId: number;
  /** Next hops within the route itself: never ours to write, but somebody may have written them in our name. */
  readonly inline: readonly { readonly gateway: Address | undefined; readonly oif: number }[];
}

export interface TableRoute {
  readonly prefix: Prefix;
  readonly table: number;
  readonly protocol: number;
  readonly form: Form;
}

/** Where IPv6 puts a route without a metric; IPv4 leaves it at 0. */
export const metricOf = (family: Family): number => (family === 4 ? 0 : 1024);

export function writeRoute(to: MessageWriter, route: TableRoute): void {
  const { prefix, table, protocol, form } = route;
  to.u8(afOf(prefix.family));
  to.u8(prefix.length);
  to.u8(0);
  to.u8(0);
  to.u8(table > 255 ? 0 : table);
  to.u8(protocol);
  to.u8(form.scope);
  to.u8(form.type);
  to.u32(0);
  if (prefix.length > 0)
    to.attributeWords(RTA_DST, prefix.family === 4 ? 1 : 4, prefix.w0, prefix.w1, prefix.w2, prefix.w3);
  if (table > 255) to.attributeU32(RTA_TABLE, table);
  if (form.metric !== 0) to.attributeU32(RTA_PRIORITY, form.metric);
  if (form.oif !== 0) to.attributeU32(RTA_OIF, form.oif);
  if (form.nexthopId !== 0) to.attributeU32(RTA_NH_ID, form.nexthopId);
  const [only, second] = form.inline;
  // Of several inline next hops the prefix, metric and protocol must do: the kernel takes the first route that fits.
  if (only === undefined || second !== undefined) return;
  to.attributeU32(RTA_OIF, only.oif);
  if (only.gateway?.family === prefix.family) to.attributeOctets(RTA_GATEWAY, addressOctets(only.gateway));
}

/** The request for a dump of a table; protocol 0 means all of them. */
export function writeRouteDump(to: MessageWriter, family: Family, table: number, protocol: number): void {
  to.u8(afOf(family));
  to.u8(0);
  to.u8(0);
  to.u8(0);
  to.u8(table > 255 ? 0 : table);
  to.u8(protocol);
  to.u8(0);
  to.u8(0);
  to.u32(0);
  if (table > 255) to.attributeU32(RTA_TABLE, table);
}

/** Undefined for what is no route of a table: a cache entry, another family, a source or service specific one. */
export function routeIn({ payload }: Message): TableRoute | undefined {
  if (payload.length < HEADER_OCTETS) return undefined;
  const family = familyOf(payload[0]!);
  if (family === undefined || payload[2] !== 0 || payload[3] !== 0) return undefined;
  if ((readU32(payload, 8) & RTM_F_CLONED) !== 0) return undefined;
  const seen: Seen = { dst: 0, table: payload[4]!, metric: 0, oif: 0, nexthopId: 0, hops: 0 };
  lookThrough(payload, seen);
  const type = payload[7]!;
  const unicast = type === RTN_UNICAST;
  const inline = unicast && seen.nexthopId === 0 && seen.hops !== 0 ? inlineIn(payload, family) : [];
  return {
    prefix: prefixIn(payload, seen.dst, family),
    table: seen.table,
    protocol: payload[5]!,
    form: {
      type,
      scope: family === 4 ? payload[6]! : RT_SCOPE_UNIVERSE,
      metric: seen.metric,
      // IPv6 shows discards on lo, and with nexthop_compat_mode the link of the object stands here too.
      oif: unicast && seen.nexthopId === 0 && inline.length === 0 ? seen.oif : 0,
      nexthopId: seen.nexthopId,
      inline,
    },
  };
}

/** What a route's attributes hold; of `dst` and `hops` where they are, 0 for nowhere. */
interface Seen {
  dst: number;
  table: number;
  metric: number;
  oif: number;
  nexthopId: number;
  hops: number;
}

/** Reads the attributes in place: a dump of a full table is a million of these. */
function lookThrough(payload: Buffer, seen: Seen): void {
  for (let at = HEADER_OCTETS; at + 4 < payload.length; ) {
    const length = readU16(payload, at);
    if (length < 4 || at + length > payload.length) return;
    const type = readU16(payload, at + 2) & 0x3fff;
    if (length >= 8) note(payload, type, at + 4, seen);
    at += (length + 3) & ~3;
  }
}

/** Takes the value of one attribute, of four octets at least. */
function note(payload: Buffer, type: number, at: number, seen: Seen): void {
  switch (type) {
    case RTA_DST:
      seen.dst = at;
      return;
    case RTA_TABLE:
      seen.table = readU32(payload, at);
      return;
    case RTA_PRIORITY:
      seen.metric = readU32(payload, at);
      return;
    case RTA_OIF:
      seen.oif = readU32(payload, at);
      return;
    case RTA_NH_ID:
      seen.nexthopId = readU32(payload, at);
      return;
    case RTA_GATEWAY:
    case RTA_VIA:
    case RTA_MULTIPATH:
      seen.hops = at;
  }
}

/** The kernel leaves the address of a default route out. */
function prefixIn(payload: Buffer, dst: number, family: Family): Prefix {
  const at = family === 4 || dst + 16 <= payload.length ? dst : 0;
  const word = (i: number): number => (at === 0 ? 0 : payload.readUInt32BE(at + i * 4));
  if (family === 4) return prefixOf({ family, w0: word(0), w1: 0, w2: 0, w3: 0 }, payload[1]!);
  return prefixOf({ family, w0: word(0), w1: word(1), w2: word(2), w3: word(3) }, payload[1]!);
}

/** "proto boot, via 192.0.2.1 dev eth0": for an error that says what is in the way. */
export function describeRoute({ protocol, form }: TableRoute, nameOf: (index: number) => string): string {
  const names = new Map([
    [0, "unspec"],
    [1, "redirect"],
    [2, "kernel"],
    [3, "boot"],
    [4, "static"],
    [9, "ra"],
    [11, "zebra"],
    [12, "bird"],
    [16, "dhcp"],
    [186, "bgp"],
    [188, "ospf"],
  ]);
  const types = new Map([
    [RTN_BLACKHOLE, "blackhole"],
    [RTN_UNREACHABLE, "unreachable"],
  ]);
  const words = form.inline.map(
    ({ gateway, oif }) =>
      `${gateway === undefined ? "" : `via ${formatAddress(gateway)} `}dev ${nameOf(oif)}`,
  );
  if (form.oif !== 0) words.push(`dev ${nameOf(form.oif)}`);
  if (form.nexthopId !== 0) words.push(`nhid ${form.nexthopId}`);
  if (form.type !== RTN_UNICAST) words.push(types.get(form.type) ?? `type ${form.type}`);
  return [`proto ${names.get(protocol) ?? protocol}`, ...words].join(", ");
}

export const inTheWay = (prefix: Prefix, what: string): string =>
  `a route for ${formatPrefix(prefix)} that is not ours (${what}) is in the way`;

function inlineIn(payload: Buffer, family: Family): readonly { gateway: Address | undefined; oif: number }[] {
  const attributes = attributesIn(payload, HEADER_OCTETS);
  const multipath = attributes.get(RTA_MULTIPATH);
  const hops: { gateway: Address | undefined; oif: number }[] = [];
  if (multipath === undefined) {
    const gateway = gatewayIn(attributes, family);
    const oif = attributes.get(RTA_OIF);
    return gateway === undefined ? [] : [{ gateway, oif: oif === undefined ? 0 : readU32(oif, 0) }];
  }
  // struct rtnexthop { u16 length; u8 flags; u8 hops; i32 ifindex }, then attributes
  for (let at = 0; at + 8 <= multipath.length; ) {
    const length = readU16(multipath, at);
    if (length < 8 || at + length > multipath.length) break;
    const nested = attributesIn(multipath.subarray(at, at + length), 8);
    hops.push({ gateway: gatewayIn(nested, family), oif: readU32(multipath, at + 4) });
    at += (length + 3) & ~3;
  }
  return hops;
}

function gatewayIn(attributes: Map<number, Buffer>, family: Family): Address | undefined {
  const gateway = attributes.get(RTA_GATEWAY);
  if (gateway !== undefined) return addressOr(gateway, family);
  // RTA_VIA: struct { u16 family; address }: an IPv6 gateway of an IPv4 route (RFC 8950).
  const via = attributes.get(RTA_VIA);
  return via !== undefined && via.length >= 18 ? addressAt(via, 2, 6) : undefined;
}

/** The address in `octets`, or the zero address where the kernel leaves the attribute out. */
function addressOr(octets: Buffer | undefined, family: Family): Address {
  if (octets === undefined || octets.length < (family === 4 ? 4 : 16))
    return { family, w0: 0, w1: 0, w2: 0, w3: 0 };
  return addressAt(octets, 0, family);
}
