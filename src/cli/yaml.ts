/** Answers as YAML, safe to look at. */

import { Document, isScalar, Scalar, visit } from "yaml";

/** C0, DEL and C1 but for the newline, and what moves or hides text: same set as the API escapes in JSON. */
const UNSEEN = /(?!\n)\p{Cc}|[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** Strings with characters that a terminal obeys become double-quoted ones, where YAML has escapes for them. */
export function toYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, (_key, node) => {
    if (isScalar(node) && typeof node.value === "string" && node.value.search(UNSEEN) >= 0) {
      node.type = Scalar.QUOTE_DOUBLE;
    }
  });
  return document
    .toString({ lineWidth: 0 })
    .replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
