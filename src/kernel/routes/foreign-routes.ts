/** Routes of others that are where ours are to be. */

import type { Family, Prefix } from "../../bgp/net/address.ts";
import { formatPrefix } from "../../bgp/net/text.ts";
import { describeRoute, metricOf, type TableRoute } from "./route-message.ts";

/** Gives all routes of a family in our table, whoever put them there. */
type Dump = (family: Family, each: (route: TableRoute) => void, again: () => void) => Promise<void>;

/** What stands in the way at these prefixes, in words, by prefix text. @param protocol - what marks ours */
export async function foreignAt(
  prefixes: readonly Prefix[],
  protocol: number,
  nameOf: (index: number) => string,
  dump: Dump,
): Promise<Map<string, string>> {
  const wanted = new Set(prefixes.map(formatPrefix));
  const found = new Map<string, string>();
  for (const family of [4, 6] as const) {
    if (!prefixes.some((prefix) => prefix.family === family)) continue;
    await dump(
      family,
      (route) => {
        const text = formatPrefix(route.prefix);
        if (route.protocol === protocol || route.form.metric !== metricOf(family)) return;
        if (wanted.has(text)) found.set(text, describeRoute(route, nameOf));
      },
      () => found.clear(),
    );
  }
  return found;
}
