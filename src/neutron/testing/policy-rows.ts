/** Who is answered what, a row for each policy: of objects of alice's, by four callers. */

import type { Caller } from "../caller.ts";
import type { ApiRequest } from "../service.ts";
import { ADMIN, ALICE, BOB } from "./cloud.ts";
import { ways } from "./estate.ts";

const READER: Caller = { projectId: "alice", role: "reader" };

const extraRoute = (): object => ({
  router: { routes: [{ destination: "10.9.0.0/24", nexthop: "10.20.0.9" }] },
});

/** admin, the owner as member, the owner's project as reader, and a member of another project. */
export const CALLERS: readonly Caller[] = [ADMIN, ALICE, READER, BOB];
type Statuses = readonly [number, number, number, number];

const SEEN: Statuses = [200, 200, 200, 200];
const OWN: Statuses = [200, 200, 200, 404];
const CHANGED: Statuses = [200, 200, 403, 404];
const DELETED: Statuses = [204, 204, 403, 404];
const MADE: Statuses = [201, 201, 403, 201];
const MADE_BELOW: Statuses = [201, 201, 403, 404];
const MADE_BY_ADMIN: Statuses = [201, 403, 403, 403];
const CHANGED_BY_ADMIN: Statuses = [200, 403, 403, 404];

const NEW = "00000000-0000-4000-8000-00000000beef";

type Row = readonly [
  rule: string,
  method: ApiRequest["method"],
  path: string,
  body: ((id: Readonly<Record<string, string>>) => object) | undefined,
  statuses: Statuses,
];

const post = (rule: string, path: string, body: NonNullable<Row[3]>, statuses: Statuses): Row => [
  rule,
  "POST",
  path,
  body,
  statuses,
];
const put = (rule: string, path: string, body: NonNullable<Row[3]>, statuses: Statuses): Row => [
  rule,
  "PUT",
  path,
  body,
  statuses,
];
const get = (rule: string, path: string, statuses: Statuses): Row => [rule, "GET", path, undefined, statuses];
const remove = (rule: string, path: string): Row => [rule, "DELETE", path, undefined, DELETED];

export const ROWS: readonly Row[] = [
  get("get_network", "networks/:network", OWN),
  get("get_network of a shared one", "networks/:shared", SEEN),
  get("get_network of an external one", "networks/:external", SEEN),
  get("get_subnet", "subnets/:subnet", OWN),
  get("get_subnet of a shared network", "subnets/:ofShared", SEEN),
  get("get_subnet of an external network", "subnets/:ofExternal", [200, 404, 404, 404]),
  get("get_port", "ports/:port", OWN),
  get("get_router", "routers/:router", OWN),
  get("get_floatingip", "floatingips/:floating", OWN),
  get("get_subnetpool", "subnetpools/:pool", OWN),
  get("get_address_scope", "address-scopes/:scope", OWN),
  get("get_security_group", "security-groups/:group", OWN),
  get("get_security_group_rule", "security-group-rules/:rule", OWN),
  get("get_quota", "quotas/alice", OWN),
  get("get_network_ip_availability", "network-ip-availabilities/:network", [200, 404, 404, 404]),

  post("create_network", "networks", () => ({ network: {} }), MADE),
  post("create_network:shared", "networks", () => ({ network: { shared: true } }), MADE_BY_ADMIN),
  post(
    "create_network:router:external",
    "networks",
    () => ({ network: { "router:external": true } }),
    MADE_BY_ADMIN,
  ),
  post("create_router", "routers", () => ({ router: {} }), MADE),
  post("create_router:distributed", "routers", () => ({ router: { distributed: true } }), MADE_BY_ADMIN),
  post("create_router:ha", "routers", () => ({ router: { ha: true } }), MADE_BY_ADMIN),
  post("create_subnetpool", "subnetpools", () => ({ subnetpool: { prefixes: ["10.9.0.0/16"] } }), MADE),
  post(
    "create_subnetpool:shared",
    "subnetpools",
    () => ({ subnetpool: { prefixes: ["10.9.0.0/16"], shared: true } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_subnetpool:is_default",
    "subnetpools",
    () => ({ subnetpool: { prefixes: ["10.9.0.0/16"], is_default: true } }),
    MADE_BY_ADMIN,
  ),
  post("create_address_scope", "address-scopes", () => ({ address_scope: { ip_version: 4 } }), MADE),
  post(
    "create_address_scope:shared",
    "address-scopes",
    () => ({ address_scope: { ip_version: 4, shared: true } }),
    MADE_BY_ADMIN,
  ),
  post("create_security_group", "security-groups", () => ({ security_group: { name: "x" } }), MADE),
  post(
    "create_floatingip",
    "floatingips",
    ({ external }) => ({ floatingip: { floating_network_id: external } }),
    MADE,
  ),
  post(
    "create_floatingip:floating_ip_address",
    "floatingips",
    ({ external }) => ({ floatingip: { floating_network_id: external, floating_ip_address: "172.16.1.77" } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_subnet",
    "subnets",
    ({ network }) => ({ subnet: { network_id: network, ip_version: 4, cidr: "10.8.0.0/24" } }),
    MADE_BELOW,
  ),
  post(
    "create_subnet of a shared network",
    "subnets",
    ({ shared }) => ({ subnet: { network_id: shared, ip_version: 4, cidr: "10.8.0.0/24" } }),
    MADE_BY_ADMIN,
  ),
  post("create_port", "ports", ({ network }) => ({ port: { network_id: network } }), MADE_BELOW),
  post("create_port of a shared network", "ports", ({ shared }) => ({ port: { network_id: shared } }), MADE),
  post(
    "create_port:fixed_ips",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, fixed_ips: [{ ip_address: "10.1.0.77" }] } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_port:mac_address",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, mac_address: "fa:16:3e:00:00:77" } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_port:binding:host_id",
    "ports",
    ({ network }) => ({ port: { network_id: network, "binding:host_id": "h" } }),
    [201, 403, 403, 403],
  ),
  post(
    "create_port:binding:profile",
    "ports",
    ({ network }) => ({ port: { network_id: network, "binding:profile": { a: 1 } } }),
    [201, 403, 403, 403],
  ),

  put("update_network", "networks/:network", () => ({ network: { name: "x" } }), CHANGED),
  put(
    "update_network of a shared one",
    "networks/:shared",
    () => ({ network: { name: "x" } }),
    [200, 403, 403, 403],
  ),
  put("update_network:shared", "networks/:network", () => ({ network: { shared: true } }), CHANGED_BY_ADMIN),
  put(
    "update_network:router:external",
    "networks/:network",
    () => ({ network: { "router:external": true } }),
    CHANGED_BY_ADMIN,
  ),
  put("update_subnet", "subnets/:subnet", () => ({ subnet: { name: "x" } }), CHANGED),
  put(
    "update_subnet of a shared network",
    "subnets/:ofShared",
    () => ({ subnet: { name: "x" } }),
    [200, 403, 403, 403],
  ),
  put("update_port", "ports/:port", () => ({ port: { name: "x" } }), CHANGED),
  put(
    "update_port:binding:host_id",
    "ports/:port",
    () => ({ port: { "binding:host_id": "h" } }),
    CHANGED_BY_ADMIN,
  ),
  put("update_router", "routers/:router", () => ({ router: { name: "x" } }), CHANGED),
  put(
    "update_router:distributed",
    "routers/:router",
    () => ({ router: { distributed: true, admin_state_up: false } }),
    CHANGED_BY_ADMIN,
  ),
  put(
    "add_router_interface",
    "routers/:router/add_router_interface",
    ({ subnet }) => ({ subnet_id: subnet }),
    CHANGED,
  ),
  put("update_floatingip", "floatingips/:floating", () => ({ floatingip: { description: "x" } }), CHANGED),
  put("update_subnetpool", "subnetpools/:pool", () => ({ subnetpool: { name: "x" } }), CHANGED),
  put(
    "update_subnetpool:is_default",
    "subnetpools/:pool",
    () => ({ subnetpool: { is_default: true } }),
    CHANGED_BY_ADMIN,
  ),
  put("update_address_scope", "address-scopes/:scope", () => ({ address_scope: { name: "x" } }), CHANGED),
  put("update_security_group", "security-groups/:group", () => ({ security_group: { name: "x" } }), CHANGED),
  ["update_networks_tags", "PUT", "networks/:network/tags/blue", undefined, [201, 201, 403, 404]],
  put("update_quota", "quotas/alice", () => ({ quota: { port: 7 } }), [200, 403, 403, 403]),

  post("create_network:id", "networks", () => ({ network: { id: NEW } }), MADE_BY_ADMIN),
  post(
    "create_subnet:id",
    "subnets",
    ({ network }) => ({ subnet: { id: NEW, network_id: network, ip_version: 4, cidr: "10.8.0.0/24" } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_port:id",
    "ports",
    ({ network }) => ({ port: { id: NEW, network_id: network } }),
    MADE_BY_ADMIN,
  ),
  post("create_router:id", "routers", () => ({ router: { id: NEW } }), MADE_BY_ADMIN),
  post(
    "create_floatingip:id",
    "floatingips",
    ({ external }) => ({ floatingip: { id: NEW, floating_network_id: external } }),
    MADE_BY_ADMIN,
  ),
  post(
    "create_port:device_owner",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, device_owner: "network:dhcp" } }),
    MADE_BY_ADMIN,
  ),
  ...(["create", "update"] as const).flatMap((verb): Row[] => {
    const [method, path] =
      verb === "create" ? (["POST", "routers"] as const) : (["PUT", "routers/:router"] as const);
    const statuses = verb === "create" ? MADE_BY_ADMIN : CHANGED_BY_ADMIN;
    const with_ =
      (more: object): Row[3] =>
      ({ external }) => ({
        router: { external_gateway_info: { network_id: external, ...more } },
      });
    const fixed = { external_fixed_ips: [{ ip_address: "172.16.1.99" }] };
    const rule = `${verb}_router:external_gateway_info`;
    return [
      [`${rule}:enable_snat`, method, path, with_({ enable_snat: false }), statuses],
      [`${rule}:external_fixed_ips`, method, path, with_(fixed), statuses],
    ];
  }),
  put("update_router:ha", "routers/:router", () => ({ router: { ha: true } }), CHANGED_BY_ADMIN),
  put(
    "update_address_scope:shared",
    "address-scopes/:scope",
    () => ({ address_scope: { shared: true } }),
    CHANGED_BY_ADMIN,
  ),
  put(
    "update_port:binding:profile",
    "ports/:port",
    () => ({ port: { "binding:profile": { a: 1 } } }),
    CHANGED_BY_ADMIN,
  ),
  // Of a network that is the owner's; of a shared one only admins may, see below.
  put(
    "update_port:mac_address",
    "ports/:port",
    () => ({ port: { mac_address: "fa:16:3e:00:00:78" } }),
    CHANGED,
  ),
  put(
    "update_port:fixed_ips",
    "ports/:port",
    () => ({ port: { fixed_ips: [{ ip_address: "10.2.0.88" }] } }),
    CHANGED,
  ),
  post(
    "create_port:allowed_address_pairs",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, allowed_address_pairs: [{ ip_address: "10.1.0.9" }] } }),
    MADE_BY_ADMIN,
  ),
  put(
    "update_port:allowed_address_pairs",
    "ports/:port",
    () => ({ port: { allowed_address_pairs: [{ ip_address: "10.2.0.9" }] } }),
    CHANGED,
  ),
  put("update_port:device_owner", "ports/:port", () => ({ port: { device_owner: "network:dhcp" } }), CHANGED),
  [
    "remove_router_interface",
    "PUT",
    "routers/:joined/remove_router_interface",
    ({ inner }) => ({ subnet_id: inner }),
    // A floating IP's port forwardings hang on it.
    [409, 409, 403, 404],
  ],
  get("get_port_forwarding", "floatingips/:forwarder/port_forwardings/:forwarding", OWN),
  post(
    "create_port_forwarding",
    "floatingips/:forwarder/port_forwardings",
    ({ behind }) => ({ port_forwarding: ways(behind!, 444) }),
    MADE_BELOW,
  ),
  put(
    "update_port_forwarding",
    "floatingips/:forwarder/port_forwardings/:forwarding",
    () => ({ port_forwarding: { description: "x" } }),
    CHANGED,
  ),
  put(
    "onboard_network_subnets",
    "subnetpools/:pool/onboard_network_subnets",
    ({ network }) => ({ network_id: network }),
    CHANGED,
  ),
  put("add_prefixes", "subnetpools/:pool/add_prefixes", () => ({ prefixes: ["10.4.0.0/16"] }), CHANGED),
  put("remove_prefixes", "subnetpools/:pool/remove_prefixes", () => ({ prefixes: ["10.3.9.0/24"] }), CHANGED),
  put("add_extraroutes", "routers/:joined/add_extraroutes", extraRoute, CHANGED),
  put("remove_extraroutes", "routers/:joined/remove_extraroutes", extraRoute, CHANGED),
  put(
    "onboard_network_subnets of a shared network",
    "subnetpools/:pool/onboard_network_subnets",
    ({ shared }) => ({ network_id: shared }),
    CHANGED_BY_ADMIN,
  ),
  remove("delete_port_forwarding", "floatingips/:forwarder/port_forwardings/:forwarding"),
  post(
    "create_security_group_rule",
    "security-group-rules",
    ({ group }) => ({
      security_group_rule: { security_group_id: group, direction: "egress", protocol: "tcp" },
    }),
    MADE_BELOW,
  ),
  [
    "update_security_group_rule",
    "PUT",
    "security-group-rules/:rule",
    () => ({ security_group_rule: { description: "x" } }),
    // Upstream's rules never change.
    [400, 400, 403, 404],
  ],
  put("update_tags", "networks/:network/tags", () => ({ tags: ["blue"] }), CHANGED),
  ["delete_quota", "DELETE", "quotas/alice", undefined, [204, 403, 403, 403]],

  remove("delete_network", "networks/:network"),
  remove("delete_subnet", "subnets/:subnet"),
  remove("delete_port", "ports/:port"),
  remove("delete_router", "routers/:router"),
  remove("delete_floatingip", "floatingips/:floating"),
  remove("delete_subnetpool", "subnetpools/:pool"),
  remove("delete_address_scope", "address-scopes/:scope"),
  remove("delete_security_group", "security-groups/:group"),
  remove("delete_security_group_rule", "security-group-rules/:rule"),
];
