import { describe } from "vitest";
import { ALICE, type Site } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const subnet = (of: "tenant" | "public", attributes: object) => (at: Site) =>
  ["POST", "subnets", { subnet: { network_id: at[of], ip_version: 4, ...attributes } }] as const;
const input = (reason: string) => () =>
  [400, "InvalidInput", `Invalid input for operation: ${reason}.`] as const;

const ROWS: readonly Row[] = [
  [
    "an unknown network",
    () => ["GET", `networks/${NOBODY}`],
    () => [404, "NetworkNotFound", `Network ${NOBODY} could not be found.`],
  ],
  [
    "a network in use",
    ({ public: id }) => ["DELETE", `networks/${id}`],
    ({ public: id, cloud }) => {
      const [gateway] = cloud.tables.by("ports", "network", id);
      return [
        409,
        "NetworkInUse",
        `Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${gateway!.id}.`,
      ];
    },
  ],
  [
    "a gateway's network made inner",
    ({ public: id }) => ["PUT", `networks/${id}`, { network: { "router:external": false } }],
    ({ public: id }) => [
      409,
      "ExternalNetworkInUse",
      `External network ${id} cannot be updated to be made non-external, since it has existing gateway ports.`,
    ],
  ],
  [
    "an overlap",
    subnet("tenant", { cidr: "10.65.0.128/25" }),
    ({ tenant }) => [
      400,
      "InvalidInput",
      `Invalid input for operation: Requested subnet with cidr: 10.65.0.128/25 for network: ${tenant} overlaps with another subnet.`,
    ],
  ],
  [
    "somebody's own network with addresses that everybody reaches",
    ({ cloud }) => {
      const network_id = cloud.make("networks", "network", {}, ALICE).id;
      return ["POST", "subnets", { subnet: { network_id, ip_version: 4, cidr: "172.16.1.0/28" } }];
    },
    ({ cloud }) => [
      400,
      "InvalidInput",
      `Invalid input for operation: Requested subnet with cidr: 172.16.1.0/28 for network: ${[...cloud.tables.all("networks")].at(-1)!.id} overlaps with another subnet.`,
    ],
    ALICE,
  ],
  ["everything", subnet("public", { cidr: "0.0.0.0/0" }), input("0 is not allowed as CIDR prefix length")],
  [
    "too small for DHCP",
    subnet("tenant", { cidr: "10.1.0.0/31" }),
    input("Subnet has a prefix length that is incompatible with DHCP service enabled"),
  ],
  [
    "multicast",
    subnet("tenant", { cidr: "224.0.0.0/24" }),
    input("Multicast IP subnet is not supported if enable_dhcp is True"),
  ],
  [
    "loopback",
    subnet("tenant", { cidr: "127.0.0.0/24" }),
    input("Loopback IP subnet is not supported if enable_dhcp is True"),
  ],
  [
    "modes of IPv6 in IPv4",
    subnet("tenant", { cidr: "10.1.0.0/24", ipv6_address_mode: "slaac" }),
    input("ipv6_ra_mode and ipv6_address_mode are for subnets of ip_version 6"),
  ],
  [
    "modes without DHCP",
    subnet("tenant", { ip_version: 6, cidr: "2001:db8::/64", ipv6_ra_mode: "slaac", enable_dhcp: false }),
    input("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"),
  ],
  [
    "DHCP off, with modes",
    ({ cloud, tenant }) => {
      const cidr = { ip_version: 6, cidr: "2001:db8::/64", ipv6_address_mode: "slaac" };
      const { id } = cloud.make("subnets", "subnet", { network_id: tenant, ...cidr });
      return ["PUT", `subnets/${id}`, { subnet: { enable_dhcp: false } }];
    },
    input("Cannot disable enable_dhcp with ipv6 attributes set"),
  ],
  [
    "a gateway elsewhere",
    subnet("tenant", { cidr: "10.1.0.0/24", gateway_ip: "10.2.0.1" }),
    input("Gateway is not valid on subnet"),
  ],
  [
    "the network's address as gateway",
    subnet("tenant", { cidr: "10.1.0.0/24", gateway_ip: "10.1.0.0" }),
    input("Gateway is not valid on subnet"),
  ],
  [
    "the broadcast address as gateway",
    subnet("tenant", { cidr: "10.1.0.0/24", gateway_ip: "10.1.0.255" }),
    input("Gateway is not valid on subnet"),
  ],
  [
    "a gateway in use",
    ({ inner }) => [
      "PUT",
      `subnets/${inner}`,
      { subnet: { gateway_ip: "10.65.0.254", allocation_pools: [] } },
    ],
    ({ face }) => [
      409,
      "GatewayIpInUse",
      `Current gateway ip 10.65.0.1 already in use by port ${face}. Unable to update.`,
    ],
  ],
  [
    "a pool outside",
    subnet("tenant", { cidr: "10.1.0.0/24", allocation_pools: [{ start: "10.1.0.2", end: "10.1.1.9" }] }),
    () => [
      400,
      "OutOfBoundsAllocationPool",
      "The allocation pool 10.1.0.2-10.1.1.9 spans beyond the subnet cidr 10.1.0.0/24.",
    ],
  ],
  [
    "pools that overlap",
    subnet("tenant", {
      cidr: "10.1.0.0/24",
      allocation_pools: [
        { start: "10.1.0.2", end: "10.1.0.9" },
        { start: "10.1.0.9", end: "10.1.0.12" },
      ],
    }),
    () => [
      409,
      "OverlappingAllocationPools",
      "Found overlapping allocation pools: 10.1.0.2-10.1.0.9 10.1.0.9-10.1.0.12 for subnet 10.1.0.0/24.",
    ],
  ],
  [
    "a pool with the gateway",
    subnet("tenant", { cidr: "10.1.0.0/24", allocation_pools: [{ start: "10.1.0.1", end: "10.1.0.9" }] }),
    () => [
      409,
      "GatewayConflictWithAllocationPools",
      "Gateway ip 10.1.0.1 conflicts with allocation pool 10.1.0.1-10.1.0.9.",
    ],
  ],
  [
    "no cidr",
    subnet("tenant", {}),
    () => [
      400,
      "BadRequest",
      "Bad subnets request: a subnetpool must be specified in the absence of a cidr.",
    ],
  ],
  [
    "a subnet in use",
    ({ inner }) => ["DELETE", `subnets/${inner}`],
    ({ inner }) => [
      409,
      "SubnetInUse",
      `Unable to complete operation on subnet ${inner}: One or more ports have an IP allocation from this subnet.`,
    ],
  ],
];

describe("networks and subnets", () => {
  hold(ROWS);
});
