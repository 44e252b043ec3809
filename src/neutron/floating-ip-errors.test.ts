import { describe, expect, test } from "vitest";
import { BOB, type Site, site } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const create = (attributes: (at: Site) => object) => (at: Site) =>
  ["POST", "floatingips", { floatingip: { floating_network_id: at.public, ...attributes(at) } }] as const;
const bad = (reason: (at: Site) => string) => (at: Site) =>
  [400, "BadRequest", `Bad floatingip request: ${reason(at)}.`] as const;

const ROWS: readonly Row[] = [
  [
    "an inner network",
    ({ tenant }) => ["POST", "floatingips", { floatingip: { floating_network_id: tenant } }],
    bad(({ tenant }) => `Network ${tenant} is not a valid external network`),
  ],
  [
    "a network without addresses",
    ({ cloud }) => [
      "POST",
      "floatingips",
      {
        floatingip: {
          floating_network_id: cloud.make("networks", "network", { "router:external": true, name: "empty" })
            .id,
        },
      },
    ],
    ({ cloud }) => {
      const { id } = [...cloud.tables.all("networks")].find(({ name }) => name === "empty")!;
      return [400, "BadRequest", `Bad floatingip request: Network ${id} does not contain any IPv4 subnet.`];
    },
  ],
  [
    "an exhausted network",
    ({ cloud, outer, public: id }) => {
      cloud.ask("PUT", `subnets/${outer}`, {
        subnet: { allocation_pools: [{ start: "172.16.1.2", end: "172.16.1.2" }] },
      });
      return ["POST", "floatingips", { floatingip: { floating_network_id: id } }];
    },
    ({ public: id }) => [
      400,
      "ExternalIpAddressExhausted",
      `Unable to find any IP address on external network ${id}.`,
    ],
  ],
  [
    "an address elsewhere",
    create(() => ({ floating_ip_address: "10.1.1.1" })),
    () => [
      400,
      "InvalidIpForNetwork",
      "IP address 10.1.1.1 is not a valid IP for any of the subnets on the specified network.",
    ],
  ],
  [
    "an address by a member",
    create(() => ({ floating_ip_address: "172.16.1.9" })),
    () => [
      403,
      "PolicyNotAuthorized",
      "(rule:create_floatingip and rule:create_floatingip:floating_ip_address) is disallowed by policy",
    ],
    BOB,
  ],
  [
    "a fixed address without port",
    create(() => ({ fixed_ip_address: "10.65.0.2" })),
    bad(() => "fixed_ip_address cannot be specified without a port_id"),
  ],
  [
    "an unknown port",
    create(() => ({ port_id: NOBODY })),
    () => [404, "PortNotFound", `Port ${NOBODY} could not be found.`],
  ],
  [
    "another project's port",
    create(({ port }) => ({ port_id: port })),
    bad(
      ({ port }) =>
        `Cannot process floating IP association with Port ${port}, since that port is owned by a different project`,
    ),
    BOB,
  ],
  [
    "a DHCP port",
    create(({ cloud, tenant }) => ({
      port_id: cloud.make("ports", "port", { network_id: tenant, device_owner: "network:dhcp" }).id,
    })),
    bad(() => "Port %(id)s is unable to be assigned a floating IP"),
  ],
  [
    "an IPv6 fixed address",
    create(({ port }) => ({ port_id: port, fixed_ip_address: "2001:db8::1" })),
    bad(() => "Cannot process floating IP association with 2001:db8::1, since that is not an IPv4 address"),
  ],
  [
    "an address that the port has not",
    create(({ port }) => ({ port_id: port, fixed_ip_address: "10.65.0.99" })),
    bad(({ port }) => `Port ${port} does not have fixed ip 10.65.0.99`),
  ],
  [
    "a port that is taken",
    ({ cloud, port, public: net }) => {
      cloud.make("floatingips", "floatingip", { floating_network_id: net, port_id: port });
      const second = cloud.make("floatingips", "floatingip", { floating_network_id: net });
      return ["PUT", `floatingips/${second.id}`, { floatingip: { port_id: port } }];
    },
    ({ cloud, port, public: net, fixed }) => {
      const { id, floating_ip_address: address } = [...cloud.tables.all("floatingips")].at(-1)!;
      return [
        409,
        "FloatingIPPortAlreadyAssociated",
        `Cannot associate floating IP ${address} (${id}) with port ${port} using fixed IP ${fixed}, as that fixed IP already has a floating IP on external network ${net}.`,
      ];
    },
  ],
  [
    "an unknown one",
    () => ["GET", `floatingips/${NOBODY}`],
    () => [404, "FloatingIPNotFound", `Floating IP ${NOBODY} could not be found`],
  ],
];

describe("floating IPs", () => {
  hold(ROWS);

  const portWith = ({ cloud, tenant }: Site, count: number): string =>
    cloud.make("ports", "port", {
      network_id: tenant,
      fixed_ips: Array.from({ length: count }, (_, i) => ({ ip_address: `10.65.0.${100 + i}` })),
    }).id;

  test.each([
    [0, (id: string) => `Cannot add floating IP to port ${id} that has no fixed IPv4 addresses`],
    [
      2,
      (id: string) =>
        `Port ${id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
    ],
  ])("a port with %i addresses", (count, reason) => {
    const at = site();
    const port = portWith(at, count);
    const floatingip = { floating_network_id: at.public, port_id: port };
    expect(at.cloud.said("POST", "floatingips", { floatingip }).message).toBe(
      `Bad floatingip request: ${reason(port)}.`,
    );
  });

  test("no router joins the two networks", () => {
    const at = site();
    at.cloud.ask("PUT", `routers/${at.router}`, { router: { external_gateway_info: {} } });
    const floatingip = { floating_network_id: at.public, port_id: at.port };
    expect(at.cloud.said("POST", "floatingips", { floatingip })).toEqual({
      status: 404,
      type: "ExternalGatewayForFloatingIPNotFound",
      message: `External network ${at.public} is not reachable from subnet ${at.inner}.  Therefore, cannot associate Port ${at.port} with a Floating IP.`,
    });
  });

  test("a quota", () => {
    const { cloud, public: net } = site();
    cloud.ask("PUT", "quotas/admin", { quota: { floatingip: 0 } });
    expect(cloud.said("POST", "floatingips", { floatingip: { floating_network_id: net } })).toEqual({
      status: 409,
      type: "OverQuota",
      message: "Quota exceeded for resources: ['floatingip'].",
    });
  });
});
