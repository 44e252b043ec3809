/** Keys that the design knows and this version does not. They are refused by name: ignored, they would promise. */

import type { Path } from "./findings.ts";

/** By the mapping that a key stands in, indexes and group names left out. */
const NOT_BUILT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "nat.pools[]": {
    limits: "limits per private address; take it out",
  },
};

/** What is missing and what to do, for a key that will be; undefined for any other. */
export function notBuilt(parent: Path, key: string): { message: string; hint: string } | undefined {
  const place = parent
    .map((step, i) => (typeof step === "number" ? "[]" : i === 2 && parent[1] === "groups" ? "*" : step))
    .join(".")
    .replaceAll(".[]", "[]");
  const entry = NOT_BUILT[place];
  if (entry === undefined || !Object.hasOwn(entry, key)) return undefined;
  const [what, hint] = entry[key]!.split("; ");
  return { message: `not built yet: ${what}`, hint: hint! };
}
