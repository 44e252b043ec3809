/** The path attributes that we know, by code. MP_UNREACH_NLRI holds only NLRI and is split off before (`update.ts`). */

import {
  communities,
  extendedCommunities,
  ipv6ExtendedCommunities,
  largeCommunities,
} from "./communities.ts";
import { MP_UNREACH_CODE, mpReach, nextHop } from "./next-hop.ts";
import { aggregator, as4Aggregator, as4Path, asPath, origin } from "./path.ts";
import { atomicAggregate, localPref, med, onlyToCustomer } from "./preference.ts";
import { clusterList, originatorId } from "./reflection.ts";
import type { AttributeRow } from "./row.ts";

export const ATTRIBUTE_ROWS: readonly AttributeRow[] = [
  origin,
  asPath,
  nextHop,
  med,
  localPref,
  atomicAggregate,
  aggregator,
  communities,
  originatorId,
  clusterList,
  mpReach,
  extendedCommunities,
  as4Path,
  as4Aggregator,
  ipv6ExtendedCommunities,
  largeCommunities,
  onlyToCustomer,
];

/** By code; undefined: one that we do not know. An array, since it is asked for every attribute that comes or goes. */
export const ROW_BY_CODE: readonly (AttributeRow | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  ATTRIBUTE_ROWS.find((row) => row.code === code),
);

/** As the registry spells it; "attribute 99" for one that we do not know. */
export function attributeName(code: number): string {
  if (code === MP_UNREACH_CODE) return "MP_UNREACH_NLRI";
  return ROW_BY_CODE[code]?.name ?? `attribute ${code}`;
}
