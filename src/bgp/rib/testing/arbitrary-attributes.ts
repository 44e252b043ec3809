/** Attribute sets of all kinds, for laws that hold for each. */

import fc from "fast-check";
import type { PathAttributes } from "../../wire/path-attributes.ts";

export const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
export const u32: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0xffffffff });
const segment = fc.record({
  type: fc.constantFrom("sequence" as const, "sequence" as const, "set" as const),
  asns: fc.oneof(
    fc.array(u32, { minLength: 1, maxLength: 4 }),
    fc.constant(new Array<number>(255).fill(7)),
    fc.constant(new Array<number>(254).fill(7)),
  ),
});
const unknown = fc
  .tuple(fc.constantFrom(60, 200), fc.uint8Array({ maxLength: 300 }))
  .map(([code, value]) => ({ code, flags: 0xe0, value }));

export const attributes: fc.Arbitrary<Partial<PathAttributes>> = fc.record({
  origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
  asPath: fc.array(segment, { maxLength: 3 }),
  med: option(u32),
  localPref: option(u32),
  atomicAggregate: fc.boolean(),
  aggregator: option(fc.record({ asn: u32, address: u32 })),
  communities: fc.array(u32, { maxLength: 80 }),
  largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32), { maxLength: 2, selector: String }),
  originatorId: option(u32),
  clusterList: fc.array(u32, { maxLength: 2 }),
  unknown: fc.uniqueArray(unknown, { maxLength: 2, selector: ({ code }) => code }),
  partial: fc.constantFrom([], [8]),
});
