/** RFC 8092: global administrator, local data 1, local data 2; unsigned 32-bit each. */
export type LargeCommunity = readonly [number, number, number];
