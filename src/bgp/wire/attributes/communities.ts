/** The four kinds of communities. */

import { type AttributeRow, OPTIONAL, SUBCODE, TRANSITIVE, wordOctets, words } from "./row.ts";

/** RFC 1997; errors: RFC 7606 §7.8. */
export const communities: AttributeRow = {
  code: 8,
  name: "COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 4 },
  malformed: "treat-as-withdraw",
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
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    while (value.left > 0) draft.largeCommunities.push([value.u32(), value.u32(), value.u32()]);
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.largeCommunities.flat()),
};

/** RFC 5701; errors: RFC 7606 §7.15. */
export const ipv6ExtendedCommunities: AttributeRow = {
  code: 25,
  name: "IPV6_EXTENDED_COMMUNITIES",
  flags: OPTIONAL | TRANSITIVE,
  length: { entriesOf: 20 },
  malformed: "treat-as-withdraw",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    while (value.left > 0) {
      draft.ipv6ExtendedCommunities.push([value.u32(), value.u32(), value.u32(), value.u32(), value.u32()]);
    }
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.ipv6ExtendedCommunities.flat()),
};
