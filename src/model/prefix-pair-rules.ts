/** What must hold of prefixes that are others outside. */

import { contains, type Prefix } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "./model.ts";
import { error, type Violation } from "./violation.ts";

/** Each has rules of its own, which packets of such prefixes pass one after the other. */
export const PREFIX_PAIRS = 16;

/** Shorter ones leave no word of the address untouched that could make up for the difference. */
const SHORTEST = 16;
/** With longer ones there would be no subnet that has a /64. */
const LONGEST = 64;

export function prefixPairViolations({ nat, role }: Partial<Model>): Violation[] {
  if (nat === undefined) return [];
  if (nat.prefixes.length > PREFIX_PAIRS)
    return [
      error(
        ["nat", "prefixes"],
        `there are ${nat.prefixes.length}, and at most ${PREFIX_PAIRS}`,
        "make them fewer, and shorter",
      ),
    ];
  return nat.prefixes.flatMap(({ internal, external }, i) => {
    const path = ["nat", "prefixes", i];
    const [inner, outer] = [formatPrefix(internal), formatPrefix(external)];
    const found = [
      ...sideViolations(internal, [...path, "internal"]),
      ...sideViolations(external, [...path, "external"]),
    ];
    if (found.length > 0) return found;
    if (internal.length !== external.length)
      return [
        error([...path, "external"], `${outer} is not as long as ${inner}`, "make both the same length"),
      ];
    if (!nat.private.some((range) => contains(range, internal)))
      found.push(
        error([...path, "internal"], `${inner} is in no range of nat.private`, `add ${inner} to nat.private`),
      );
    if (nat.prefixes.some((other, k) => k < i && overlaps(other.internal, internal)))
      found.push(error([...path, "internal"], `${inner} is translated already`, "take one of the two out"));
    if (role === "compute")
      found.push(error(path, "only a gateway translates prefixes", "take it out, or write `role: gateway`"));
    return found;
  });
}

function sideViolations(prefix: Prefix, path: Violation["path"]): Violation[] {
  const text = formatPrefix(prefix);
  if (prefix.family !== 6)
    return [error(path, `${text}: only IPv6 prefixes are translated so`, "use a pool")];
  if (prefix.length >= SHORTEST && prefix.length <= LONGEST) return [];
  return [error(path, `${text}: a length of ${SHORTEST} to ${LONGEST} is wanted`)];
}

const overlaps = (a: Prefix, b: Prefix): boolean => contains(a, b) || contains(b, a);
