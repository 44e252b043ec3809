/** Attaching subnets to a router, and taking them off. */

import { contains } from "../bgp/net/address.ts";
import { stored, storedPrefix } from "./addresses.ts";
import { owns } from "./caller.ts";
import { badRequest, conflict, Fault } from "./fault.ts";
import { require, revise, type Work } from "./handler.ts";
import { subnetsOf } from "./ipam.ts";
import type { View } from "./members.ts";
import { DEVICE, type Port, type Router, type Subnet } from "./objects.ts";
import { requireWrite } from "./policies.ts";
import { forwardingsOf } from "./port-forwardings.ts";
import { badRouter, interfacesOf, refuseOverlap } from "./routers.ts";
import { requireVisible } from "./seen.ts";
import { addServicePort } from "./service-port.ts";
import { uuid } from "./values.ts";

interface Named {
  readonly portId: string | undefined;
  readonly subnetId: string | undefined;
}

function readNamed(body: unknown): Named {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("Body contains invalid data");
  }
  const { port_id, subnet_id } = body as Readonly<Record<string, unknown>>;
  return {
    portId: port_id === undefined || port_id === null ? undefined : uuid(port_id, "port_id"),
    subnetId: subnet_id === undefined || subnet_id === null ? undefined : uuid(subnet_id, "subnet_id"),
  };
}

/** @throws Fault */
export function addInterface(work: Work, router: Router, body: unknown): View {
  requireWrite(work.caller, "add_router_interface");
  const { portId, subnetId } = readNamed(body);
  if (portId !== undefined && subnetId !== undefined) {
    throw badRouter("Cannot specify both subnet-id and port-id");
  }
  if (portId !== undefined) return answerOf(router, attachPort(work, router, portId));
  if (subnetId !== undefined) return answerOf(router, attachSubnet(work, router, subnetId));
  throw badRouter("Either subnet_id or port_id must be specified");
}

const ownerFor = ({ distributed }: Router): string => (distributed ? DEVICE.distributed : DEVICE.interface);

function attachPort(work: Work, router: Router, id: string): Port {
  const port = requireVisible(work, "ports", id);
  if (port.device_id !== "" || port.device_owner !== "") {
    const message = `Unable to complete operation on port ${port.id} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`;
    throw conflict("PortInUse", message);
  }
  if (port.fixed_ips.length === 0) throw badRouter("Router port must have at least one fixed IP");
  for (const { subnet_id } of port.fixed_ips)
    requireRoom(work, router, require(work.draft, "subnets", subnet_id));
  return revise(work, "ports", port, {
    device_id: router.id,
    device_owner: ownerFor(router),
    status: "ACTIVE",
    security_groups: [],
  });
}

function attachSubnet(work: Work, router: Router, id: string): Port {
  const subnet = require(work.draft, "subnets", id);
  const network = require(work.draft, "networks", subnet.network_id);
  if (!owns(work.caller, subnet) && !network.shared) {
    throw badRouter(
      `Cannot add interface to router because subnet ${id} is not owned by project making the request`,
    );
  }
  if (subnet.gateway_ip === null) throw badRouter("Subnet for router interface must have a gateway IP");
  requireRoom(work, router, subnet);
  return addServicePort(work, network, {
    device_id: router.id,
    device_owner: ownerFor(router),
    project_id: router.project_id,
    status: "ACTIVE",
    fixed_ips: [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }],
  });
}

function requireRoom({ draft }: Work, router: Router, subnet: Subnet): void {
  const inner = interfacesOf(draft, router.id).flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id));
  if (inner.includes(subnet.id)) throw badRouter(`Router already has a port on subnet ${subnet.id}`);
  const gateway = router.external_gateway_info;
  const outer = gateway === null ? [] : subnetsOf(draft, gateway.network_id).map(({ id }) => id);
  refuseOverlap(draft, subnet.id, new Set([...inner, ...outer]));
}

/** @throws Fault */
export function removeInterface(work: Work, router: Router, body: unknown): View {
  requireWrite(work.caller, "remove_router_interface");
  const named = readNamed(body);
  if (named.portId === undefined && named.subnetId === undefined) {
    throw badRouter("Either subnet_id or port_id must be specified");
  }
  const port = attached(work, router, named);
  requireUnused(work, router, port);
  work.draft.remove("ports", port.id);
  return answerOf(router, port);
}

function attached({ draft }: Work, router: Router, { portId, subnetId }: Named): Port {
  const faces = interfacesOf(draft, router.id);
  const holds = (port: Port): boolean => port.fixed_ips.some((ip) => ip.subnet_id === subnetId);
  if (portId !== undefined) {
    const port = faces.find(({ id }) => id === portId);
    if (port === undefined) {
      const message = `Router ${router.id} does not have an interface with id ${portId}`;
      throw new Fault(404, "RouterInterfaceNotFound", message);
    }
    if (subnetId === undefined || holds(port)) return port;
    const message = `Subnet on port ${portId} does not match the requested subnet ${subnetId}.`;
    throw new Fault(400, "SubnetMismatchForPort", message);
  }
  require(draft, "subnets", subnetId!);
  const port = faces.find(holds);
  if (port !== undefined) return port;
  const message = `Router ${router.id} has no interface on subnet ${subnetId}`;
  throw new Fault(404, "RouterInterfaceNotFoundForSubnet", message);
}

/** Floating IPs and extra routes that lead through this interface. */
function requireUnused({ draft }: Work, router: Router, face: Port): void {
  const subnets = new Set(face.fixed_ips.map((ip) => ip.subnet_id));
  const ways = [...draft.by("floatingips", "router", router.id)].flatMap((floating) => [
    { portId: floating.port_id, address: floating.fixed_ip_address },
    ...forwardingsOf(draft, floating.id).map(({ internal_port_id, internal_ip_address }) => ({
      portId: internal_port_id,
      address: internal_ip_address,
    })),
  ]);
  for (const { portId, address } of ways) {
    const port = draft.get("ports", portId ?? "");
    const fixed = port?.fixed_ips.find((ip) => ip.ip_address === address);
    if (fixed === undefined || !subnets.has(fixed.subnet_id)) continue;
    throw conflict(
      "RouterInterfaceInUseByFloatingIP",
      `Router interface for subnet ${fixed.subnet_id} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs.`,
    );
  }
  for (const id of subnets) {
    const prefix = storedPrefix(draft.get("subnets", id)!.cidr);
    const isNeeded = router.routes.some(({ nexthop }) => contains(prefix, stored(nexthop)));
    if (!isNeeded) continue;
    throw conflict(
      "RouterInterfaceInUseByRoute",
      `Router interface for subnet ${id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`,
    );
  }
}

function answerOf(router: Router, port: Port): View {
  const subnetIds = port.fixed_ips.map((ip) => ip.subnet_id);
  return {
    id: router.id,
    tenant_id: router.project_id,
    project_id: router.project_id,
    port_id: port.id,
    network_id: port.network_id,
    subnet_id: subnetIds[0] ?? null,
    subnet_ids: subnetIds,
    tags: router.tags,
  };
}
