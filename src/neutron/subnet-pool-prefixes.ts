/** Prefixes put into a subnet pool and taken out of it, without saying the others again. */

import { overlaps } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import { storedPrefix } from "./addresses.ts";
import { badRequest } from "./fault.ts";
import { revise, type Work } from "./handler.ts";
import type { View } from "./members.ts";
import type { SubnetPool } from "./objects.ts";
import { requireWrite } from "./policies.ts";
import { freeIn, merged } from "./prefix-space.ts";
import { illegalPrefixes, noPrefixes, requireScopeIsOurs, subnetPools } from "./subnet-pools.ts";
import { list, subnetText } from "./values.ts";

const readPrefixes = list(subnetText);

function prefixesIn(body: unknown): readonly string[] {
  const given = typeof body === "object" && body !== null && "prefixes" in body ? body.prefixes : undefined;
  if (!Array.isArray(given) || given.length === 0) throw badRequest("Request body contains invalid data");
  return readPrefixes(given, "prefixes");
}

/** @throws Fault */
export function addPrefixes(work: Work, pool: SubnetPool, body: unknown): View {
  requireWrite(work.caller, "add_prefixes");
  const prefixes = [...pool.prefixes, ...prefixesIn(body)];
  return { prefixes: subnetPools.update(work, pool, { subnetpool: { prefixes } }).prefixes };
}

/**
 * What of them is in the pool goes, be it a part of a larger prefix; what is not in it is no error.
 * Deviates: upstream leaves a pool without any prefix, from which nothing can be cut.
 * @throws Fault
 */
export function removePrefixes(work: Work, pool: SubnetPool, body: unknown): View {
  requireWrite(work.caller, "remove_prefixes");
  const removed = prefixesIn(body).map(storedPrefix);
  requireScopeIsOurs(work, pool);
  for (const { cidr } of work.draft.by("subnets", "pool", pool.id)) {
    if (!removed.some((prefix) => overlaps(storedPrefix(cidr), prefix))) continue;
    throw illegalPrefixes("One or more the prefixes to be removed is in use by a subnet.");
  }
  const left = merged(pool.prefixes.map(storedPrefix).flatMap((prefix) => [...freeIn(prefix, removed)]));
  if (left.length === 0) throw noPrefixes();
  const prefixes = readPrefixes(left.map(formatPrefix), "prefixes");
  return { prefixes: revise(work, "subnetpools", pool, { prefixes }).prefixes };
}
