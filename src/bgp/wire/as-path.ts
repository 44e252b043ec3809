/** What is done to AS paths: numbers in front, numbers out, numbers in place of others. */

import { type AsPathSegment, MOST_IN_SEGMENT } from "./path-attributes.ts";

type AsPath = readonly AsPathSegment[];

/** Puts numbers in front: into the first sequence if it has room (RFC 4271 §5.1.2 b). */
export function withFront(path: AsPath, asns: readonly number[]): AsPath {
  if (asns.length === 0) return path;
  const first = path[0];
  if (first?.type !== "sequence" || first.asns.length + asns.length > MOST_IN_SEGMENT) {
    return [{ type: "sequence", asns }, ...path];
  }
  return [{ type: "sequence", asns: [...asns, ...first.asns] }, ...path.slice(1)];
}

/** How often a number is in a path, in segments of any type. */
export function occurrences(path: AsPath, asn: number): number {
  let count = 0;
  for (const { asns } of path) for (const each of asns) if (each === asn) count++;
  return count;
}

/** RFC 6996 §5: for private use, in two octets and in four. */
export const isPrivateAsn = (asn: number): boolean =>
  (asn >= 64_512 && asn <= 65_534) || (asn >= 4_200_000_000 && asn <= 4_294_967_294);

/** Each number as `become` has it; undefined takes it out, and a segment that is left empty with it. */
export function mapped(path: AsPath, become: (asn: number) => number | undefined): AsPath {
  return path.flatMap(({ type, asns }) => {
    const left = asns.map(become).filter((asn) => asn !== undefined);
    return left.length === 0 ? [] : [{ type, asns: left }];
  });
}
