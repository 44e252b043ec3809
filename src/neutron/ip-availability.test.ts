import { expect, test } from "vitest";
import { BOB, type Cloud, type Site, site } from "./testing/cloud.ts";

const PATH = "network-ip-availabilities";

const ipv6 = (cloud: Cloud, network_id: string): string =>
  cloud.make("subnets", "subnet", { network_id, ip_version: 6, cidr: "2001:db8::/64", enable_dhcp: false })
    .id;

const expected = (at: Site): object => ({
  network_id: at.tenant,
  network_name: "calico",
  project_id: "admin",
  tenant_id: "admin",
  total_ips: 253,
  // The instance's, and the router's.
  used_ips: 2,
  subnet_ip_availability: [
    {
      subnet_id: at.inner,
      subnet_name: "",
      cidr: "10.65.0.0/24",
      ip_version: 4,
      total_ips: 253,
      used_ips: 2,
    },
  ],
});

test("addresses of a network are counted by subnet", () => {
  const at = site();
  expect(at.cloud.ask("GET", `${PATH}/${at.tenant}`)).toEqual({
    status: 200,
    body: { network_ip_availability: expected(at) },
  });
  expect(at.cloud.ask("GET", `${PATH}?network_name=calico`).body).toEqual({
    network_ip_availabilities: [expected(at)],
  });
});

test("as many as the pools have, and of a /64 without one as many as there are", () => {
  const { cloud, tenant, inner } = site();
  const pools = [
    { start: "10.65.0.2", end: "10.65.0.9" },
    { start: "10.65.0.20", end: "10.65.0.20" },
  ];
  cloud.ask("PUT", `subnets/${inner}`, { subnet: { allocation_pools: pools } });
  const id = ipv6(cloud, tenant);
  cloud.ask("PUT", `subnets/${id}`, { subnet: { allocation_pools: [] } });
  const of = (version: number): unknown =>
    cloud.ask("GET", `${PATH}?network_id=${tenant}&ip_version=${version}&fields=total_ips`).body[
      "network_ip_availabilities"
    ];
  expect([of(4), of(6)]).toEqual([[{ total_ips: 9 }], [{ total_ips: 2 ** 64 }]]);
});

test("networks without a subnet of the version that is asked for are left out", () => {
  const { cloud, public: net } = site();
  ipv6(cloud, net);
  const listed = cloud.ask("GET", `${PATH}?ip_version=6`).body["network_ip_availabilities"];
  expect(listed).toMatchObject([{ network_id: net, subnet_ip_availability: [{ cidr: "2001:db8::/64" }] }]);
});

test("members are not told", () => {
  const { cloud, tenant } = site();
  expect(cloud.ask("GET", PATH, undefined, BOB).body).toEqual({ network_ip_availabilities: [] });
  expect(cloud.said("GET", `${PATH}/${tenant}`, undefined, BOB).status).toBe(404);
});

test("a network that is not there", () => {
  expect(site().cloud.said("GET", `${PATH}/11111111-2222-4333-8444-555555555555`)).toMatchObject({
    status: 404,
    type: "NetworkNotFound",
  });
});
