/** JSON that may hold anything. */

type Json = Readonly<Record<string, unknown>>;

/** A member of an object; undefined when it is none, or has no such member. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Json)[key];
  }
  return found;
}
