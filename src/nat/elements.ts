/** Addresses and prefixes as elements of nftables sets. */

import { type Address, comparePrefixes, contains, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { Elements } from "./layout.ts";

export const elements = (keys: readonly string[]): Elements => new Map(keys.map((key) => [key, ""]));

export const addresses = (list: readonly Address[]): Elements => elements(list.map(formatAddress));

/** nftables refuses intervals that overlap: what lies within another one is left out. */
export function intervals(prefixes: readonly Prefix[]): Elements {
  const outer: Prefix[] = [];
  for (const prefix of prefixes.toSorted(comparePrefixes)) {
    // Sorted, a prefix comes right after the one that holds it and what else that one holds.
    const last = outer.at(-1);
    if (last === undefined || !contains(last, prefix)) outer.push(prefix);
  }
  return elements(outer.map((p) => (isHost(p) ? formatAddress(p) : formatPrefix(p))));
}

export const isIpv4 = (prefix: Prefix): boolean => prefix.family === 4;
export const isIpv6 = (prefix: Prefix): boolean => prefix.family === 6;
export const isHost = (prefix: Prefix): boolean => prefix.length === (prefix.family === 4 ? 32 : 128);
