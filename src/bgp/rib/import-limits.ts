/**
 * What keeps a path out whatever the import policy says: more AS numbers or communities than its peer may send. Judged
 * on columns, so that it costs two comparisons per UPDATE and nothing per prefix.
 */

import type { AttributeColumns } from "./attribute-columns.ts";
import type { AttrId } from "./attribute-pool.ts";
import type { Verdict } from "./route-filter.ts";

/** Infinite: as many as fit into a message. */
export interface ImportLimits {
  /** AS numbers of the path, as the decision process counts them. */
  readonly asPathLength: number;
  /** Of all kinds together. */
  readonly communities: number;
  /** How often our own AS number may be in a path; where it is more often, the path is a loop. */
  readonly ownAs: number;
}

export const NO_IMPORT_LIMITS: ImportLimits = {
  asPathLength: Number.POSITIVE_INFINITY,
  communities: Number.POSITIVE_INFINITY,
  ownAs: 0,
};

export const sameLimits = (a: ImportLimits, b: ImportLimits): boolean =>
  a.asPathLength === b.asPathLength && a.communities === b.communities && a.ownAs === b.ownAs;

/** The verdict on a path that is over a limit; undefined: the policy's counts. */
export function overLimit(
  { pathLength, communities }: AttributeColumns,
  attrs: AttrId,
  limits: ImportLimits,
): Verdict | undefined {
  if (pathLength[attrs]! > limits.asPathLength) return LONG_PATH;
  return communities[attrs]! > limits.communities ? MANY_COMMUNITIES : undefined;
}

/** Which loop a path is (RFC 4271 §9.1.2, RFC 4456 §8); undefined: none. */
export const loopOf = (
  columns: AttributeColumns,
  attrs: number,
  { ownAs }: ImportLimits,
): ReturnType<AttributeColumns["loopOf"]> =>
  columns.isLooped(attrs) ? columns.loopOf(attrs, ownAs) : undefined;

const rejection = (rule: string): Verdict => ({ accepted: false, rule, tag: undefined, change: undefined });
/** On what policy has made longer than any message: nobody could be told of it. */
export const TOO_LONG: Verdict = rejection("limit.attributesTooLong");
const LONG_PATH: Verdict = rejection("limit.maxAsPathLength");
const MANY_COMMUNITIES: Verdict = rejection("limit.maxCommunities");
