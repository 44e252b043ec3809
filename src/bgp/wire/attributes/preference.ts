/** Attributes of one number or none, which order paths or mark them. */

import { type AttributeRow, OPTIONAL, SUBCODE, TRANSITIVE, u32Octets } from "./row.ts";

/** MULTI_EXIT_DISC (RFC 4271 §5.1.4); errors: RFC 7606 §7.4. */
export const med: AttributeRow = {
  code: 4,
  name: "MULTI_EXIT_DISC",
  flags: OPTIONAL,
  length: 4,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.4",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    draft.med = value.u32();
    return undefined;
  },
  encode: (attributes) => (attributes.med === undefined ? undefined : u32Octets(attributes.med)),
};

/** RFC 4271 §5.1.5; errors: RFC 7606 §7.5. */
export const localPref: AttributeRow = {
  code: 5,
  name: "LOCAL_PREF",
  flags: TRANSITIVE,
  length: 4,
  ibgpOnly: true,
  malformed: "treat-as-withdraw",
  errors: "RFC 7606 section 7.5",
  subcode: SUBCODE.length,
  decode: (value, draft) => {
    draft.localPref = value.u32();
    return undefined;
  },
  encode: (attributes) => (attributes.localPref === undefined ? undefined : u32Octets(attributes.localPref)),
};

/** RFC 4271 §5.1.6; errors: RFC 7606 §7.6. */
export const atomicAggregate: AttributeRow = {
  code: 6,
  name: "ATOMIC_AGGREGATE",
  flags: TRANSITIVE,
  length: 0,
  malformed: "attribute-discard",
  errors: "RFC 7606 section 7.6",
  subcode: SUBCODE.length,
  decode: (_, draft) => {
    draft.atomicAggregate = true;
    return undefined;
  },
  encode: (attributes) => (attributes.atomicAggregate ? new Uint8Array(0) : undefined),
};

/** RFC 9234 §5, errors too. */
export const onlyToCustomer: AttributeRow = {
  code: 35,
  name: "ONLY_TO_CUSTOMER",
  flags: OPTIONAL | TRANSITIVE,
  length: 4,
  malformed: "treat-as-withdraw",
  errors: "RFC 9234 section 5",
  subcode: SUBCODE.optionalAttribute,
  decode: (value, draft) => {
    draft.onlyToCustomer = value.u32();
    return undefined;
  },
  encode: (attributes) =>
    attributes.onlyToCustomer === undefined ? undefined : u32Octets(attributes.onlyToCustomer),
};
