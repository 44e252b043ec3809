/** Which AS numbers an eBGP peer is shown in a path, where that is not as RFC 4271 §5.1.2 has it. */

import { isPrivateAsn, mapped } from "../wire/as-path.ts";
import type { AsPathSegment } from "../wire/path-attributes.ts";

/**
 * What becomes of numbers for private use (RFC 6996). if-only: they go when there is no other number in the path.
 * replace: our own number stands in their place, so that the path stays as long.
 */
export type PrivateAsRemoval = "if-only" | "all" | "replace";

export interface AsView {
  /** The peer's own AS number. */
  readonly remoteAsn: number;
  /** What the peer takes for our AS number. */
  readonly localAsn: number;
  /** Our real AS number does not stand behind `localAsn`. */
  readonly hidesOwnAsn: boolean;
  readonly removePrivateAs: PrivateAsRemoval | undefined;
  /** The peer's own number becomes ours, so that it does not take the path for a loop. */
  readonly asOverride: boolean;
}

/** Numbers out and in place of others. The peer's own stays unless it is overridden: it must see its loops. */
export function cleanedFor(
  path: readonly AsPathSegment[],
  { remoteAsn, localAsn, hidesOwnAsn, removePrivateAs, asOverride }: AsView,
  asn: number,
): readonly AsPathSegment[] {
  const ours = hidesOwnAsn ? localAsn : asn;
  const overridden = asOverride ? mapped(path, (each) => (each === remoteAsn ? ours : each)) : path;
  if (removePrivateAs === undefined) return overridden;
  const isKept = (each: number): boolean => !isPrivateAsn(each) || each === remoteAsn;
  if (removePrivateAs === "replace") return mapped(overridden, (each) => (isKept(each) ? each : ours));
  const isMixed = overridden.some(({ asns }) => asns.some((each) => !isPrivateAsn(each)));
  if (removePrivateAs === "if-only" && isMixed) return overridden;
  return mapped(overridden, (each) => (isKept(each) ? each : undefined));
}

/** What stands in front of what the peer is told: our number as it knows it, and behind that the real one. */
export const frontOf = ({ localAsn, hidesOwnAsn }: AsView, asn: number): readonly number[] =>
  hidesOwnAsn || localAsn === asn ? [localAsn] : [localAsn, asn];

export const sameView = (a: AsView | undefined, b: AsView | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    a.remoteAsn === b?.remoteAsn &&
    a.localAsn === b.localAsn &&
    a.hidesOwnAsn === b.hidesOwnAsn &&
    a.removePrivateAs === b.removePrivateAs &&
    a.asOverride === b.asOverride);
