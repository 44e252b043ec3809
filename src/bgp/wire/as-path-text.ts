/** AS paths as routers write them. */

import type { AsPathSegment } from "./path-attributes.ts";

/** A sequence bare, a set in braces, confederation segments in brackets: "64512 {64513,64514}". */
export const formatAsPath = (path: readonly AsPathSegment[]): string => path.map(segmentText).join(" ");

function segmentText({ type, asns }: AsPathSegment): string {
  switch (type) {
    case "sequence":
      return asns.join(" ");
    case "set":
      return `{${asns.join(",")}}`;
    case "confed-sequence":
      return `(${asns.join(" ")})`;
    case "confed-set":
      return `[${asns.join(",")}]`;
    default:
      return type satisfies never;
  }
}
