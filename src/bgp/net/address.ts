/**
 * IP addresses and prefixes as numbers.
 *
 * An address is up to four 32-bit words in network order: an IPv4 address is whole in `w0` and has zero in the
 * others, so that code for both families is the same code. Text exists only where it is parsed or printed.
 */

export type Family = 4 | 6;

/** An IPv4 or IPv6 address. Words are unsigned 32-bit integers; IPv4 uses only `w0`. */
export interface Address {
  readonly family: Family;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  /** Of a link-local IPv6 address: the interface that it is behind (RFC 4007). Elsewhere it would mean nothing. */
  readonly zone?: string;
}

/** A prefix: an address whose bits from `length` on are zero. */
export interface Prefix extends Address {
  /** 0..32 for IPv4, 0..128 for IPv6. */
  readonly length: number;
}

/** Bits in an address of this family. */
export const widthOf = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

export function ipv4(value: number): Address {
  return { family: 4, w0: value >>> 0, w1: 0, w2: 0, w3: 0 };
}

export function ipv6(w0: number, w1: number, w2: number, w3: number): Address {
  return { family: 6, w0: w0 >>> 0, w1: w1 >>> 0, w2: w2 >>> 0, w3: w3 >>> 0 };
}

/** The prefix of `length` bits that holds `address`; host bits are cleared. */
export function prefixOf(address: Address, length: number): Prefix {
  return {
    family: address.family,
    w0: maskWord(address.w0, length),
    w1: maskWord(address.w1, length - 32),
    w2: maskWord(address.w2, length - 64),
    w3: maskWord(address.w3, length - 96),
    length,
  };
}

/** The /32 or /128 of an address. */
export const hostPrefix = (address: Address): Prefix => prefixOf(address, widthOf(address.family));

/** True when `inner` (an address, or a prefix at least as long) lies within `outer`. */
export function contains(outer: Prefix, inner: Address | Prefix): boolean {
  if (outer.family !== inner.family) return false;
  if ("length" in inner && inner.length < outer.length) return false;
  const { length } = outer;
  return (
    maskWord(inner.w0, length) === outer.w0 &&
    maskWord(inner.w1, length - 32) === outer.w1 &&
    maskWord(inner.w2, length - 64) === outer.w2 &&
    maskWord(inner.w3, length - 96) === outer.w3
  );
}

export const overlaps = (a: Prefix, b: Prefix): boolean =>
  a.length <= b.length ? contains(a, b) : contains(b, a);

export function sameAddress(a: Address, b: Address): boolean {
  return compareWords(a, b) === 0 && a.zone === b.zone;
}

export const samePrefix = (a: Prefix, b: Prefix): boolean => a.length === b.length && sameAddress(a, b);

/** Numeric order, IPv4 before IPv6; equal ones by the name of their zone. */
export function compareAddresses(a: Address, b: Address): number {
  const order = compareWords(a, b);
  if (order !== 0 || a.zone === b.zone) return order;
  return (a.zone ?? "") < (b.zone ?? "") ? -1 : 1;
}

/** In fe80::/64: the 54 bits behind fe80::/10 are zero (RFC 4291 §2.5.6). */
export const isLinkLocal = ({ family, w0, w1 }: Address): boolean =>
  family === 6 && w0 === 0xfe80_0000 && w1 === 0;

/** The address without its zone. */
export const unzoned = (address: Address): Address =>
  address.zone === undefined ? address : ipv6(address.w0, address.w1, address.w2, address.w3);

/** 0.0.0.0 or ::, on whatever interface. */
export const isUnspecified = ({ w0, w1, w2, w3 }: Address): boolean => (w0 | w1 | w2 | w3) === 0;

/** The address on, or behind, that interface. Only a link-local one is another one there. */
export const zoned = (address: Address, zone: string | undefined): Address =>
  zone === undefined || !isLinkLocal(address) ? address : { ...address, zone };

/** By address, then the shorter prefix first. */
export const comparePrefixes = (a: Prefix, b: Prefix): number =>
  compareAddresses(a, b) || a.length - b.length;

/** Keeps the first `bits` bits of a word; all of it above 31, none below 1. */
export function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
}

const compareWords = (a: Address, b: Address): number =>
  a.family - b.family || a.w0 - b.w0 || a.w1 - b.w1 || a.w2 - b.w2 || a.w3 - b.w3;
