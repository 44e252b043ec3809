import { describe, expect, test } from "vitest";
import type { Entry } from "./entries.ts";
import { layoutOf } from "./layout.ts";
import { type Existing, planOf } from "./plan.ts";

const NETWORK = "11111111-1111-4111-8111-111111111111";
const SUBNET = "22222222-2222-4222-8222-222222222222";
const PORTS = [1, 2, 3].map((n) => `33333333-3333-4333-8333-33333333333${n}`);
const NOTHING: Existing = { networks: [], subnets: [], ports: [], routers: [], floatingips: [] };

const endpoint = (n: number, changes: object = {}): Entry => [
  `/calico/v1/host/host${n}/workload/openstack/vm-${n}/endpoint/${PORTS[n - 1]}`,
  JSON.stringify({
    state: "active",
    name: `tap${PORTS[n - 1]!.slice(0, 11)}`,
    mac: `fa:16:3e:00:00:0${n}`,
    profile_ids: ["openstack-sg-default"],
    ipv4_nets: [`10.65.0.1${n}/32`],
    ipv6_nets: [],
    ipv4_gateway: "10.65.0.1",
    ...changes,
  }),
];
const workload = (n: number, spec: object = {}): Entry => [
  `/calico/resources/v3/projectcalico.org/workloadendpoints/openstack/host${n}-openstack-vm-${n}`,
  JSON.stringify({
    kind: "WorkloadEndpoint",
    metadata: { labels: { "projectcalico.org/openstack-project-id": "web" } },
    spec: {
      orchestrator: "openstack",
      node: `host${n}`,
      workload: `openstack/vm-${n}`,
      endpoint: PORTS[n - 1],
      mac: `fa:16:3e:00:00:0${n}`,
      ipNetworks: [`10.65.0.1${n}/32`],
      ipv4Gateway: "10.65.0.1",
      ...spec,
    },
  }),
];
const subnet: Entry = [
  `/calico/dhcp/v1/subnet/${SUBNET}`,
  JSON.stringify({
    network_id: NETWORK,
    cidr: "10.65.0.0/24",
    gateway_ip: "10.65.0.1",
    dns_servers: ["192.0.2.53"],
  }),
];

function plan(
  entries: readonly Entry[],
  existing: Partial<Existing> = {},
  floatingPools: readonly string[] = [],
) {
  let count = 0;
  const newId = (): string => `new-${++count}`;
  const made = planOf(layoutOf(entries), { ...NOTHING, ...existing }, { subnets: [], floatingPools }, newId);
  return {
    ...made,
    said: made.steps.map(({ what, about, request }) => `${request ? "make" : "there"} ${what} ${about}`),
  };
}

const bodyOf = (entries: readonly Entry[], what: string, ...rest: [string[]?]): unknown =>
  plan(entries, {}, rest[0]).steps.find((step) => step.what === what)?.request?.body;

test("the first seed's etcd becomes the first seed's objects", () => {
  const nat = { ipv4_nat: [{ int_ip: "10.65.0.11", ext_ip: "172.16.1.3" }] };
  const { said, faults } = plan([subnet, endpoint(1, nat), endpoint(2)], {}, ["172.16.1.0/24"]);
  expect(faults).toEqual([]);
  expect(said).toEqual([
    "make network calico-11111111",
    "make network floating-172.16.1.0/24, external",
    "make subnet 10.65.0.0/24 of calico-11111111",
    "make subnet 172.16.1.0/24 of floating-172.16.1.0/24",
    `make port ${PORTS[0]} 10.65.0.11 on host1`,
    `make port ${PORTS[1]} 10.65.0.12 on host2`,
    "make floating IP 172.16.1.3",
    "make router router-floating-172.16.1.0/24",
    "make interface router-floating-172.16.1.0/24 in 10.65.0.0/24",
    "make association 172.16.1.3 to 10.65.0.11",
  ]);
});

test("all three generations are read, and the newer one of a port counts", () => {
  expect(bodyOf([subnet, endpoint(1), workload(1)], "port")).toMatchObject({
    port: { id: PORTS[0], "binding:host_id": "host1", device_id: "vm-1", project_id: "web" },
  });
  const v2: Entry = [subnet[0].replace("/v1/", "/v2/no-region/"), subnet[1]];
  expect(plan([v2, workload(1)]).said).toHaveLength(3);
});

test("what several have, and what is allowed beside their own, is nobody's own", () => {
  const shared = { ipv4_nets: ["10.65.0.11/32", "10.65.0.200/32"] };
  const other = { ipv4_nets: ["10.65.0.12/32", "10.65.0.200/32"] };
  expect(bodyOf([subnet, endpoint(1, shared), endpoint(2, other)], "port")).toMatchObject({
    port: {
      fixed_ips: [{ subnet_id: SUBNET, ip_address: "10.65.0.11" }],
      allowed_address_pairs: [{ ip_address: "10.65.0.200" }],
    },
  });
  const spec = { ipNetworks: ["10.65.0.13/32", "10.65.0.99/32"], allowedIps: ["10.65.0.99"] };
  expect(bodyOf([subnet, workload(3, spec)], "port")).toMatchObject({
    port: {
      fixed_ips: [{ ip_address: "10.65.0.13" }],
      allowed_address_pairs: [{ ip_address: "10.65.0.99" }],
    },
  });
});

describe("each entry that cannot be taken over says why, and keeps no other", () => {
  const nat = (inside: string, outside: string): object => ({
    ipv4_nat: [{ int_ip: inside, ext_ip: outside }],
  });
  test.each<[string, Entry, RegExp]>([
    ["no JSON", [endpoint(1)[0], "{"], /no JSON object/],
    ["a strange id", [endpoint(1)[0].replace(PORTS[0]!, "../x"), "{}"], /^$/],
    ["an id of another kind", [endpoint(1)[0].replace(PORTS[0]!, "port-1"), "{}"], /port-1 is no id/],
    ["no MAC", endpoint(1, { mac: 7 }), /mac is missing/],
    ["no address", endpoint(1, { ipv4_nets: "10.65.0.11" }), /no address/],
    ["a bad address", endpoint(1, { ipv4_nets: ["10.65.0/32"] }), /"10\.65\.0" is no address/],
    [
      "an address outside",
      endpoint(1, { ipv4_nets: ["10.9.0.1/32"] }),
      /no subnet has 10\.9\.0\.1; --subnet/,
    ],
    ["a floating IP from nowhere", endpoint(1, nat("10.65.0.11", "172.16.1.3")), /--floating-pool CIDR/],
    ["half a floating IP", endpoint(1, nat("", "172.16.1.3")), /"" is no address/],
    ["another orchestrator", workload(1, { orchestrator: "k8s" }), /no WorkloadEndpoint of OpenStack/],
    ["a subnet without its network", ["/calico/dhcp/v1/subnet/".concat(NETWORK), "{}"], /network_id/],
  ])("%s", (_name, entry, message) => {
    const { said, faults } = plan([subnet, entry, endpoint(2)]);
    expect(faults.map((fault) => fault.message).join()).toMatch(message);
    expect(said).toContain(`make port ${PORTS[1]} 10.65.0.12 on host2`);
  });

  test("a floating IP that leads elsewhere already stays where it is", () => {
    const known = {
      floating_ip_address: "172.16.1.3",
      id: "f",
      port_id: "other",
      fixed_ip_address: "10.65.0.99",
    };
    const { said, faults } = plan(
      [subnet, endpoint(1, nat("10.65.0.11", "172.16.1.3"))],
      { floatingips: [known] },
      ["172.16.1.0/24"],
    );
    expect(faults).toEqual([{ key: "172.16.1.3", message: "it leads to 10.65.0.99 already" }]);
    expect(said).toContain("there floating IP 172.16.1.3");
    expect(said.filter((line) => line.includes("association"))).toEqual([]);
  });
});
