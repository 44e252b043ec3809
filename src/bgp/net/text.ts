/** Addresses and prefixes from and to text: the only place of the library that knows their spelling. */

import {
  type Address,
  type Family,
  ipv4,
  ipv6,
  isLinkLocal,
  type Prefix,
  prefixOf,
  sameAddress,
  widthOf,
  zoned,
} from "./address.ts";

/** Parses "192.0.2.1" or "2001:db8::1" (RFC 4291 §2.2, no zone). Undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** As {@link parseAddress}, and a link-local address with its zone: "fe80::1%eth0" (RFC 4007 §11). */
export function parseScopedAddress(text: string): Address | undefined {
  const at = text.indexOf("%");
  if (at < 0) return parseAddress(text);
  const address = parseAddress(text.slice(0, at));
  const zone = text.slice(at + 1);
  return address !== undefined && isLinkLocal(address) && isZone(zone) ? zoned(address, zone) : undefined;
}

/** Parses "192.0.2.0/24" or "2001:db8::/32"; host bits must be zero. A bare address is its /32 or /128. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = widthOf(address.family);
  const digits = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  if (length > width) return undefined;
  const prefix = prefixOf(address, length);
  return sameAddress(prefix, address) ? prefix : undefined;
}

export function formatAddress(address: Address): string {
  if (address.family === 4) return formatIpv4(address.w0);
  const text = formatIpv6(address);
  return address.zone === undefined ? text : `${text}%${address.zone}`;
}

/** What an address is known by in maps: of IPv4 its own number, since a million of them would be slow as text. */
export type AddressKey = number | string;

export const addressKey = (address: Address): AddressKey =>
  address.family === 4 ? address.w0 : formatAddress(address);

export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.length}`;

/** "192.0.2.1:323" or "[2001:db8::1]:323". */
export function formatEndpoint({ address, port }: { address: Address; port: number }): string {
  const text = formatAddress(address);
  return address.family === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

/** The octets of an address in network order: 4 or 16. */
export function addressOctets(address: Address): Uint8Array {
  const octets = new Uint8Array(address.family === 4 ? 4 : 16);
  const view = new DataView(octets.buffer);
  view.setUint32(0, address.w0);
  if (address.family === 6) {
    view.setUint32(4, address.w1);
    view.setUint32(8, address.w2);
    view.setUint32(12, address.w3);
  }
  return octets;
}

/** Reads an address of a family at an offset. @throws RangeError when the octets end before it does */
export function addressAt(octets: Uint8Array, offset: number, family: Family): Address {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (family === 4) return ipv4(view.getUint32(offset));
  return ipv6(
    view.getUint32(offset),
    view.getUint32(offset + 4),
    view.getUint32(offset + 8),
    view.getUint32(offset + 12),
  );
}

/** By its characters: lists of objects ask for hundreds of thousands at once. */
function parseIpv4(text: string): Address | undefined {
  let value = 0;
  let at = 0;
  for (let place = 0; place < 4; place++) {
    const end = place === 3 ? text.length : text.indexOf(".", at);
    const octet = octetAt(text, at, end);
    if (octet < 0) return undefined;
    value = value * 256 + octet;
    at = end + 1;
  }
  return ipv4(value);
}

/** -1: there is none. No zero leads, which to some means octal. */
function octetAt(text: string, from: number, end: number): number {
  const isOctal = end > from + 1 && text.charCodeAt(from) === ZERO;
  if (end <= from || end > from + 3 || isOctal) return -1;
  let octet = 0;
  for (let i = from; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    octet = octet * 10 + digit;
  }
  return octet > 255 ? -1 : octet;
}

const ZERO = 48;

function parseIpv6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves[1] === undefined ? [] : groupsOf(halves[1], true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const g = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return ipv6(g[0]! * 65536 + g[1]!, g[2]! * 65536 + g[3]!, g[4]! * 65536 + g[5]!, g[6]! * 65536 + g[7]!);
}

/** The 16-bit groups; where these are the last of the address, an IPv4 address may be the last two (RFC 4291 §2.2). */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const embedded = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (embedded === undefined) return undefined;
      groups.push(embedded.w0 >>> 16, embedded.w0 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** What Linux takes for the name of an interface. */
const isZone = (text: string): boolean => /^[^\s/:%\0]{1,15}$/.test(text);

const formatIpv4 = (w: number): string => `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;

/** RFC 5952 §4: lower case, no leading zeros, the longest run of two or more zero groups as "::", the first of equals. */
function formatIpv6(a: Address): string {
  const groups = [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0xffff) return `::ffff:${formatIpv4(a.w3)}`;
  let start = 0;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) [start, longest] = [i, end - i];
    if (end > i) i = end;
  }
  const hex = groups.map((g) => g.toString(16));
  if (longest < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + longest).join(":")}`;
}
