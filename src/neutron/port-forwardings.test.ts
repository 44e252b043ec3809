import { describe, expect, test } from "vitest";
import { ALICE, BOB, type Site, site } from "./testing/cloud.ts";
import { hold, NOBODY, type Row } from "./testing/rows.ts";

const floating = ({ cloud, public: floating_network_id }: Site, attributes: object = {}): string => {
  const known = [...cloud.tables.all("floatingips")].find(({ port_id }) => port_id === null);
  if (known !== undefined && Object.keys(attributes).length === 0) return known.id;
  return cloud.make("floatingips", "floatingip", { floating_network_id, ...attributes }).id;
};
const path = (at: Site): string => `floatingips/${floating(at)}/port_forwardings`;
const web = (at: Site, attributes: object = {}): object => ({
  port_forwarding: {
    protocol: "tcp",
    internal_port_id: at.port,
    internal_port: 8443,
    external_port: 443,
    ...attributes,
  },
});
const create =
  (attributes: object = {}) =>
  (at: Site) =>
    ["POST", path(at), web(at, attributes)] as const;
const made = (at: Site, attributes: object = {}): string =>
  at.cloud.make(
    path(at),
    "port_forwarding",
    (web(at, attributes) as { port_forwarding: object }).port_forwarding,
  ).id;
const bad = (reason: (at: Site) => string) => (at: Site) =>
  [400, "BadRequest", `Bad port_forwarding request: ${reason(at)}.`] as const;
const twin = (values: (at: Site) => string) =>
  bad(
    (at) =>
      `A duplicate port forwarding entry with same attributes already exists, conflicting values are {${values(at)}}`,
  );

const REFUSALS: readonly Row[] = [
  [
    "an unknown floating IP",
    (at) => ["POST", `floatingips/${NOBODY}/port_forwardings`, web(at)],
    () => [404, "FloatingIPNotFound", `Floating IP ${NOBODY} could not be found`],
  ],
  [
    "an unknown one",
    (at) => ["GET", `${path(at)}/${NOBODY}`],
    () => [404, "PortForwardingNotFound", `Port Forwarding ${NOBODY} could not be found.`],
  ],
  [
    "one of another floating IP",
    (at) => {
      const id = made(at);
      return ["DELETE", `floatingips/${floating(at, { description: "another" })}/port_forwardings/${id}`];
    },
    ({ cloud }) => {
      const id = [...cloud.tables.all("port_forwardings")][0]?.id;
      return [404, "PortForwardingNotFound", `Port Forwarding ${id} could not be found.`];
    },
  ],
  [
    "somebody else's floating IP",
    create(),
    () => [404, "HTTPNotFound", "The resource could not be found."],
    BOB,
  ],
  [
    "no port outside",
    create({ external_port: undefined }),
    () => [
      400,
      "HTTPBadRequest",
      "Failed to parse request. Required attribute 'external_port' not specified",
    ],
  ],
  [
    "a protocol without ports",
    create({ protocol: "icmp" }),
    () => [400, "HTTPBadRequest", "Invalid input for protocol. Reason: 'icmp' is not in ['tcp', 'udp']."],
  ],
  [
    "port 0",
    create({ external_port: 0 }),
    () => [
      400,
      "HTTPBadRequest",
      "Invalid input for external_port. Reason: '0' is too small - must be at least '1'.",
    ],
  ],
  [
    "a range backwards",
    create({ external_port: undefined, external_port_range: "90:80" }),
    () => [
      400,
      "HTTPBadRequest",
      "Invalid input for external_port_range. Reason: '90:80' is not a valid port range.",
    ],
  ],
  [
    "a port and a range",
    create({ external_port_range: "80:90" }),
    bad(() => "The external_port and external_port_range cannot both be specified"),
  ],
  [
    "ranges of different lengths",
    create({
      external_port: undefined,
      external_port_range: "80:90",
      internal_port: undefined,
      internal_port_range: "80:89",
    }),
    bad(() => "internal_port_range must have one port, or as many as external_port_range"),
  ],
  [
    "an unknown port",
    create({ internal_port_id: NOBODY }),
    () => [404, "PortNotFound", `Port ${NOBODY} could not be found.`],
  ],
  [
    "an address that is not the port's",
    create({ internal_ip_address: "10.65.0.99" }),
    bad(
      (at) =>
        `Requested internal IP address 10.65.0.99 is not suitable for internal neutron port ${at.port}, as its fixed_ips are [{"subnet_id":"${at.inner}","ip_address":"${at.fixed}"}]`,
    ),
  ],
  [
    "a port without an address",
    (at) => {
      const { id } = at.cloud.make("ports", "port", { network_id: at.tenant, fixed_ips: [] });
      return create({ internal_port_id: id })(at);
    },
    ({ cloud }) => {
      const { id } = [...cloud.tables.all("ports")].find(({ fixed_ips }) => fixed_ips.length === 0)!;
      const reason = `Requested internal port ${id} must allocate an IPv4 address at least`;
      return [400, "BadRequest", `Bad port_forwarding request: ${reason}.`];
    },
  ],
  [
    "a floating IP that leads to a port",
    (at) => [
      "POST",
      `floatingips/${floating(at, { port_id: at.port })}/port_forwardings`,
      web(at, { internal_ip_address: at.fixed }),
    ],
    (at) => {
      const id = [...at.cloud.tables.all("floatingips")][0]?.id;
      return [
        409,
        "FloatingIPPortAlreadyAssociated",
        `Cannot associate floating IP 172.16.1.3 (${id}) with port ${at.port} using fixed IP ${at.fixed}, as that fixed IP already has a floating IP on external network ${at.public}.`,
      ];
    },
  ],
  [
    "a port that has a floating IP",
    (at) => {
      floating(at, { port_id: at.port });
      return create()(at);
    },
    (at) => {
      const { id } = [...at.cloud.tables.all("floatingips")].find(({ port_id }) => port_id !== null)!;
      return [
        409,
        "PortHasBindingFloatingIP",
        `Cannot create port forwarding to floating IP 172.16.1.3 (${id}) with port ${at.port} using fixed IP ${at.fixed}, as that port already has a binding floating IP.`,
      ];
    },
  ],
  [
    "no router on the way",
    (at) => {
      at.cloud.ask("PUT", `routers/${at.router}`, { router: { external_gateway_info: {} } });
      return create()(at);
    },
    bad(
      (at) =>
        `External network ${at.public} is not reachable from subnet ${at.inner}. Cannot set Port forwarding for port ${at.port} with Floating IP ${floating(at)}`,
    ),
  ],
  [
    "a port that another forwarding has",
    (at) => {
      made(at, { external_port: undefined, external_port_range: "440:450", internal_port: 1 });
      return create()(at);
    },
    twin((at) => `'floatingip_id': '${floating(at)}', 'external_port_range': '440:450', 'protocol': 'tcp'`),
  ],
  [
    "a place that another forwarding leads to",
    (at) => {
      made(at);
      return create({ external_port: 444 })(at);
    },
    twin(
      (at) =>
        `'internal_port_id': '${at.port}', 'internal_ip_address': '${at.fixed}', 'internal_port_range': '8443:8443', 'protocol': 'tcp'`,
    ),
  ],
  [
    "a forwarded floating IP to a port",
    (at) => {
      made(at);
      return ["PUT", `floatingips/${floating(at)}`, { floatingip: { port_id: at.port } }];
    },
    (at) => [
      409,
      "FipInUseByPortForwarding",
      `Floating IP ${floating(at)} in use by Port Forwarding resources.`,
    ],
  ],
  [
    "a forwarded floating IP away",
    (at) => {
      made(at);
      return ["DELETE", `floatingips/${floating(at)}`];
    },
    (at) => [
      409,
      "FipInUseByPortForwarding",
      `Floating IP ${floating(at)} in use by Port Forwarding resources.`,
    ],
  ],
  [
    "the interface that it goes through away",
    (at) => {
      made(at);
      return ["PUT", `routers/${at.router}/remove_router_interface`, { subnet_id: at.inner }];
    },
    (at) => [
      409,
      "RouterInterfaceInUseByFloatingIP",
      `Router interface for subnet ${at.inner} on router ${at.router} cannot be deleted, as it is required by one or more floating IPs.`,
    ],
  ],
  [
    "the gateway that it goes through away",
    (at) => {
      made(at);
      return ["PUT", `routers/${at.router}`, { router: { external_gateway_info: {} } }];
    },
    (at) => [
      409,
      "RouterExternalGatewayInUseByFloatingIp",
      `Gateway cannot be updated for router ${at.router}, since a gateway to external network ${at.public} is required by one or more floating IPs.`,
    ],
  ],
  [
    "a distributed floating IP of a port that has one",
    (at) => {
      made(at);
      at.cloud.ask("PUT", `routers/${at.router}`, { router: { distributed: true } });
      return ["POST", "floatingips", { floatingip: { floating_network_id: at.public, port_id: at.port } }];
    },
    (at) => [
      400,
      "PortHasPortForwarding",
      `Cannot associate floating IP to port ${at.port} because it already has a Port Forwarding binding.`,
    ],
  ],
];

describe("port forwardings are refused", () => hold(REFUSALS));

const routerOf = (at: Site): unknown => at.cloud.tables.get("floatingips", floating(at))?.router_id;

describe("port forwardings", () => {
  test("are shown with the floating IP, which is its router's as long as there is one", () => {
    const at = site();
    const one = made(at, { protocol: "TCP", description: "web" });
    const range = { external_port: undefined, external_port_range: "5000:5009" };
    const two = made(at, { ...range, internal_port: undefined, internal_port_range: "6000:6009" });
    expect(at.cloud.ask("GET", `${path(at)}/${one}`).body["port_forwarding"]).toEqual({
      id: one,
      description: "web",
      protocol: "tcp",
      internal_port_id: at.port,
      internal_ip_address: at.fixed,
      internal_port: 8443,
      internal_port_range: "8443:8443",
      external_port: 443,
      external_port_range: "443:443",
    });
    const listed = at.cloud.ask("GET", `${path(at)}?external_port=443&fields=id`).body;
    expect(listed).toEqual({ port_forwardings: [{ id: one }] });
    const { body } = at.cloud.ask("GET", `floatingips/${floating(at)}`);
    expect(body["floatingip"]).toMatchObject({
      router_id: at.router,
      port_id: null,
      port_forwardings: [{ external_port: 443 }, { external_port: null, external_port_range: "5000:5009" }],
    });
    for (const id of [one, two]) {
      expect(routerOf(at)).toBe(at.router);
      expect(at.cloud.ask("DELETE", `${path(at)}/${id}`).status).toBe(204);
    }
    expect(routerOf(at)).toBeNull();
  });

  test("are changed, and checked as new ones are", () => {
    const at = site();
    const id = made(at);
    made(at, { external_port: 22, internal_port: 22 });
    const put = (port_forwarding: object): number =>
      at.cloud.ask("PUT", `${path(at)}/${id}`, { port_forwarding }).status;
    expect([put({ external_port: 22 }), put({ external_port: 23, protocol: "udp" })]).toEqual([400, 200]);
    expect(put({ internal_port_id: NOBODY })).toBe(404);
  });

  test("go with the port, and with the address that they lead to", () => {
    const at = site();
    made(at);
    const fixed_ips = [{ ip_address: "10.65.0.77" }];
    expect(at.cloud.ask("PUT", `ports/${at.port}`, { port: { fixed_ips } }).status).toBe(200);
    expect([...at.cloud.tables.all("port_forwardings")]).toEqual([]);
    made(at);
    at.cloud.ask("DELETE", `ports/${at.port}`);
    expect([...at.cloud.tables.all("port_forwardings")]).toEqual([]);
    expect(routerOf(at)).toBeNull();
  });

  test("outlive a change of the floating IP's words", () => {
    const at = site();
    made(at);
    for (const floatingip of [{}, { description: "x" }, { port_id: null }]) {
      expect(at.cloud.ask("PUT", `floatingips/${floating(at)}`, { floatingip }).status).toBe(200);
      expect(routerOf(at)).toBe(at.router);
    }
  });

  test("of another project are not to be seen", () => {
    const at = site();
    made(at);
    expect(at.cloud.ask("GET", path(at), undefined, ALICE).status).toBe(404);
  });
});
