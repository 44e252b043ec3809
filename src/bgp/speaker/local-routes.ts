/** Routes of our own, as path attributes. */

import { ipv4, ipv6 } from "../net/address.ts";
import { type Origin, originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import type { LocalRoute } from "./options.ts";

const ORIGIN: Readonly<Record<NonNullable<LocalRoute["origin"]>, Origin>> = { igp: 0, egp: 1, incomplete: 2 };

/** Stands for our own address of the session that the route is sent on. */
const OURS = { 4: ipv4(0), 6: ipv6(0, 0, 0, 0) } as const;

export function attributesOf(route: LocalRoute): PathAttributes {
  return {
    ...originatedAttributes(route.nextHop ?? OURS[route.prefix.family]),
    origin: ORIGIN[route.origin ?? "igp"],
    med: route.med,
    communities: route.communities ?? [],
    largeCommunities: route.largeCommunities ?? [],
  };
}
