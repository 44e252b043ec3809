/** Routers: they join subnets with each other and, through their gateway, with an external network. */

import { contains, overlaps, sameAddress } from "../bgp/net/address.ts";
import { stored, storedPrefix } from "./addresses.ts";
import { readCreate, readUpdate } from "./body.ts";
import { badResource, conflict, Fault, invalidAttribute, notAuthorized } from "./fault.ts";
import { add, type Creation, type Handler, revise, stamp, type Work } from "./handler.ts";
import { fixedIpsFor, subnetsOf } from "./ipam.ts";
import {
  DEVICE,
  type FixedIp,
  type GatewayInfo,
  isRouterInterface,
  type Port,
  type Router,
} from "./objects.ts";
import { mayDo } from "./policies.ts";
import { RESOURCES } from "./resources.ts";
import { requireVisible } from "./seen.ts";
import { addServicePort } from "./service-port.ts";
import type { Reading } from "./tables.ts";
import { type FixedIpRequest, fixedIps, flag, shown, uuid } from "./values.ts";

const resource = RESOURCES.routers;
export const badRouter = (reason: string): Fault => badResource("router", reason);

type Raw = Readonly<Record<string, unknown>>;
type Asked = Omit<Creation<"routers">, "external_gateway_info" | "distributed"> & {
  readonly external_gateway_info?: Raw | null;
  readonly distributed?: boolean;
};

export const routers: Handler<"routers"> = {
  resource,
  create(work, body) {
    const { external_gateway_info: info, ...given } = readCreate<Asked>(resource, body, work.caller);
    const router = add(work, resource, {
      ...stamp(work),
      ...given,
      distributed: given.distributed ?? work.world.routerDistributed,
      external_gateway_info: null,
      gw_port_id: null,
      routes: [],
    });
    if (info === undefined || info === null) return router;
    const whole = { ...router, ...gatewayFor(work, router, info, "create_router") };
    work.draft.put("routers", whole);
    return whole;
  },
  update(work, old, body) {
    const { external_gateway_info: info, ...given } = readUpdate<Asked>(resource, body, work.caller);
    const patch = { ...given, ...(info !== undefined && gatewayFor(work, old, info ?? {}, "update_router")) };
    const next = { ...old, ...patch, routes: given.routes ?? old.routes };
    if (given.routes !== undefined) checkRoutes(work.draft, next);
    return revise(work, "routers", old, { ...patch, routes: next.routes });
  },
  remove({ draft }, { id, gw_port_id }) {
    const faces = interfacesOf(draft, id);
    if (faces.length > 0) {
      const ids = faces.map((port) => port.id).join(", ");
      throw conflict("RouterInUse", `Router ${id} has ports still attached: ${ids}`);
    }
    if (gw_port_id !== null) draft.remove("ports", gw_port_id);
    draft.remove("routers", id);
  },
  made: { status: () => "ACTIVE", availability_zones: () => [], flavor_id: () => null },
};

export const interfacesOf = (reading: Reading, routerId: string): Port[] =>
  [...reading.by("ports", "device", routerId)].filter(isRouterInterface);

interface Wish {
  readonly network_id: string;
  readonly enable_snat?: boolean;
  readonly external_fixed_ips?: readonly FixedIpRequest[];
}

const GATEWAY_READERS = { network_id: uuid, enable_snat: flag, external_fixed_ips: fixedIps } as const;

function readWish(info: Raw): Wish {
  const name = "external_gateway_info";
  const unknown = Object.keys(info).filter((key) => !Object.hasOwn(GATEWAY_READERS, key));
  if (unknown.length > 0 || info["network_id"] === undefined) {
    const keys = Object.keys(info).map((key) => `'${shown(key)}'`);
    const reason = `Validation of dictionary's keys failed. Expected keys: {'network_id'} Provided keys: {${keys.join(", ")}}`;
    throw invalidAttribute(name, reason);
  }
  return {
    network_id: uuid(info["network_id"], name),
    ...(info["enable_snat"] !== undefined && { enable_snat: flag(info["enable_snat"], name) }),
    ...(info["external_fixed_ips"] !== undefined && {
      external_fixed_ips: fixedIps(info["external_fixed_ips"], name),
    }),
  };
}

type Gateway = Pick<Router, "external_gateway_info" | "gw_port_id">;

/** The router's gateway as asked for: nothing in `info` takes it away. */
function gatewayFor(work: Work, router: Router, info: Raw, action: string): Gateway {
  const old = router.external_gateway_info;
  const isCleared = Object.keys(info).length === 0 || info["network_id"] === null;
  const wish = isCleared ? undefined : readWish(info);
  if (wish !== undefined) requireGatewayRights(work, wish, action);
  if (old !== null && wish?.network_id !== old.network_id) requireUnused(work.draft, router, old);
  if (wish === undefined) {
    if (router.gw_port_id !== null) work.draft.remove("ports", router.gw_port_id);
    return { external_gateway_info: null, gw_port_id: null };
  }
  const network = requireVisible(work, "networks", wish.network_id);
  if (!network["router:external"]) throw badRouter(`Network ${network.id} is not an external network`);
  refuseGatewayAddress(work.draft, wish);
  requireApart(work.draft, router, wish.network_id);
  const port = gatewayPort(work, router, wish);
  const routed = port.fixed_ips.find(({ ip_address }) => work.world.isRouted(ip_address))?.ip_address;
  if (routed !== undefined && wish.enable_snat === true) {
    throw badRouter(`${routed} is of a network that this gateway routes and never translates to`);
  }
  const byDefault = old?.network_id === network.id ? old.enable_snat : true;
  return {
    gw_port_id: port.id,
    external_gateway_info: {
      network_id: network.id,
      enable_snat: routed === undefined && (wish.enable_snat ?? byDefault),
      external_fixed_ips: port.fixed_ips,
    },
  };
}

function requireGatewayRights({ caller, draft }: Work, wish: Wish, action: string): void {
  const gateway = `${action}:external_gateway_info`;
  const refused = (["enable_snat", "external_fixed_ips"] as const)
    .filter((name) => wish[name] !== undefined)
    .map((name) => `${gateway}:${name}`)
    .filter((rule) => !mayDo(caller, rule, draft));
  if (refused.length > 0) throw notAuthorized([action, gateway, ...refused]);
}

function requireUnused(reading: Reading, { id }: Router, { network_id }: GatewayInfo): void {
  for (const _ of reading.by("floatingips", "router", id)) {
    throw conflict(
      "RouterExternalGatewayInUseByFloatingIp",
      `Gateway cannot be updated for router ${id}, since a gateway to external network ${network_id} is required by one or more floating IPs.`,
    );
  }
}

function refuseGatewayAddress(reading: Reading, wish: Wish): void {
  const subnets = subnetsOf(reading, wish.network_id);
  for (const { ip_address } of wish.external_fixed_ips ?? []) {
    if (ip_address === undefined || !subnets.some(({ gateway_ip }) => gateway_ip === ip_address)) continue;
    throw badRouter(`External IP ${ip_address} is the same as the gateway IP`);
  }
}

/** A packet's destination must say which way it goes. */
function requireApart(reading: Reading, { id }: Router, networkId: string): void {
  const inner = interfacesOf(reading, id).flatMap((port) => port.fixed_ips.map((ip) => ip.subnet_id));
  for (const subnet of subnetsOf(reading, networkId)) refuseOverlap(reading, subnet.id, new Set(inner));
}

/** @param others - the subnets that a router has already; @throws Fault */
export function refuseOverlap(reading: Reading, subnetId: string, others: ReadonlySet<string>): void {
  const subnet = reading.get("subnets", subnetId)!;
  for (const id of others) {
    const other = reading.get("subnets", id)!;
    if (!overlaps(storedPrefix(subnet.cidr), storedPrefix(other.cidr))) continue;
    throw badRouter(
      `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${other.cidr} of subnet ${other.id}`,
    );
  }
}

function gatewayPort(work: Work, router: Router, wish: Wish): Port {
  const { draft } = work;
  const network = draft.get("networks", wish.network_id)!;
  const old = router.gw_port_id === null ? undefined : draft.get("ports", router.gw_port_id);
  if (old?.network_id === network.id) {
    if (wish.external_fixed_ips === undefined) return old;
    const fixed_ips = fixedIpsFor(draft, network, wish.external_fixed_ips, old.mac_address, old.fixed_ips);
    return revise(work, "ports", old, { fixed_ips: requireAddress(fixed_ips, network.id) });
  }
  const port = addServicePort(work, network, {
    device_id: router.id,
    device_owner: DEVICE.gateway,
    project_id: "",
    status: "ACTIVE",
    fixed_ips: wish.external_fixed_ips,
  });
  requireAddress(port.fixed_ips, network.id);
  if (old !== undefined) draft.remove("ports", old.id);
  return port;
}

function requireAddress(fixed: readonly FixedIp[], networkId: string): readonly FixedIp[] {
  if (fixed.length > 0) return fixed;
  throw badRouter(`No IPs available for external network ${networkId}`);
}

/** Every next hop is a neighbour of the router, and is not the router. */
function checkRoutes(reading: Reading, router: Router): void {
  const own = [...interfacesOf(reading, router.id).flatMap((port) => port.fixed_ips)];
  const outer = router.external_gateway_info?.external_fixed_ips ?? [];
  const fixed = [...own, ...outer];
  const prefixes = fixed.map((ip) => storedPrefix(reading.get("subnets", ip.subnet_id)!.cidr));
  const seen = new Set<string>();
  for (const route of router.routes) {
    const hop = stored(route.nexthop);
    const key = `${route.destination} ${route.nexthop}`;
    const reason = seen.has(key)
      ? "the route is given twice"
      : fixed.some((ip) => sameAddress(stored(ip.ip_address), hop))
        ? "the nexthop is used by router"
        : prefixes.some((prefix) => contains(prefix, hop))
          ? undefined
          : "the nexthop is not connected with router";
    seen.add(key);
    if (reason === undefined) continue;
    throw new Fault(400, "InvalidRoutes", `Invalid format for routes: ${shown(router.routes)}, ${reason}`);
  }
}
