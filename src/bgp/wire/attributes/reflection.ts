/** What route reflectors add (RFC 4456 §8). */

import { type AttributeRow, OPTIONAL, SUBCODE, u32Octets, wordOctets, words } from "./row.ts";

/** Errors: RFC 7606 §7.9. */
export const originatorId: AttributeRow = {
  code: 9,
  name: "ORIGINATOR_ID",
  flags: OPTIONAL,
  length: 4,
  ibgpOnly: true,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.9",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    draft.originatorId = value.u32();
    return undefined;
  },
  encode: (attributes) =>
    attributes.originatorId === undefined ? undefined : u32Octets(attributes.originatorId),
};

/** Errors: RFC 7606 §7.10. */
export const clusterList: AttributeRow = {
  code: 10,
  name: "CLUSTER_LIST",
  flags: OPTIONAL,
  length: { entriesOf: 4 },
  ibgpOnly: true,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.10",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    draft.clusterList = words(value);
    return undefined;
  },
  encode: (attributes) => wordOctets(attributes.clusterList),
};
