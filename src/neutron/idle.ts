/** What of an object does nothing here, which its answers say: nobody is to wait for packets that never come. */

import { overlaps, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { addressOfPair } from "./addresses.ts";
import type { World } from "./caller.ts";
import type { FloatingIp, Objects, Port, Router } from "./objects.ts";
import type { Owned } from "./resources.ts";
import type { Reading } from "./tables.ts";
import { innerPrefixes, translates } from "./wanted.ts";

type Idle<C extends Owned> = (object: Objects[C], reading: Reading, world: World) => readonly string[];

const NO_FILTER = "gatewayd filters no packets: security groups and their rules are kept, and do nothing";

const IDLE: { readonly [C in Owned]?: Idle<C> } = {
  ports: idlePort,
  routers: idleRouter,
  floatingips: idleFloatingIp,
  security_groups: () => [NO_FILTER],
  security_group_rules: () => [NO_FILTER],
};

/** A sentence for each; none: all of it does something, or nobody asked it to. */
export const idleParts = <C extends Owned>(
  collection: C,
  object: Objects[C],
  reading: Reading,
  world: World,
): readonly string[] => (IDLE[collection] as Idle<C> | undefined)?.(object, reading, world) ?? [];

function idlePort({ allowed_address_pairs: pairs }: Port): readonly string[] {
  return pairs
    .filter((pair) => addressOfPair(pair) === undefined)
    .map(({ ip_address }) => `the allowed addresses ${ip_address} do nothing: only single ones are routed`);
}

function idleRouter(router: Router, reading: Reading, world: World): readonly string[] {
  return [
    ...innerPrefixes(reading, router).flatMap((prefix) => idleInterface(router, prefix, reading, world)),
    ...(router.routes.length > 0
      ? ["extra routes are kept, and do nothing: hosts and peers announce theirs"]
      : []),
    ...(router.ha ? ["ha does nothing: every gateway that shares the store has all routers"] : []),
  ];
}

function idleInterface(router: Router, prefix: Prefix, reading: Reading, world: World): readonly string[] {
  const cidr = formatPrefix(prefix);
  if (world.isRouted(formatAddress(prefix)))
    return [`${cidr} is routed and never translated: the router does nothing for it`];
  if (prefix.family === 6 || !translates(router)) return [];
  for (const other of reading.all("routers")) {
    if (other.id === router.id) return [];
    const isFirst = translates(other) && innerPrefixes(reading, other).some((one) => overlaps(one, prefix));
    if (isFirst) return [`${cidr} goes out by another router that has addresses of it and was made first`];
  }
  return [];
}

function idleFloatingIp(floating: FloatingIp, reading: Reading, world: World): readonly string[] {
  const { floating_ip_address: address, router_id } = floating;
  if (router_id === null) return [];
  if (world.isSaid(address))
    return [`gateway.yaml, or a pool or service of the API, has ${address}: the floating IP does nothing`];
  const isDown = reading.get("routers", router_id)?.admin_state_up === false;
  return isDown
    ? [`router ${router_id} is down (admin_state_up): ${address} leads nowhere until it is up`]
    : [];
}
