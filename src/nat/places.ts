/**
 * Where a private address leaves a pool by: what the rules would choose, computed. The maps of a table are made once for
 * all addresses that are asked for.
 */

import { type Address, contains } from "../bgp/net/address.ts";
import type { Endpoint, PortRange } from "../model/model.ts";
import { blocksHeldBy } from "./blocks.ts";
import type { Grant } from "./granted.ts";
import { homeStretches, openPools, SLOT_SEED, slotsByHome } from "./homes.ts";
import { addressSlot } from "./jhash.ts";
import { sharedPools } from "./members.ts";
import type { NatTable } from "./table.ts";

/** The one public address of a private one, and those ports of it that it may have. */
export interface Place {
  readonly address: Address;
  readonly ports: PortRange;
}

/** Undefined: the address is in no private range of a pool, or leaves as a floating IP. */
export type PlaceOf = (address: Address) => Place | undefined;

export function placesOf(table: NatTable): PlaceOf {
  const floating = new Set(
    table.floating.filter(({ egress }) => egress === "floating").map(({ fixed }) => fixed.w0),
  );
  const shared = sharedPlaces(table);
  return (address) => {
    if (address.family !== 4 || floating.has(address.w0)) return undefined;
    return blocksHeldBy(table, address)[0] ?? shared(address);
  };
}

function sharedPlaces(table: NatTable): PlaceOf {
  const portsByAddress = new Map(
    openPools(table).flatMap((pool) => pool.addresses.map(({ w0 }) => [w0, pool.ports] as const)),
  );
  const stretches = homeStretches(table);
  const slots = slotsByHome(table);
  return ({ w0 }) => {
    const home = stretches.find(({ first, last }) => first <= w0 && w0 <= last)?.of.home;
    if (home === undefined) return undefined;
    const spread = slots.get(home.w0);
    const address = spread === undefined ? home : spread[addressSlot(w0, spread.length, SLOT_SEED)]!;
    const ports = portsByAddress.get(address.w0);
    return ports && { address, ports };
  };
}

/** Whether what a private address was given stands: it may be of a pool that gives nothing new. */
export function stands(table: NatTable, { private: inner, public: outer }: Grant): boolean {
  if (!table.private.some((range) => contains(range, inner.address))) return false;
  if (table.floating.some(({ fixed, egress }) => egress === "floating" && fixed.w0 === inner.address.w0))
    return false;
  const held = blocksHeldBy(table, inner.address);
  if (held.length > 0) return held.some((block) => isIn(block, outer));
  return sharedPools(table).some(({ addresses, ports }) =>
    addresses.some((address) => isIn({ address, ports }, outer)),
  );
}

export const isIn = ({ address, ports }: Place, endpoint: Endpoint): boolean =>
  address.w0 === endpoint.address.w0 && ports.first <= endpoint.port && endpoint.port <= ports.last;
