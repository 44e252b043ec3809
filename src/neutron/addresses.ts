/** Addresses as the API spells them, reckoned with as numbers. */

import { type Address, ipv4, ipv6, type Prefix, prefixOf, widthOf } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress } from "../bgp/net/text.ts";

/** In the one spelling that addresses are stored and compared in (RFC 5952). */
export function formatted(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

/** "10.65.0.7/24" is 10.65.0.0/24; undefined when it is no prefix with a length. */
function parseSubnet(text: string): Prefix | undefined {
  const [bare = "", digits = "", ...rest] = text.split("/");
  const address = parseAddress(bare);
  if (address === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > widthOf(address.family) ? undefined : prefixOf(address, length);
}

export function subnetSpelling(text: string): string | undefined {
  const prefix = parseSubnet(text);
  return prefix && formatPrefix(prefix);
}

/** Of text that was stored: it was checked when it came. @throws RangeError when it was not */
export function stored(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new RangeError(`a stored address is ${text}`);
  return address;
}

export function storedPrefix(text: string): Prefix {
  const prefix = parseSubnet(text);
  if (prefix === undefined) throw new RangeError(`a stored prefix is ${text}`);
  return prefix;
}

/** Of an allowed address pair its address; undefined: it is of many, which are routed to nobody. */
export function addressOfPair({ ip_address }: { readonly ip_address: string }): Address | undefined {
  if (!ip_address.includes("/")) return stored(ip_address);
  const { length, ...address } = storedPrefix(ip_address);
  return length === widthOf(address.family) ? address : undefined;
}

/** The address `step` (1 or -1) away, over all of its bits. */
export function neighbour(address: Address, step: 1 | -1): Address {
  if (address.family === 4) return ipv4(address.w0 + step);
  const words = [address.w3, address.w2, address.w1, address.w0];
  const wraps = step === 1 ? 0xffff_ffff : 0;
  for (const [i, word] of words.entries()) {
    words[i] = (word + step) >>> 0;
    if (word !== wraps) break;
  }
  return ipv6(words[3]!, words[2]!, words[1]!, words[0]!);
}

/** The highest address of a prefix. */
export function lastOf(prefix: Prefix): Address {
  const free = (bits: number): number => (bits >= 32 ? 0 : bits <= 0 ? 0xffff_ffff : 0xffff_ffff >>> bits);
  const { family, length } = prefix;
  if (family === 4) return ipv4((prefix.w0 | free(length)) >>> 0);
  return ipv6(
    (prefix.w0 | free(length)) >>> 0,
    (prefix.w1 | free(length - 32)) >>> 0,
    (prefix.w2 | free(length - 64)) >>> 0,
    (prefix.w3 | free(length - 96)) >>> 0,
  );
}

/** The modified EUI-64 address of a MAC in a /64 (RFC 4291, appendix A). */
export function slaacAddress(prefix: Prefix, mac: string): Address {
  const octets = mac.split(":").map((octet) => Number.parseInt(octet, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = octets;
  const w2 = ((a ^ 2) << 24) | (b << 16) | (c << 8) | 0xff;
  const w3 = (0xfe << 24) | (d << 16) | (e << 8) | f;
  return ipv6(prefix.w0, prefix.w1, w2 >>> 0, w3 >>> 0);
}
