/** Which objects a list has to look at: by an index, where one of its filters has one. */

import type { Objects } from "./objects.ts";
import type { QueryPairs } from "./query.ts";
import type { Owned } from "./resources.ts";
import type { IndexNames, Reading } from "./tables.ts";

type Indexed = { readonly [C in Owned]?: Readonly<Record<string, IndexNames[C]>> };

/** By the attribute that a filter names. */
const INDEXED: Indexed = {
  subnets: { network_id: "network" },
  ports: { device_id: "device", network_id: "network", "binding:host_id": "host" },
  floatingips: {
    floating_ip_address: "address",
    floating_network_id: "network",
    port_id: "port",
    router_id: "router",
  },
};

/**
 * Of all objects, at least those that every filter lets through. An object may come in any order, and comes once.
 * Undefined: any may be among them.
 */
export function candidates<C extends Owned>(
  reading: Reading,
  collection: C,
  query: QueryPairs,
): readonly Objects[C][] | undefined {
  const asked = (name: string): ReadonlySet<string> =>
    new Set(query.flatMap(([key, value]) => (key === name ? [value] : [])));
  const ids = asked("id");
  if (ids.size > 0) return [...ids].flatMap((id) => reading.get(collection, id) ?? []);
  for (const [name, index] of Object.entries<IndexNames[C]>(INDEXED[collection] ?? {})) {
    const values = asked(name);
    // Without a value it asks for what has none, and that is in no index.
    if (values.size > 0 && !values.has("")) {
      return [...values].flatMap((value) => [...reading.by(collection, index, value)]);
    }
  }
  return undefined;
}
