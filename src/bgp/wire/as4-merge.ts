/** The real AS path and aggregator out of what a speaker with 2-octet AS numbers sent (RFC 6793 §4.2.3). */

import { AS_TRANS } from "./attributes/path.ts";
import type { Draft } from "./attributes/row.ts";
import { type AsPathSegment, asPathLength } from "./path-attributes.ts";

/** Puts AS4_PATH and AS4_AGGREGATOR, where they count, into `asPath` and `aggregator`. */
export function mergeAs4(draft: Draft): void {
  const { aggregator, as4Aggregator, asPath, as4Path } = draft;
  // An old speaker aggregated after the 4-octet numbers were written: they tell of a path that is gone.
  if (aggregator !== undefined && as4Aggregator !== undefined && aggregator.asn !== AS_TRANS) return;
  if (aggregator !== undefined && as4Aggregator !== undefined) draft.aggregator = as4Aggregator;
  if (asPath === undefined || as4Path === undefined) return;
  const surplus = asPathLength(asPath) - asPathLength(as4Path);
  if (surplus < 0) return;
  draft.asPath = joined(leading(asPath, surplus), as4Path);
}

/** The segments that hold the first `count` AS numbers, a set counting as one; leading confederation segments too. */
function leading(path: readonly AsPathSegment[], count: number): AsPathSegment[] {
  const head: AsPathSegment[] = [];
  let missing = count;
  for (const segment of path) {
    const { type, asns } = segment;
    const confederation = type === "confed-sequence" || type === "confed-set";
    if (missing === 0 && !confederation) break;
    if (type === "sequence" && asns.length > missing) {
      head.push({ type, asns: asns.slice(0, missing) });
      break;
    }
    head.push(segment);
    missing -= asPathLength([segment]);
  }
  return head;
}

/** One path of two; the sequence that both sides of the seam belong to becomes one again. */
function joined(head: readonly AsPathSegment[], tail: readonly AsPathSegment[]): AsPathSegment[] {
  const last = head.at(-1);
  const first = tail[0];
  if (last?.type !== "sequence" || first?.type !== "sequence") return [...head, ...tail];
  return [...head.slice(0, -1), { type: "sequence", asns: [...last.asns, ...first.asns] }, ...tail.slice(1)];
}
