/** Floating IPs: an address of an external network that leads to a port's fixed address through a router. */

import { stored } from "./addresses.ts";
import { readCreate, readUpdate } from "./body.ts";
import { owns, type World } from "./caller.ts";
import { badResource, conflict, Fault } from "./fault.ts";
import { type Handler, require, requireNewId, requireQuota, revise, stamp, type Work } from "./handler.ts";
import { freeAddress, subnetsOf } from "./ipam.ts";
import { joiningRouter } from "./joining-router.ts";
import type { View } from "./members.ts";
import { DEVICE, type FixedIp, type FloatingIp, type Network, type Port } from "./objects.ts";
import { forwardingSummary, forwardingsOf } from "./port-forwardings.ts";
import { statusOf, statusSlots, wayTo } from "./port-status.ts";
import { RESOURCES } from "./resources.ts";
import { requireVisible } from "./seen.ts";
import { addServicePort } from "./service-port.ts";
import type { Reading } from "./tables.ts";
import type { FixedIpRequest } from "./values.ts";

const resource = RESOURCES.floatingips;
const bad = (reason: string): Fault => badResource("floatingip", reason);

interface Asked {
  readonly id?: string;
  readonly floating_network_id: string;
  readonly floating_ip_address: string | null;
  readonly subnet_id: string | null;
  readonly port_id?: string | null;
  readonly fixed_ip_address?: string | null;
  readonly description: string;
}

type Association = Pick<FloatingIp, "port_id" | "fixed_ip_address" | "router_id">;
const NOWHERE: Association = { port_id: null, fixed_ip_address: null, router_id: null };

export const floatingIps: Handler<"floatingips"> = {
  resource,
  create(work, body) {
    const given = readCreate<Asked>(resource, body, work.caller);
    const network = requireVisible(work, "networks", given.floating_network_id);
    if (!network["router:external"]) throw bad(`Network ${network.id} is not a valid external network`);
    requireQuota(work.draft, resource, given.project_id);
    const stamped = { ...stamp(work), ...(given.id !== undefined && { id: given.id }) };
    requireNewId(work.draft, resource, stamped.id);
    const port = addServicePort(work, network, {
      device_id: stamped.id,
      device_owner: DEVICE.floating,
      project_id: "",
      status: "N/A",
      fixed_ips: [addressWish(work.draft, network, given)],
    });
    const floating: FloatingIp = {
      ...stamped,
      project_id: given.project_id,
      name: "",
      description: given.description,
      floating_network_id: network.id,
      floating_ip_address: port.fixed_ips[0]!.ip_address,
      floating_port_id: port.id,
      ...NOWHERE,
      status: "DOWN",
    };
    refuseRouted(work, floating.floating_ip_address);
    const { port_id = null, fixed_ip_address = null } = given;
    const whole = { ...floating, ...associationOf(work, floating, port_id, fixed_ip_address) };
    work.draft.put("floatingips", whole);
    return whole;
  },
  update(work, old, body) {
    const given = readUpdate<Asked>(resource, body, work.caller);
    const { description } = given;
    const isForwarded = forwardingsOf(work.draft, old.id).length > 0;
    if (isForwarded && (given.port_id ?? null) !== null) throw usedByForwardings(old);
    return revise(work, "floatingips", old, {
      ...(description !== undefined && { description }),
      ...(!isForwarded && nextAssociation(work, old, given)),
    });
  },
  remove({ draft }, old) {
    const { id, floating_port_id } = old;
    if (forwardingsOf(draft, id).length > 0) throw usedByForwardings(old);
    draft.remove("floatingips", id);
    draft.remove("ports", floating_port_id);
  },
  made: {
    status: (floating, reading, world) =>
      statusOfFloating(floating, portOf(floating, reading), reading, world),
    port_details: (floating, reading, world) => {
      const port = portOf(floating, reading);
      return port === undefined ? null : detailsOf(port, world);
    },
    port_forwardings: ({ id }, reading) => forwardingsOf(reading, id).map(forwardingSummary),
  },
  restsOn: (floating, reading, world) => {
    const port = portOf(floating, reading);
    const way = wayTo(floating.floating_ip_address, world.marks);
    return port === undefined ? [way] : [way, ...statusSlots(port, world)];
  },
};

const portOf = ({ port_id }: FloatingIp, reading: Reading): Port | undefined =>
  port_id === null ? undefined : reading.get("ports", port_id);

function statusOfFloating(
  { id, floating_ip_address }: FloatingIp,
  port: Port | undefined,
  reading: Reading,
  world: World,
): FloatingIp["status"] {
  const isUsed = port !== undefined || forwardingsOf(reading, id).length > 0;
  return isUsed && world.isReachable(floating_ip_address) ? "ACTIVE" : "DOWN";
}

const detailsOf = (port: Port, world: World): View => ({
  name: port.name,
  network_id: port.network_id,
  mac_address: port.mac_address,
  admin_state_up: port.admin_state_up,
  status: statusOf(port, world),
  device_id: port.device_id,
  device_owner: port.device_owner,
});

const usedByForwardings = ({ id }: FloatingIp): Fault =>
  conflict("FipInUseByPortForwarding", `Floating IP ${id} in use by Port Forwarding resources.`);

export const floatingIpsOf = (reading: Reading, portId: string): FloatingIp[] => [
  ...reading.by("floatingips", "port", portId),
];

export const disassociate = (work: Work, floating: FloatingIp): FloatingIp =>
  revise(work, "floatingips", floating, NOWHERE);

/** The address asked for, or the subnet whose turn it is. Floating IPs are IPv4. */
function addressWish(
  draft: Work["draft"],
  network: Network,
  { floating_ip_address, subnet_id }: Asked,
): FixedIpRequest {
  const subnets = subnetsOf(draft, network.id).filter(({ ip_version }) => ip_version === 4);
  if (subnets.length === 0) throw bad(`Network ${network.id} does not contain any IPv4 subnet`);
  if (floating_ip_address !== null) {
    return { ip_address: floating_ip_address, ...(subnet_id !== null && { subnet_id }) };
  }
  if (subnet_id !== null) return { subnet_id: require(draft, "subnets", subnet_id).id };
  const room = subnets.find((subnet) => freeAddress(draft, subnet, "", []) !== undefined);
  if (room !== undefined) return { subnet_id: room.id };
  const message = `Unable to find any IP address on external network ${network.id}.`;
  throw new Fault(400, "ExternalIpAddressExhausted", message);
}

/**
 * What a PUT means for where it leads. No member at all, or a `port_id` of null, takes it off its port; members
 * without `port_id` leave it there and are checked against that port.
 */
function nextAssociation(work: Work, old: FloatingIp, given: Partial<Asked>): Association {
  const isEmpty = Object.keys(given).length === 0;
  const port_id = given.port_id === undefined && !isEmpty ? old.port_id : (given.port_id ?? null);
  const isKept = port_id !== null && port_id === old.port_id;
  const fixed_ip_address =
    given.fixed_ip_address === undefined && isKept ? old.fixed_ip_address : (given.fixed_ip_address ?? null);
  return associationOf(work, old, port_id, fixed_ip_address);
}

function associationOf(
  work: Work,
  floating: FloatingIp,
  portId: string | null,
  fixedAddress: string | null,
): Association {
  if (portId === null) {
    if (fixedAddress !== null) throw bad("fixed_ip_address cannot be specified without a port_id");
    return NOWHERE;
  }
  const port = require(work.draft, "ports", portId);
  if (!owns(work.caller, port)) {
    throw bad(
      `Cannot process floating IP association with Port ${portId}, since that port is owned by a different project`,
    );
  }
  // Upstream's text has lost its substitution, and clients know it so.
  if (port.device_owner === DEVICE.dhcp) throw bad("Port %(id)s is unable to be assigned a floating IP");
  const fixed = fixedIpOf(port, fixedAddress);
  refuseRouted(work, fixed.ip_address);
  if (port.id !== floating.port_id) {
    requireUnassociated(work.draft, floating, port, fixed);
    refuseForwarded(work.draft, port);
  }
  const router_id = joiningRouter(work.draft, floating.floating_network_id, fixed);
  if (router_id === undefined) {
    throw new Fault(
      404,
      "ExternalGatewayForFloatingIPNotFound",
      `External network ${floating.floating_network_id} is not reachable from subnet ${fixed.subnet_id}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`,
    );
  }
  return { port_id: port.id, fixed_ip_address: fixed.ip_address, router_id };
}

/** Deviates: upstream knows no routed networks, and silence would let everybody wait for packets. */
function refuseRouted({ world }: Work, address: string): void {
  if (!world.isRouted(address)) return;
  throw bad(
    `${address} is of a network that this gateway routes and never translates. A port with an address of it needs no floating IP`,
  );
}

function fixedIpOf(port: Port, wanted: string | null): FixedIp {
  if (wanted !== null) {
    if (stored(wanted).family !== 4) {
      throw bad(`Cannot process floating IP association with ${wanted}, since that is not an IPv4 address`);
    }
    const found = port.fixed_ips.find((ip) => ip.ip_address === wanted);
    if (found === undefined) throw bad(`Port ${port.id} does not have fixed ip ${wanted}`);
    return found;
  }
  const [only, ...others] = port.fixed_ips.filter((ip) => stored(ip.ip_address).family === 4);
  if (only === undefined) {
    throw bad(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`);
  }
  if (others.length === 0) return only;
  throw bad(
    `Port ${port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
  );
}

/** On the host of the port there is one way to an address: all of it, or some of its ports. */
function refuseForwarded(reading: Reading, { id }: Port): void {
  for (const { floatingip_id } of reading.by("port_forwardings", "port", id)) {
    const floating = reading.get("floatingips", floatingip_id);
    if (reading.get("routers", floating?.router_id ?? "")?.distributed !== true) continue;
    const message = `Cannot associate floating IP to port ${id} because it already has a Port Forwarding binding.`;
    throw new Fault(400, "PortHasPortForwarding", message);
  }
}

function requireUnassociated(reading: Reading, floating: FloatingIp, port: Port, fixed: FixedIp): void {
  for (const other of floatingIpsOf(reading, port.id)) {
    const isSamePlace =
      other.id !== floating.id &&
      other.fixed_ip_address === fixed.ip_address &&
      other.floating_network_id === floating.floating_network_id;
    if (!isSamePlace) continue;
    throw conflict(
      "FloatingIPPortAlreadyAssociated",
      `Cannot associate floating IP ${floating.floating_ip_address} (${floating.id}) with port ${port.id} using fixed IP ${fixed.ip_address}, as that fixed IP already has a floating IP on external network ${floating.floating_network_id}.`,
    );
  }
}
