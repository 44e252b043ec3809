import { describe } from "vitest";
import { ALICE, type Site } from "./testing/cloud.ts";
import { hold, type Row } from "./testing/rows.ts";

const port =
  (attributes: object) =>
  ({ tenant }: Site) =>
    ["POST", "ports", { port: { network_id: tenant, ...attributes } }] as const;

const opts = (name: string, option: unknown, message: string): Row => [
  name,
  port({ extra_dhcp_opts: [option] }),
  () => [400, "HTTPBadRequest", `Invalid input for extra_dhcp_opts. Reason: ${message}.`],
];

const ROWS: readonly Row[] = [
  opts(
    "a DHCP option without a name",
    { opt_value: "a" },
    `Invalid data format for extra DHCP option: '{"opt_value":"a"}'`,
  ),
  opts(
    "one without a value",
    { opt_name: "a" },
    `Invalid data format for extra DHCP option: '{"opt_name":"a"}'`,
  ),
  opts(
    "one with an empty value",
    { opt_name: "mtu", opt_value: "" },
    `Invalid data format for extra DHCP option: '{"opt_name":"mtu","opt_value":""}'`,
  ),
  opts("one of two lines", { opt_name: "a", opt_value: "b\nc" }, "'b\nc' contains line breaks"),
  opts("one of no version", { opt_name: "a", opt_value: "b", ip_version: 5 }, "'5' is not in [4, 6]"),
  opts("one that is a number", { opt_name: 7, opt_value: "b" }, "'7' is not a valid string"),
  [
    "more DHCP options than a port may have",
    port({
      extra_dhcp_opts: Array.from({ length: 33 }, (_, i) => ({ opt_name: String(i), opt_value: "1" })),
    }),
    () => [400, "BadRequest", "Bad port request: a port has at most 32 extra DHCP options."],
  ],
  [
    "an address of no subnet",
    port({ fixed_ips: [{ ip_address: "10.9.0.1" }] }),
    () => [
      400,
      "InvalidIpForNetwork",
      "IP address 10.9.0.1 is not a valid IP for any of the subnets on the specified network.",
    ],
  ],
  [
    "an address of another subnet",
    ({ tenant, inner }) => [
      "POST",
      "ports",
      { port: { network_id: tenant, fixed_ips: [{ subnet_id: inner, ip_address: "10.9.0.1" }] } },
    ],
    () => [400, "InvalidIpForSubnet", "IP address 10.9.0.1 is not a valid IP for the specified subnet."],
  ],
  [
    "a taken address",
    port({ fixed_ips: [{ ip_address: "10.65.0.1" }] }),
    ({ inner }) => [
      409,
      "IpAddressAlreadyAllocated",
      `IP address 10.65.0.1 already allocated in subnet ${inner}`,
    ],
  ],
  [
    "one address twice",
    port({ fixed_ips: [{ ip_address: "10.65.0.9" }, { ip_address: "10.65.0.9" }] }),
    () => [400, "HTTPBadRequest", "Invalid input for fixed_ips. Reason: Duplicate IP address '10.65.0.9'."],
  ],
  [
    "a full subnet",
    ({ cloud, tenant, inner }) => {
      cloud.ask("PUT", `subnets/${inner}`, {
        subnet: { allocation_pools: [{ start: "10.65.0.2", end: "10.65.0.2" }] },
      });
      return ["POST", "ports", { port: { network_id: tenant } }];
    },
    ({ tenant }) => [
      409,
      "IpAddressGenerationFailure",
      `No more IP addresses available on network ${tenant}.`,
    ],
  ],
  [
    "a taken MAC",
    ({ cloud, tenant, port: id }) => [
      "POST",
      "ports",
      { port: { network_id: tenant, mac_address: cloud.tables.get("ports", id)!.mac_address } },
    ],
    ({ cloud, tenant, port: id }) => [
      409,
      "MacAddressInUse",
      `Unable to complete operation for network ${tenant}. The mac address ${cloud.tables.get("ports", id)!.mac_address} is in use.`,
    ],
  ],
  [
    "a router's port deleted",
    ({ face }) => ["DELETE", `ports/${face}`],
    ({ face }) => [
      409,
      "ServicePortInUse",
      `Port ${face} cannot be deleted directly via the port API: has device owner network:router_interface.`,
    ],
  ],
  [
    "a floating IP's fixed address dropped",
    ({ cloud, port: id, public: net }) => {
      cloud.make("floatingips", "floatingip", { floating_network_id: net, port_id: id });
      return ["PUT", `ports/${id}`, { port: { fixed_ips: [{ ip_address: "10.65.0.77" }] } }];
    },
    ({ port: id }) => [
      400,
      "BadRequest",
      `Bad port request: Cannot update the fixed_ips of the port ${id}, because its original fixed_ip has been associated to a floating ip.`,
    ],
  ],
  [
    "an address of its own choice where routers have instances make theirs",
    ({ cloud, tenant }) => {
      const cidr = { ip_version: 6, cidr: "2001:db8::/64", ipv6_address_mode: "slaac" };
      cloud.make("subnets", "subnet", { network_id: tenant, ...cidr });
      return ["POST", "ports", { port: { network_id: tenant, fixed_ips: [{ ip_address: "2001:db8::5" }] } }];
    },
    ({ cloud, tenant }) => {
      const subnet = [...cloud.tables.by("subnets", "network", tenant)].find((one) => one.ip_version === 6);
      return [
        400,
        "AllocationOnAutoAddressSubnet",
        `IPv6 address 2001:db8::5 cannot be directly assigned to a port on subnet ${subnet!.id} as the subnet is configured for automatic addresses`,
      ];
    },
  ],
  [
    "an address of somebody else's floating IP",
    ({ cloud }) => {
      const network_id = cloud.make("networks", "network", {}, ALICE).id;
      const allowed_address_pairs = [{ ip_address: "0.0.0.0/0" }, { ip_address: "172.16.1.3/32" }];
      return ["POST", "ports", { port: { network_id, allowed_address_pairs } }];
    },
    () => [
      400,
      "BadRequest",
      "Bad port request: the allowed address 172.16.1.3/32 is of a network of another project.",
    ],
    ALICE,
  ],
  [
    "a port that somebody else's floating IP leads to",
    ({ cloud, public: net }) => {
      const network_id = cloud.make("networks", "network", {}, ALICE).id;
      const cidr = { ip_version: 4, cidr: "10.66.0.0/24" };
      const subnet = cloud.make("subnets", "subnet", { network_id, ...cidr }, ALICE).id;
      const router = cloud.make("routers", "router", { external_gateway_info: { network_id: net } }).id;
      cloud.ask("PUT", `routers/${router}/add_router_interface`, { subnet_id: subnet });
      const id = cloud.make("ports", "port", { network_id }, ALICE).id;
      cloud.make("floatingips", "floatingip", { floating_network_id: net, port_id: id });
      return ["DELETE", `ports/${id}`];
    },
    ({ cloud }) => [
      409,
      "FipAssociated",
      `Unable to complete the operation on port "${[...cloud.tables.by("ports", "project", "alice")][0]!.id}" because the port still has an associated floating IP.`,
    ],
    ALICE,
  ],
  [
    "another project's shared network, by address",
    port({ fixed_ips: [{ ip_address: "10.65.0.9" }] }),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_port and rule:create_port:fixed_ips) is disallowed by policy",
    ],
    ALICE,
  ],
  [
    "another project's external network",
    ({ public: id }) => ["POST", "ports", { port: { network_id: id } }],
    () => [403, "PolicyNotAuthorized", "rule:create_port is disallowed by policy"],
    ALICE,
  ],
  [
    "a host, by a member",
    port({ "binding:host_id": "host1" }),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_port and rule:create_port:binding:host_id) is disallowed by policy",
    ],
    ALICE,
  ],
];

describe("ports", () => {
  hold(ROWS);
});
