/** NEXT_HOP, and the next hop of MP_REACH_NLRI (RFC 4760, RFC 2545, RFC 8950). */

import { type Address, type Family, ipv4, ipv6, isLinkLocal, zoned } from "../../net/address.ts";
import { addressOctets } from "../../net/text.ts";
import type { Cursor } from "../cursor.ts";
import type { PathAttributes } from "../path-attributes.ts";
import { type AttributeRow, OPTIONAL, SUBCODE, TRANSITIVE, u32Octets, type Wrong } from "./row.ts";

/** RFC 4271 §5.1.3; errors: RFC 7606 §7.3. */
export const nextHop: AttributeRow = {
  code: 3,
  name: "NEXT_HOP",
  flags: TRANSITIVE,
  length: 4,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.3",
  subcode: SUBCODE.invalidNextHop,
  isSound: (octets, start) => isHostOf4(octets[start]!),
  decode: (value, draft, { ours }) => {
    draft.nextHop = ipv4(value.u32());
    return ours || isHost(draft.nextHop) ? undefined : NO_HOST;
  },
  encode: ({ nextHop: address }) => (address.family === 4 ? u32Octets(address.w0) : undefined),
};

/**
 * RFC 4760 §3. Its row sees the attribute without NLRI, as `update.ts` hands it on; there the structure was checked,
 * and an error of that costs the session. What is judged here is the address alone.
 */
export const mpReach: AttributeRow = {
  code: 14,
  name: "MP_REACH_NLRI",
  flags: OPTIONAL,
  length: "any",
  malformed: "treat-as-withdraw",
  errors: "RFC 4271 section 6.3",
  subcode: SUBCODE.optionalAttribute,
  isSound: (octets, start, end) => {
    const address = start + AFI_SAFI_OCTETS + 1;
    if (address + octets[address - 1]! > end) return false;
    return octets[address - 1] === 4 ? isHostOf4(octets[address]!) : isHostOf6(octets[address]!);
  },
  decode: (value, draft, { ours, zone }) => {
    const [address, linkLocal] = mpNextHops(value, zone);
    draft.mpNextHop = address;
    draft.linkLocalNextHop = linkLocal;
    return ours || isHost(address) ? undefined : NO_HOST;
  },
  // Goes first and holds NLRI, so `update-pack.ts` writes it around mpNextHopOctets.
  encode: () => undefined,
};

/** The next hop of an MP_REACH_NLRI, and the link-local one beside it (RFC 2545 §3). @param zone - of the session */
export function mpNextHops(value: Cursor, zone: string | undefined): [Address, Address | undefined] {
  value.window(AFI_SAFI_OCTETS);
  const octets = value.u8();
  const address = octets === 4 ? ipv4(value.u32()) : ipv6Of(value);
  const second = octets === 32 ? ipv6Of(value) : undefined;
  // RFC 2545 §3 allows only a link-local address here; some send zeros for "none".
  const linkLocal = second !== undefined && isLinkLocal(second) ? second : undefined;
  // Where the session runs over the link itself, what is on the link is what leads there for certain.
  if (zone !== undefined && linkLocal !== undefined) return [zoned(linkLocal, zone), undefined];
  return [zoned(address, zone), linkLocal];
}

/** AFI (2 octets) and SAFI (1), which MP_REACH_NLRI and MP_UNREACH_NLRI begin with. */
export const AFI_SAFI_OCTETS = 3;
export const MP_UNREACH_CODE = 15;

/** Whether a next hop field of MP_REACH_NLRI may have this length (RFC 7606 §7.11). */
export function nextHopFits(family: Family, octets: number, extendedNextHop: boolean): boolean {
  if (family === 4 && octets === 4) return true;
  // IPv4 prefixes with an IPv6 next hop only where RFC 8950 §4 was negotiated.
  return (family === 6 || extendedNextHop) && (octets === 16 || octets === 32);
}

/**
 * The next hop field of MP_REACH_NLRI for prefixes of `family`; undefined when the next hop goes into NEXT_HOP.
 * @throws RangeError when IPv6 prefixes have an IPv4 next hop, for which there is no format
 */
export function mpNextHopOctets(attributes: PathAttributes, family: Family): Uint8Array | undefined {
  const { nextHop: address, linkLocalNextHop } = attributes;
  if (address.family === 4) {
    if (family === 6) throw new RangeError("IPv6 prefixes with an IPv4 next hop");
    return undefined;
  }
  if (linkLocalNextHop === undefined) return addressOctets(address);
  const both = new Uint8Array(32);
  both.set(addressOctets(address));
  both.set(addressOctets(linkLocalNextHop), 16);
  return both;
}

const ipv6Of = (value: Cursor): Address => ipv6(value.u32(), value.u32(), value.u32(), value.u32());

/** By the first octet. */
const isHostOf4 = (first: number): boolean => first !== 0 && first !== 127 && first < 224;
/** By the first octet, which leaves out some that are. */
const isHostOf6 = (first: number): boolean => first !== 0 && first !== 0xff;

/**
 * RFC 4271 §6.3: a semantically wrong next hop means that the route is not used. "Ignored", it could leave an older
 * route in its place; RFC 7606 §3(e) has the treat-as-withdraw that is made of it.
 */
const NO_HOST: Wrong = { why: "not the address of a host", rfc: "RFC 4271 section 6.3" };

/** False for what can never be a router's address: "this network", loopback, multicast, reserved (RFC 6890). */
function isHost(address: Address): boolean {
  const first = address.w0 >>> 24;
  if (address.family === 4) return isHostOf4(first);
  const unspecifiedOrLoopback = address.w0 === 0 && address.w1 === 0 && address.w2 === 0 && address.w3 <= 1;
  return !unspecifiedOrLoopback && first !== 0xff;
}
