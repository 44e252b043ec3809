/**
 * The tables that a station can be told of: what a peer told us (RFC 7854 §2), what we tell it (RFC 8671 §3), each before
 * and after policy, and what we chose (RFC 9069 §3).
 */

export const BMP_TABLES = [
  "pre-policy",
  "post-policy",
  "rib-out-pre-policy",
  "rib-out-post-policy",
  "loc-rib",
] as const;

export type BmpTable = (typeof BMP_TABLES)[number];

/** RFC 7854 §4.2: L, after policy. RFC 8671 §4: O, Adj-RIB-Out. */
const POST_POLICY_FLAG = 0x40;
const OUT_FLAG = 0x10;

/** What the header of a message about routes says of their table, beside the type of its peer. */
export const TABLE_FLAGS: Readonly<Record<BmpTable, number>> = {
  "pre-policy": 0,
  "post-policy": POST_POLICY_FLAG,
  "rib-out-pre-policy": OUT_FLAG,
  "rib-out-post-policy": OUT_FLAG | POST_POLICY_FLAG,
  "loc-rib": 0,
};
