/** Answers as YAML, safe to look at. */

import { Document, isScalar, Scalar, visit } from "yaml";
import { escapeUnseen, UNSEEN } from "./json.ts";

/** Strings with characters that a terminal obeys become double-quoted ones, where YAML has escapes for them. */
export function toYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, (_key, node) => {
    if (isScalar(node) && typeof node.value === "string" && node.value.search(UNSEEN) >= 0) {
      node.type = Scalar.QUOTE_DOUBLE;
    }
  });
  return escapeUnseen(document.toString({ lineWidth: 0 }));
}
