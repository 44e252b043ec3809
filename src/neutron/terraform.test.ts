/**
 * What terraform-provider-openstack asks for examples/terraform/main.tf, as gophercloud 2 sends it, in the name of a
 * member: everything comes to the state that the provider waits for, is read as it was planned, and can be destroyed.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ALICE, type Asked, type Cloud, type Site, site } from "./testing/cloud.ts";

/** What was made so far, by the resource's type and name in the example. */
type Made = ReadonlyMap<string, string>;

interface Step {
  readonly resource: string;
  /** The path is the object's afterwards, and where it is asked for again. */
  apply(ask: Ask, made: Made, at: Site): { readonly path: string; readonly id: string };
  /** What a refresh has to find, or there is something to apply again. */
  readonly planned: object;
}

type Ask = (method: Parameters<Cloud["ask"]>[0], path: string, body?: unknown) => Asked["body"];

const creation =
  (path: string, name: string, body: (made: Made, at: Site) => object): Step["apply"] =>
  (ask, made, at) => {
    const { id } = ask("POST", path, { [name]: body(made, at) })[name] as { id: string };
    return { path: `${path}/${id}`, id };
  };

const of = (made: Made, key: string): string => {
  const id = made.get(key);
  if (id === undefined) throw new Error(`${key} is not made yet`);
  return id;
};

const port =
  (name: string, extra: object = {}): Step["apply"] =>
  (ask, made, at) => {
    const fixed_ips = [{ subnet_id: of(made, "subnet_v2.web") }];
    const network_id = of(made, "network_v2.web");
    return creation("ports", "port", () => ({ name, network_id, fixed_ips, ...extra }))(ask, made, at);
  };

const floatingIp: Step["apply"] = (ask, made, at) => {
  const found = ask("GET", "networks?name=public")["networks"] as readonly { id: string }[];
  expect(found.map(({ id }) => id)).toEqual([at.public]);
  const floating_network_id = at.public;
  return creation("floatingips", "floatingip", () => ({ floating_network_id }))(ask, made, at);
};

const dhcp = { opt_name: "bootfile-name", opt_value: "pxelinux.0", ip_version: 4 };

const STEPS: readonly Step[] = [
  {
    resource: "network_v2.web",
    apply(ask, made, at) {
      const one = creation("networks", "network", () => ({ name: "web" }))(ask, made, at);
      ask("PUT", `${one.path}/tags`, { tags: ["terraform"] });
      return one;
    },
    planned: { name: "web", tags: ["terraform"], status: "ACTIVE" },
  },
  {
    resource: "subnet_v2.web",
    apply: creation("subnets", "subnet", (made) => ({
      network_id: of(made, "network_v2.web"),
      cidr: "10.70.0.0/24",
      dns_nameservers: ["192.0.2.53"],
      enable_dhcp: true,
      ip_version: 4,
    })),
    planned: { cidr: "10.70.0.0/24", dns_nameservers: ["192.0.2.53"], enable_dhcp: true },
  },
  {
    resource: "router_v2.web",
    apply: creation("routers", "router", (_, { public: network_id }) => ({
      name: "web",
      external_gateway_info: { network_id },
    })),
    planned: { name: "web", status: "ACTIVE", external_gateway_info: { enable_snat: true } },
  },
  {
    resource: "router_interface_v2.web",
    apply(ask, made) {
      const subnet_id = of(made, "subnet_v2.web");
      const router = of(made, "router_v2.web");
      const id = String(ask("PUT", `routers/${router}/add_router_interface`, { subnet_id })["port_id"]);
      return { path: `ports/${id}`, id };
    },
    planned: { status: "ACTIVE", device_owner: "network:router_interface" },
  },
  {
    resource: "port_v2.web",
    apply: port("web-1", { extra_dhcp_opts: [dhcp] }),
    planned: { name: "web-1", status: "DOWN", extra_dhcp_opts: [dhcp] },
  },
  { resource: "floatingip_v2.web", apply: floatingIp, planned: { status: "DOWN" } },
  {
    resource: "floatingip_associate_v2.web",
    apply(ask, made) {
      const id = of(made, "floatingip_v2.web");
      const address = addressOf(ask, id);
      const found = ask("GET", `floatingips?floating_ip_address=${address}`)["floatingips"] as object[];
      expect(found).toHaveLength(1);
      ask("PUT", `floatingips/${id}`, { floatingip: { port_id: of(made, "port_v2.web") } });
      return { path: `floatingips/${id}`, id };
    },
    planned: { fixed_ip_address: "10.70.0.2" },
  },
  { resource: "port_v2.api", apply: port("api-1"), planned: { name: "api-1", status: "DOWN" } },
  { resource: "floatingip_v2.api", apply: floatingIp, planned: { port_id: null } },
  {
    resource: "portforwarding_v2.api",
    apply(ask, made, at) {
      const path = `floatingips/${of(made, "floatingip_v2.api")}/port_forwardings`;
      const internal_port_id = of(made, "port_v2.api");
      return creation(path, "port_forwarding", () => ({
        protocol: "tcp",
        external_port: 443,
        internal_port: 8443,
        internal_port_id,
        internal_ip_address: "10.70.0.3",
      }))(ask, made, at);
    },
    planned: { protocol: "tcp", external_port: 443, internal_port: 8443, internal_ip_address: "10.70.0.3" },
  },
];

function addressOf(ask: Ask, id: string): string {
  const { floating_ip_address } = ask("GET", `floatingips/${id}`)["floatingip"] as {
    floating_ip_address: string;
  };
  return floating_ip_address;
}

function destroy(ask: Ask, made: Made, resource: string, path: string): void {
  if (resource === "floatingip_associate_v2.web") ask("PUT", path, { floatingip: { port_id: null } });
  else if (resource === "router_interface_v2.web") {
    const body = { subnet_id: of(made, "subnet_v2.web"), port_id: of(made, resource) };
    ask("PUT", `routers/${of(made, "router_v2.web")}/remove_router_interface`, body);
  } else ask("DELETE", path);
}

test("the example is applied, found as it was planned, and destroyed", () => {
  // No instance is there yet: what is waited for comes true all the same.
  const at = site({ isReachable: () => false });
  const ask: Ask = (method, path, body) => {
    const { status, body: answer } = at.cloud.ask(method, path, body, ALICE);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  };
  const made = new Map<string, string>();
  const paths = new Map<string, string>();
  const untouched = [...at.cloud.tables.all("ports")].length;
  for (const { resource, apply } of STEPS) {
    const { path, id } = apply(ask, made, at);
    made.set(resource, id);
    paths.set(resource, path);
  }
  for (const { resource, planned } of STEPS) {
    const [found] = Object.values(ask("GET", paths.get(resource)!));
    expect(found, resource).toMatchObject(planned);
  }
  for (const { resource } of STEPS.toReversed()) destroy(ask, made, resource, paths.get(resource)!);
  expect([...at.cloud.tables.all("ports")]).toHaveLength(untouched);
  for (const [resource, path] of paths) {
    expect(at.cloud.said("GET", path, undefined, ALICE).status, resource).toBe(404);
  }
});

test("every resource of the example is asked for above", () => {
  const text = readFileSync(new URL("../../examples/terraform/main.tf", import.meta.url), "utf8");
  const resources = [...text.matchAll(/^resource "openstack_networking_(\w+)" "(\w+)"/gm)];
  expect(resources.map(([, type, name]) => `${type}.${name}`).toSorted()).toEqual(
    STEPS.map(({ resource }) => resource).toSorted(),
  );
});
