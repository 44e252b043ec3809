import { expect, test } from "vitest";
import type { Caller } from "./caller.ts";
import type { ApiRequest } from "./service.ts";
import { ADMIN, ALICE, BOB, Cloud } from "./testing/cloud.ts";

const READER: Caller = { projectId: "alice", role: "reader" };

/** Objects of alice's, and an admin's networks beside them: one shared, one external. */
function estate(): { readonly cloud: Cloud; readonly id: Readonly<Record<string, string>> } {
  const cloud = new Cloud();
  const made = (path: string, name: string, given: object, caller: Caller = ALICE): string =>
    cloud.make(path, name, given, caller).id;
  const shared = made("networks", "network", { shared: true }, ADMIN);
  const external = made("networks", "network", { "router:external": true }, ADMIN);
  const network = made("networks", "network", {});
  const cidr = (network_id: string, text: string): object => ({ network_id, ip_version: 4, cidr: text });
  const ofShared = made("subnets", "subnet", cidr(shared, "10.1.0.0/24"), ADMIN);
  const ofExternal = made("subnets", "subnet", cidr(external, "172.16.1.0/24"), ADMIN);
  const subnet = made("subnets", "subnet", cidr(network, "10.2.0.0/24"));
  const port = made("ports", "port", { network_id: network });
  const router = made("routers", "router", {});
  const floating = made("floatingips", "floatingip", { floating_network_id: external });
  const scope = made("address-scopes", "address_scope", { ip_version: 4 });
  const pool = made("subnetpools", "subnetpool", { prefixes: ["10.3.0.0/16"] });
  const group = made("security-groups", "security_group", { name: "web" });
  const rule = made("security-group-rules", "security_group_rule", {
    security_group_id: group,
    direction: "ingress",
  });
  const own = { network, subnet, port, router, floating, scope, pool, group, rule };
  return { cloud, id: { ...own, shared, external, ofShared, ofExternal } };
}

/** admin, the owner as member, the owner's project as reader, and a member of another project. */
const CALLERS = [ADMIN, ALICE, READER, BOB] as const;
type Statuses = readonly [number, number, number, number];

const SEEN: Statuses = [200, 200, 200, 200];
const OWN: Statuses = [200, 200, 200, 404];
const CHANGED: Statuses = [200, 200, 403, 404];
const DELETED: Statuses = [204, 204, 403, 404];
const MADE: Statuses = [201, 201, 403, 201];
const MADE_BELOW: Statuses = [201, 201, 403, 404];
const MADE_BY_ADMIN: Statuses = [201, 403, 403, 403];
const CHANGED_BY_ADMIN: Statuses = [200, 403, 403, 404];

type Row = readonly [
  rule: string,
  method: ApiRequest["method"],
  path: string,
  body: ((id: Readonly<Record<string, string>>) => object) | undefined,
  statuses: Statuses,
];

const get = (rule: string, path: string, statuses: Statuses): Row => [rule, "GET", path, undefined, statuses];
const remove = (rule: string, path: string): Row => [rule, "DELETE", path, undefined, DELETED];

const ROWS: readonly Row[] = [
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

  ["create_network", "POST", "networks", () => ({ network: {} }), MADE],
  ["create_network:shared", "POST", "networks", () => ({ network: { shared: true } }), MADE_BY_ADMIN],
  [
    "create_network:router:external",
    "POST",
    "networks",
    () => ({ network: { "router:external": true } }),
    MADE_BY_ADMIN,
  ],
  ["create_router", "POST", "routers", () => ({ router: {} }), MADE],
  ["create_router:distributed", "POST", "routers", () => ({ router: { distributed: true } }), MADE_BY_ADMIN],
  ["create_router:ha", "POST", "routers", () => ({ router: { ha: true } }), MADE_BY_ADMIN],
  ["create_subnetpool", "POST", "subnetpools", () => ({ subnetpool: { prefixes: ["10.9.0.0/16"] } }), MADE],
  [
    "create_subnetpool:shared",
    "POST",
    "subnetpools",
    () => ({ subnetpool: { prefixes: ["10.9.0.0/16"], shared: true } }),
    MADE_BY_ADMIN,
  ],
  [
    "create_subnetpool:is_default",
    "POST",
    "subnetpools",
    () => ({ subnetpool: { prefixes: ["10.9.0.0/16"], is_default: true } }),
    MADE_BY_ADMIN,
  ],
  ["create_address_scope", "POST", "address-scopes", () => ({ address_scope: { ip_version: 4 } }), MADE],
  [
    "create_address_scope:shared",
    "POST",
    "address-scopes",
    () => ({ address_scope: { ip_version: 4, shared: true } }),
    MADE_BY_ADMIN,
  ],
  ["create_security_group", "POST", "security-groups", () => ({ security_group: { name: "x" } }), MADE],
  [
    "create_floatingip",
    "POST",
    "floatingips",
    ({ external }) => ({ floatingip: { floating_network_id: external } }),
    MADE,
  ],
  [
    "create_floatingip:floating_ip_address",
    "POST",
    "floatingips",
    ({ external }) => ({ floatingip: { floating_network_id: external, floating_ip_address: "172.16.1.77" } }),
    MADE_BY_ADMIN,
  ],
  [
    "create_subnet",
    "POST",
    "subnets",
    ({ network }) => ({ subnet: { network_id: network, ip_version: 4, cidr: "10.8.0.0/24" } }),
    MADE_BELOW,
  ],
  [
    "create_subnet of a shared network",
    "POST",
    "subnets",
    ({ shared }) => ({ subnet: { network_id: shared, ip_version: 4, cidr: "10.8.0.0/24" } }),
    MADE_BY_ADMIN,
  ],
  ["create_port", "POST", "ports", ({ network }) => ({ port: { network_id: network } }), MADE_BELOW],
  [
    "create_port of a shared network",
    "POST",
    "ports",
    ({ shared }) => ({ port: { network_id: shared } }),
    MADE,
  ],
  [
    "create_port:fixed_ips",
    "POST",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, fixed_ips: [{ ip_address: "10.1.0.77" }] } }),
    MADE_BY_ADMIN,
  ],
  [
    "create_port:mac_address",
    "POST",
    "ports",
    ({ shared }) => ({ port: { network_id: shared, mac_address: "fa:16:3e:00:00:77" } }),
    MADE_BY_ADMIN,
  ],
  [
    "create_port:binding:host_id",
    "POST",
    "ports",
    ({ network }) => ({ port: { network_id: network, "binding:host_id": "h" } }),
    [201, 403, 403, 403],
  ],
  [
    "create_port:binding:profile",
    "POST",
    "ports",
    ({ network }) => ({ port: { network_id: network, "binding:profile": { a: 1 } } }),
    [201, 403, 403, 403],
  ],

  ["update_network", "PUT", "networks/:network", () => ({ network: { name: "x" } }), CHANGED],
  [
    "update_network of a shared one",
    "PUT",
    "networks/:shared",
    () => ({ network: { name: "x" } }),
    [200, 403, 403, 403],
  ],
  [
    "update_network:shared",
    "PUT",
    "networks/:network",
    () => ({ network: { shared: true } }),
    CHANGED_BY_ADMIN,
  ],
  [
    "update_network:router:external",
    "PUT",
    "networks/:network",
    () => ({ network: { "router:external": true } }),
    CHANGED_BY_ADMIN,
  ],
  ["update_subnet", "PUT", "subnets/:subnet", () => ({ subnet: { name: "x" } }), CHANGED],
  [
    "update_subnet of a shared network",
    "PUT",
    "subnets/:ofShared",
    () => ({ subnet: { name: "x" } }),
    [200, 403, 403, 403],
  ],
  ["update_port", "PUT", "ports/:port", () => ({ port: { name: "x" } }), CHANGED],
  [
    "update_port:binding:host_id",
    "PUT",
    "ports/:port",
    () => ({ port: { "binding:host_id": "h" } }),
    CHANGED_BY_ADMIN,
  ],
  ["update_router", "PUT", "routers/:router", () => ({ router: { name: "x" } }), CHANGED],
  [
    "update_router:distributed",
    "PUT",
    "routers/:router",
    () => ({ router: { distributed: true, admin_state_up: false } }),
    CHANGED_BY_ADMIN,
  ],
  [
    "add_router_interface",
    "PUT",
    "routers/:router/add_router_interface",
    ({ subnet }) => ({ subnet_id: subnet }),
    CHANGED,
  ],
  [
    "update_floatingip",
    "PUT",
    "floatingips/:floating",
    () => ({ floatingip: { description: "x" } }),
    CHANGED,
  ],
  ["update_subnetpool", "PUT", "subnetpools/:pool", () => ({ subnetpool: { name: "x" } }), CHANGED],
  [
    "update_subnetpool:is_default",
    "PUT",
    "subnetpools/:pool",
    () => ({ subnetpool: { is_default: true } }),
    CHANGED_BY_ADMIN,
  ],
  ["update_address_scope", "PUT", "address-scopes/:scope", () => ({ address_scope: { name: "x" } }), CHANGED],
  [
    "update_security_group",
    "PUT",
    "security-groups/:group",
    () => ({ security_group: { name: "x" } }),
    CHANGED,
  ],
  ["update_networks_tags", "PUT", "networks/:network/tags/blue", undefined, [201, 201, 403, 404]],
  ["update_quota", "PUT", "quotas/alice", () => ({ quota: { port: 7 } }), [200, 403, 403, 403]],

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

test.each(ROWS)("%s", (rule, method, path, body, statuses) => {
  const said = CALLERS.map((caller) => {
    const { cloud, id } = estate();
    // A network with ports is not deleted, whoever asks, nor is a subnet.
    if (rule === "delete_network" || rule === "delete_subnet") cloud.ask("DELETE", `ports/${id["port"]}`);
    const target = path.replace(/:(\w+)/, (_, name: string) => id[name]!);
    return cloud.ask(method, target, body?.(id), caller).status;
  });
  expect(said).toEqual(statuses);
});
