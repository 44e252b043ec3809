/** What no sequence of requests may break. */

import { contains, overlaps } from "../../bgp/net/address.ts";
import { storedPrefix } from "../addresses.ts";
import {
  DEVICE,
  type FloatingIp,
  type Objects,
  type Port,
  type PortForwarding,
  type Subnet,
} from "../objects.ts";
import type { Reading } from "../tables.ts";

/** Empty when all of it holds: no address and no MAC twice, no reference to nothing. */
export function broken(reading: Reading): string[] {
  const ports = [...reading.all("ports")];
  return [
    ...twice(ports.flatMap((port) => port.fixed_ips.map((ip) => `${ip.subnet_id} ${ip.ip_address}`))),
    ...twice(ports.map((port) => `${port.network_id} ${port.mac_address}`)),
    ...ports.flatMap((port) => dangling(reading, referencesOfPort(port))),
    ...[...reading.all("subnets")].flatMap((subnet) => brokenSubnet(reading, subnet)),
    ...[...reading.all("subnetpools")].flatMap((pool) =>
      dangling(reading, [["address_scopes", pool.address_scope_id]]),
    ),
    ...[...reading.all("routers")].flatMap(({ gw_port_id, external_gateway_info }) =>
      dangling(reading, [
        ["ports", gw_port_id],
        ["networks", external_gateway_info?.network_id ?? null],
      ]),
    ),
    ...[...reading.all("floatingips")].flatMap((floating) => brokenFloating(reading, floating)),
    ...[...reading.all("port_forwardings")].flatMap((forwarding) => brokenForwarding(reading, forwarding)),
  ];
}

type References = readonly (readonly [collection: keyof Objects, id: string | null])[];

const twice = (keys: readonly string[]): string[] => {
  const seen = new Set<string>();
  return keys.filter((key) => seen.size === seen.add(key).size).map((key) => `twice: ${key}`);
};

const dangling = (reading: Reading, references: References): string[] =>
  references
    .filter(([collection, id]) => id !== null && reading.get(collection, id) === undefined)
    .map(([collection, id]) => `there is no ${collection} ${id}`);

function referencesOfPort(port: Port): References {
  return [
    ["networks", port.network_id],
    ...port.fixed_ips.map((ip) => ["subnets", ip.subnet_id] as const),
    ...port.security_groups.map((id) => ["security_groups", id] as const),
    ["floatingips", port.device_owner === DEVICE.floating ? port.device_id : null],
    ["routers", port.device_owner.startsWith("network:router") ? port.device_id : null],
  ];
}

/** One that a pool gave is within the pool, and meets no other that it gave. */
function brokenSubnet(reading: Reading, { id, cidr, network_id, subnetpool_id }: Subnet): string[] {
  const prefix = storedPrefix(cidr);
  const pool = reading.get("subnetpools", subnetpool_id ?? "");
  const isInside = pool?.prefixes.some((one) => contains(storedPrefix(one), prefix)) ?? true;
  const others = [...reading.by("subnets", "pool", subnetpool_id ?? "")].filter((one) => one.id !== id);
  return [
    ...dangling(reading, [
      ["networks", network_id],
      ["subnetpools", subnetpool_id],
    ]),
    ...(isInside ? [] : [`${id} is not within its pool`]),
    ...others.filter((one) => overlaps(storedPrefix(one.cidr), prefix)).map((one) => `${id} meets ${one.id}`),
  ];
}

function brokenFloating(reading: Reading, floating: FloatingIp): string[] {
  const references: References = [
    ["networks", floating.floating_network_id],
    ["ports", floating.floating_port_id],
    ["ports", floating.port_id],
    ["routers", floating.router_id],
  ];
  const port = reading.get("ports", floating.port_id ?? "");
  const router = reading.get("routers", floating.router_id ?? "");
  const leads = port?.fixed_ips.some(({ ip_address }) => ip_address === floating.fixed_ip_address) ?? true;
  const leaves =
    router === undefined || router.external_gateway_info?.network_id === floating.floating_network_id;
  return [
    ...dangling(reading, references),
    ...(leads ? [] : [`${floating.id} leads to no address of its port`]),
    ...(leaves ? [] : [`${floating.id} has no way out`]),
  ];
}

function brokenForwarding(
  reading: Reading,
  { id, floatingip_id, internal_port_id, internal_ip_address }: PortForwarding,
): string[] {
  const floating = reading.get("floatingips", floatingip_id);
  const port = reading.get("ports", internal_port_id);
  const leads = port?.fixed_ips.some(({ ip_address }) => ip_address === internal_ip_address) ?? true;
  return [
    ...dangling(reading, [
      ["floatingips", floatingip_id],
      ["ports", internal_port_id],
    ]),
    ...(leads ? [] : [`${id} leads to no address of its port`]),
    ...(floating?.router_id === null ? [`${id} has no way out`] : []),
    ...(floating?.port_id !== null ? [`${id} is of a floating IP that leads elsewhere`] : []),
  ];
}
