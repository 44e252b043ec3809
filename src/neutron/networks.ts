/** Networks. An external one is where floating IPs and routers' gateways take their addresses. */

import { readCreate, readUpdate } from "./body.ts";
import { conflict } from "./fault.ts";
import { add, type Creation, type Handler, revise, stamp, type Work } from "./handler.ts";
import { subnetsOf } from "./ipam.ts";
import { DEVICE, type Network, type Port } from "./objects.ts";
import { RESOURCES } from "./resources.ts";
import { ensureDefaultGroup } from "./security-groups.ts";
import { scopeOf } from "./subnet-pools.ts";
import { first, type Reading } from "./tables.ts";

const resource = RESOURCES.networks;

/** Ports that are made and removed with what they serve, and do not keep a network alive. */
const isAutomatic = ({ device_owner }: Port): boolean => device_owner === DEVICE.dhcp;

export const networks: Handler<"networks"> = {
  resource,
  create(work, body) {
    const given = readCreate<Creation<"networks">>(resource, body, work.caller);
    ensureDefaultGroup(work, given.project_id);
    return add(work, resource, { ...stamp(work), ...given });
  },
  update(work, old, body) {
    const patch = readUpdate<Network>(resource, body, work.caller);
    if (patch["router:external"] === false && old["router:external"]) requireNoGateways(work.draft, old);
    return revise(work, "networks", old, patch);
  },
  remove(work, { id }) {
    const { draft } = work;
    removeUnusedFloatingIps(work, id);
    const left = [...draft.by("ports", "network", id)].filter((port) => !isAutomatic(port));
    if (left.length > 0) throw inUse(id, left);
    for (const port of [...draft.by("ports", "network", id)]) draft.remove("ports", port.id);
    for (const subnet of [...draft.by("subnets", "network", id)]) draft.remove("subnets", subnet.id);
    draft.remove("networks", id);
  },
  made: {
    status: () => "ACTIVE",
    subnets: ({ id }, reading) => subnetsOf(reading, id).map((subnet) => subnet.id),
    availability_zones: () => [],
    ipv4_address_scope: ({ id }, reading) => scopeOf(reading, subnetsOf(reading, id), 4),
    ipv6_address_scope: ({ id }, reading) => scopeOf(reading, subnetsOf(reading, id), 6),
  },
};

/** An error that names thousands of ports would help nobody. */
const PORTS_NAMED = 20;

function inUse(id: string, ports: readonly Port[]): Error {
  const ids = ports.slice(0, PORTS_NAMED).map((port) => port.id);
  return conflict(
    "NetworkInUse",
    `Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${ids.join(",")}.`,
  );
}

function requireNoGateways(reading: Reading, { id }: Network): void {
  const gateways = [...reading.by("ports", "network", id)].filter((p) => p.device_owner === DEVICE.gateway);
  if (first(gateways) === undefined) return;
  throw conflict(
    "ExternalNetworkInUse",
    `External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`,
  );
}

/** Floating IPs that lead nowhere go with their network. */
function removeUnusedFloatingIps({ draft }: Work, networkId: string): void {
  for (const floating of [...draft.by("floatingips", "network", networkId)]) {
    if (floating.port_id !== null) continue;
    draft.remove("ports", floating.floating_port_id);
    draft.remove("floatingips", floating.id);
  }
}
