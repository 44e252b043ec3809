/** Questions about addresses, and about many prefixes at once, answered after one sort. */

import {
  type Address,
  compareAddresses,
  comparePrefixes,
  contains,
  type Prefix,
} from "../bgp/net/address.ts";

interface Labelled {
  readonly prefix: Prefix;
}

/**
 * Prefixes that overlap an earlier one of the list: prefixes overlap only when one holds the other. Each prefix is
 * named at most once as the later of two.
 */
export function nested<T extends Labelled>(list: readonly T[]): { inner: T; outer: T }[] {
  const place = new Map(list.map((entry, i) => [entry, i]));
  const sorted = [...list].sort(
    (a, b) => comparePrefixes(a.prefix, b.prefix) || place.get(a)! - place.get(b)!,
  );
  const around: T[] = [];
  const pairs: { inner: T; outer: T }[] = [];
  for (const entry of sorted) {
    while (around.length > 0 && !contains(around.at(-1)!.prefix, entry.prefix)) around.pop();
    const holder = around.at(-1);
    if (holder !== undefined) {
      const later = place.get(holder)! < place.get(entry)!;
      pairs.push(later ? { inner: entry, outer: holder } : { inner: holder, outer: entry });
    }
    around.push(entry);
  }
  return pairs;
}

/**
 * Finds which of the prefixes holds an address. Where prefixes are nested, any of the innermost by order may be
 * missed; {@link nested} reports those lists.
 */
export function holderOf<T extends Labelled>(list: readonly T[]): (address: Address) => T | undefined {
  const sorted = [...list].sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  return (address) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAddresses(sorted[middle]!.prefix, address) <= 0) low = middle + 1;
      else high = middle;
    }
    const candidate = sorted[low - 1];
    return candidate !== undefined && contains(candidate.prefix, address) ? candidate : undefined;
  };
}

const THIS_NETWORK_4: Prefix = { family: 4, w0: 0, w1: 0, w2: 0, w3: 0, length: 8 };

/** Neither unspecified nor multicast nor reserved (RFC 6890): something that a packet can be sent to. */
export function isUnicast(address: Address): boolean {
  if (address.family === 4) return !contains(THIS_NETWORK_4, address) && address.w0 >>> 29 !== 7;
  const unspecified = address.w0 === 0 && address.w1 === 0 && address.w2 === 0 && address.w3 === 0;
  return !unspecified && address.w0 >>> 24 !== 0xff;
}

/** A unicast address that other machines may reach: not of loopback, and not of one link (RFC 4291 §2.5.6). */
export function isReachable(address: Address): boolean {
  if (!isUnicast(address)) return false;
  if (address.family === 4) return address.w0 >>> 24 !== 127;
  const loopback = address.w0 === 0 && address.w1 === 0 && address.w2 === 0 && address.w3 === 1;
  return !loopback && address.w0 >>> 22 !== 0xfe80 >>> 6;
}
