/** Routers and floating IPs. */

import { EXIT, Failure } from "../io.ts";
import type { ResourceRow, View } from "./row.ts";
import {
  ADMIN_STATE,
  COMMON,
  compounds,
  flag,
  NAME,
  object,
  type Patch,
  TAGS,
  text,
  type Verb,
} from "./words.ts";

const CHANGE: readonly Verb[] = ["create", "set"];
export const ROUTE = { destination: { member: "destination" }, gateway: { member: "nexthop" } };
const FIXED_IP = { subnet: { member: "subnet_id", path: "subnets" }, "ip-address": { member: "ip_address" } };

/** Of the gateway, which Neutron has as one member with three in it. */
const GATEWAY = ["network_id", "enable_snat", "external_fixed_ips"] as const;

/** A change of a part needs to name the network again; another network keeps nothing of the old gateway. */
function withGateway(patch: Patch, current: View | undefined): Patch {
  const parts = GATEWAY.filter((name) => patch[name] !== undefined);
  if (parts.length === 0) return patch;
  const rest = Object.entries(patch).filter(([name]) => !(GATEWAY as readonly string[]).includes(name));
  const old = current?.["external_gateway_info"] as View | null | undefined;
  const network_id = patch["network_id"] ?? old?.["network_id"];
  if (network_id === undefined) {
    throw new Failure(EXIT.usage, "the router has no gateway", "name its network with --external-gateway");
  }
  const info = Object.fromEntries(parts.map((name) => [name, patch[name]]));
  return { ...Object.fromEntries(rest), external_gateway_info: { ...info, network_id } };
}

export const routers: ResourceRow = {
  command: ["router"],
  path: "routers",
  member: "router",
  collection: "routers",
  one: "router",
  many: "routers",
  argument: "router",
  names: ["name"],
  made: text("<name>", "what it is called", "name"),
  options: [
    ...NAME,
    object("--external-gateway <network>", "an external network, for the way out", "network_id", "networks"),
    flag("--external-gateway", "no way out", { external_gateway_info: {} }, ["unset"]),
    compounds(
      "--fixed-ip <ip>",
      "subnet=S,ip-address=A: the gateway's own address; several are possible",
      "external_fixed_ips",
      FIXED_IP,
      CHANGE,
    ),
    flag("--enable-snat", "its networks go out with the gateway's address: the default", {
      enable_snat: true,
    }),
    flag("--disable-snat", "they go out as they are", { enable_snat: false }),
    flag("--distributed", "floating IPs are translated on the hosts of their ports", { distributed: true }),
    flag("--centralized", "they are translated at the gateway: the default", { distributed: false }),
    compounds("--route <route>", "destination=CIDR,gateway=A; several are possible", "routes", ROUTE, [
      "set",
      "unset",
    ]),
    flag("--no-route", "without those that it has", { routes: [] }, ["set"]),
    ...ADMIN_STATE,
    ...COMMON,
    ...TAGS,
  ],
  arrange: withGateway,
  columns: [
    { header: "ID", member: "id" },
    { header: "Name", member: "name" },
    { header: "Up", member: "admin_state_up" },
    { header: "Gateway", member: "external_gateway_info" },
    { header: "Distributed", member: "distributed" },
    { header: "Routes", member: "routes", wide: true },
    { header: "Project", member: "project_id", wide: true },
  ],
  examples: {
    create: "gwctl router create --external-gateway public router1",
    list: "gwctl router list -o wide",
    show: "gwctl router show router1",
    set: "gwctl router set --external-gateway public --disable-snat router1",
    unset: "gwctl router unset --external-gateway router1",
    delete: "gwctl router delete router1",
  },
};

export const floatingIps: ResourceRow = {
  command: ["floatingip"],
  path: "floatingips",
  member: "floatingip",
  collection: "floatingips",
  one: "floating IP",
  many: "floating IPs",
  argument: "floatingip",
  names: ["floating_ip_address"],
  made: object("[network]", "an external one; --network says the same", "floating_network_id", "networks"),
  options: [
    object("--network <network>", "where its address is from", "floating_network_id", "networks", ["create"]),
    object("--network <network>", "only those of this network", "floating_network_id", "networks", ["list"]),
    object("--subnet <subnet>", "of the network, where there are several", "subnet_id", "subnets", [
      "create",
    ]),
    text("--floating-ip-address <ip>", "this very address", "floating_ip_address", ["create"]),
    text("--floating-ip-address <ip>", "only this one", "floating_ip_address", ["list"]),
    object("--port <port>", "it leads to", "port_id", "ports", CHANGE),
    flag("--port", "leads nowhere", { port_id: null }, ["unset"]),
    object("--port <port>", "only those that lead to it", "port_id", "ports", ["list"]),
    text("--fixed-ip-address <ip>", "of the port, where it has several", "fixed_ip_address", [
      ...CHANGE,
      "list",
    ]),
    object("--router <router>", "only those behind it", "router_id", "routers", ["list"]),
    text("--status <status>", "only ACTIVE or DOWN ones", "status", ["list"]),
    ...COMMON,
    ...TAGS,
  ],
  columns: [
    { header: "ID", member: "id" },
    { header: "Floating IP", member: "floating_ip_address" },
    { header: "Fixed IP", member: "fixed_ip_address" },
    { header: "Port", member: "port_id" },
    { header: "Status", member: "status" },
    { header: "Network", member: "floating_network_id", wide: true },
    { header: "Router", member: "router_id", wide: true },
    { header: "Project", member: "project_id", wide: true },
  ],
  examples: {
    create: "gwctl floatingip create --network public --port vm-a",
    list: "gwctl floatingip list --port vm-a",
    show: "gwctl floatingip show 172.16.1.3",
    set: "gwctl floatingip set --port vm-b 172.16.1.3",
    unset: "gwctl floatingip unset --port 172.16.1.3",
    delete: "gwctl floatingip delete 172.16.1.3",
  },
};
