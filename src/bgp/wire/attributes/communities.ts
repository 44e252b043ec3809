/** The four kinds of communities. */

import type { LargeCommunity } from "../../net/communities.ts";
import { type AttributeRow, OPTIONAL, SUBCODE, TRANSITIVE, wordOctets, words } from "./row.ts";

/** RFC 1997; errors: RFC 7606 §7.8. */
export const communities: AttributeRow = {
  code: 8,
  name: "COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 4 },
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.8",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    draft.communities = words(value);
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.communities),
};

/** RFC 4360; errors: RFC 7606 §7.14. */
export const extendedCommunities: AttributeRow = {
  code: 16,
  name: "EXTENDED_COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 8 },
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.14",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    while (value.left > 0) draft.extendedCommunities.push([value.u32(), value.u32()]);
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.extendedCommunities.flat()),
};

/** RFC 8092; errors: its §6. */
export const largeCommunities: AttributeRow = {
  code: 32,
  name: "LARGE_COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 12 },
  malformed: "treat-as-withdraw",
  errors: "RFC 8092 section 6",
  subcode: SUBCODE.optionalAttribute,
  isSound: (octets, start, end) => end - start <= FEW_OCTETS && !hasTwins(octets, start, end),
  decode: (value, draft) => {
    const seen = new Set<string>();
    while (value.left > 0) {
      const community: LargeCommunity = [value.u32(), value.u32(), value.u32()];
      const key = community.join();
      // RFC 8092 §3: a value that is there already is left out, and not passed on.
      if (seen.has(key)) draft.literal = false;
      else draft.largeCommunities.push(community);
      seen.add(key);
    }
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.largeCommunities.flat()),
};

const LARGE_OCTETS = 12;
/** So many are compared each with each. */
const FEW_OCTETS = 16 * LARGE_OCTETS;

function hasTwins(octets: Uint8Array, start: number, end: number): boolean {
  for (let one = start; one < end; one += LARGE_OCTETS) {
    for (let other = one + LARGE_OCTETS; other < end; other += LARGE_OCTETS) {
      let same = 0;
      while (same < LARGE_OCTETS && octets[one + same] === octets[other + same]) same++;
      if (same === LARGE_OCTETS) return true;
    }
  }
  return false;
}

/** RFC 5701; errors: RFC 7606 §7.15. */
export const ipv6ExtendedCommunities: AttributeRow = {
  code: 25,
  name: "IPV6_EXTENDED_COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 20 },
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.15",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    while (value.left > 0) {
      draft.ipv6ExtendedCommunities.push([value.u32(), value.u32(), value.u32(), value.u32(), value.u32()]);
    }
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.ipv6ExtendedCommunities.flat()),
};
