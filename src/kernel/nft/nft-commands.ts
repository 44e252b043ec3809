/** What the core may ask of netd about our table, beside its whole text. */

import { InvalidCommand, listOf, parseJson } from "../fields.ts";

/** The name of a set of our table. @throws InvalidCommand */
export function decodeSetName(payload: Buffer): string {
  const name = parseJson(payload);
  if (typeof name !== "string" || !/^[a-z][a-z0-9_]{0,30}$/.test(name))
    throw new InvalidCommand("not the name of a set");
  return name;
}

const MAX_HELPERS = 64;

/** What stands in the braces of `ct helper` objects. @throws InvalidCommand */
export const decodeHelpers = (payload: Buffer): string[] =>
  listOf(parseJson(payload), "helpers", MAX_HELPERS).map((body) => {
    if (typeof body !== "string" || !/^type "[\w.]{1,15}" protocol (tcp|udp); l3proto ip;$/.test(body))
      throw new InvalidCommand("helpers: not the body of a helper");
    return body;
  });
