import { describe, expect, test } from "vitest";
import { ALICE, type Site, site } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const attach = (body: (at: Site) => object) => (at: Site) =>
  ["PUT", `routers/${at.router}/add_router_interface`, body(at)] as const;
const detach = (body: (at: Site) => object) => (at: Site) =>
  ["PUT", `routers/${at.router}/remove_router_interface`, body(at)] as const;
const gateway = (info: (at: Site) => object) => (at: Site) =>
  ["PUT", `routers/${at.router}`, { router: { external_gateway_info: info(at) } }] as const;
const bad = (reason: (at: Site) => string) => (at: Site) =>
  [400, "BadRequest", `Bad router request: ${reason(at)}.`] as const;
const withFloating = ({ cloud, port, public: net }: Site): void => {
  cloud.make("floatingips", "floatingip", { floating_network_id: net, port_id: port });
};
const other = (at: Site, attributes: object): string =>
  at.cloud.make("subnets", "subnet", {
    network_id: at.cloud.make("networks", "network", {}).id,
    ip_version: 4,
    ...attributes,
  }).id;

const ROWS: readonly Row[] = [
  ["nothing to attach", attach(() => ({})), bad(() => "Either subnet_id or port_id must be specified")],
  [
    "somebody else's subnet, of a network that is not shared",
    (at) => {
      const subnet_id = other(at, { cidr: "10.1.0.0/24" });
      const { id } = at.cloud.make("routers", "router", {}, ALICE);
      return ["PUT", `routers/${id}/add_router_interface`, { subnet_id }];
    },
    bad(
      ({ cloud }) =>
        `Cannot add interface to router because subnet ${[...cloud.tables.all("subnets")].at(-1)!.id} is not owned by project making the request`,
    ),
    ALICE,
  ],
  [
    "both to attach",
    attach(({ inner, port }) => ({ subnet_id: inner, port_id: port })),
    bad(() => "Cannot specify both subnet-id and port-id"),
  ],
  [
    "a subnet without gateway",
    attach((at) => ({ subnet_id: other(at, { cidr: "10.1.0.0/24", gateway_ip: null }) })),
    bad(() => "Subnet for router interface must have a gateway IP"),
  ],
  [
    "a subnet twice",
    attach(({ inner }) => ({ subnet_id: inner })),
    bad(({ inner }) => `Router already has a port on subnet ${inner}`),
  ],
  [
    "a port in use",
    attach(({ face }) => ({ port_id: face })),
    ({ face, tenant, router }) => [
      409,
      "PortInUse",
      `Unable to complete operation on port ${face} for network ${tenant}. Port already has an attached device ${router}.`,
    ],
  ],
  [
    "a port without address",
    attach(({ cloud, tenant }) => ({
      port_id: cloud.make("ports", "port", { network_id: tenant, fixed_ips: [] }).id,
    })),
    bad(() => "Router port must have at least one fixed IP"),
  ],
  [
    "a taken gateway address",
    (at) => [
      "PUT",
      `routers/${at.cloud.make("routers", "router", {}).id}/add_router_interface`,
      { subnet_id: at.inner },
    ],
    ({ inner }) => [
      409,
      "IpAddressAlreadyAllocated",
      `IP address 10.65.0.1 already allocated in subnet ${inner}`,
    ],
  ],
  [
    "an interface that a floating IP needs",
    (at) => {
      withFloating(at);
      return detach(({ inner }) => ({ subnet_id: inner }))(at);
    },
    ({ inner, router }) => [
      409,
      "RouterInterfaceInUseByFloatingIP",
      `Router interface for subnet ${inner} on router ${router} cannot be deleted, as it is required by one or more floating IPs.`,
    ],
  ],
  [
    "a subnet that is not attached",
    detach(({ outer }) => ({ subnet_id: outer })),
    ({ router, outer }) => [
      404,
      "RouterInterfaceNotFoundForSubnet",
      `Router ${router} has no interface on subnet ${outer}`,
    ],
  ],
  [
    "a port that is not attached",
    detach(({ port }) => ({ port_id: port })),
    ({ router, port }) => [
      404,
      "RouterInterfaceNotFound",
      `Router ${router} does not have an interface with id ${port}`,
    ],
  ],
  [
    "a port of another subnet",
    detach(({ face, outer }) => ({ port_id: face, subnet_id: outer })),
    ({ face, outer }) => [
      400,
      "SubnetMismatchForPort",
      `Subnet on port ${face} does not match the requested subnet ${outer}.`,
    ],
  ],
  [
    "a gateway to nowhere",
    gateway(() => ({ network_id: NOBODY })),
    () => [404, "NetworkNotFound", `Network ${NOBODY} could not be found.`],
  ],
  [
    "a gateway to an inner network",
    gateway(({ tenant }) => ({ network_id: tenant })),
    bad(({ tenant }) => `Network ${tenant} is not an external network`),
  ],
  [
    "the subnet's gateway address",
    gateway(({ public: id }) => ({ network_id: id, external_fixed_ips: [{ ip_address: "172.16.1.1" }] })),
    bad(() => "External IP 172.16.1.1 is the same as the gateway IP"),
  ],
  [
    "a gateway that floating IPs need",
    (at) => {
      withFloating(at);
      return gateway(() => ({}))(at);
    },
    ({ router, public: id }) => [
      409,
      "RouterExternalGatewayInUseByFloatingIp",
      `Gateway cannot be updated for router ${router}, since a gateway to external network ${id} is required by one or more floating IPs.`,
    ],
  ],
  [
    "a router in use",
    ({ router }) => ["DELETE", `routers/${router}`],
    ({ router, face }) => [409, "RouterInUse", `Router ${router} has ports still attached: ${face}`],
  ],
  [
    "an unknown router",
    () => ["GET", `routers/${NOBODY}`],
    () => [404, "RouterNotFound", `Router ${NOBODY} could not be found`],
  ],
];

describe("routers", () => {
  hold(ROWS);

  test("overlapping subnets are told by both", () => {
    const at = site();
    const subnet = other(at, { cidr: "10.65.0.0/16" });
    expect(at.cloud.said("PUT", `routers/${at.router}/add_router_interface`, { subnet_id: subnet })).toEqual({
      status: 400,
      type: "BadRequest",
      message: `Bad router request: Cidr 10.65.0.0/16 of subnet ${subnet} overlaps with cidr 10.65.0.0/24 of subnet ${at.inner}.`,
    });
  });
});
