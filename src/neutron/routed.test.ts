import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ADMIN, type Site, site } from "./testing/cloud.ts";

const isRouted = (address: string): boolean => address.startsWith("172.16.1.");
const routed = (address: string): string =>
  `${address} is of a network that this gateway routes and never translates`;

describe("what is routed is never translated, and who asks for that is told", () => {
  test("a floating IP of a public network", () => {
    const { cloud, public: floating_network_id } = site({ isRouted });
    expect(cloud.said("POST", "floatingips", { floatingip: { floating_network_id } })).toEqual({
      status: 400,
      type: "BadRequest",
      message: `Bad floatingip request: ${routed("172.16.1.3")}. A port with an address of it needs no floating IP.`,
    });
    expect([...cloud.tables.all("floatingips")]).toEqual([]);
  });

  test("a floating IP for a port of a public network", () => {
    const at = site({ isRouted: (address) => address.startsWith("10.65.") });
    const floatingip = { floating_network_id: at.public, port_id: at.port };
    expect(at.cloud.said("POST", "floatingips", { floatingip })).toMatchObject({
      status: 400,
      message: expect.stringContaining(routed(at.fixed)),
    });
  });

  test("a router's gateway there does not translate, and cannot be made to", () => {
    const { cloud, router, public: network_id } = site({ isRouted });
    const { body } = cloud.ask("GET", `routers/${router}`);
    expect(body["router"]).toMatchObject({ external_gateway_info: { network_id, enable_snat: false } });
    const put = { router: { external_gateway_info: { network_id, enable_snat: true } } };
    expect(cloud.said("PUT", `routers/${router}`, put, ADMIN)).toEqual({
      status: 400,
      type: "BadRequest",
      message: `Bad router request: ${routed("172.16.1.2")} to.`,
    });
  });
});

const routersNotes = (at: Site): unknown => at.cloud.ask("GET", `routers/${at.router}`).notes;

describe("a router says what of it does nothing", () => {
  test("all of the seed's objects do something", () => {
    const at = site();
    const floatingip = { floating_network_id: at.public, port_id: at.port };
    expect(at.cloud.ask("POST", "floatingips", { floatingip }).notes).toBeUndefined();
    for (const path of [`routers/${at.router}`, `ports/${at.port}`, `networks/${at.tenant}`]) {
      expect(at.cloud.ask("GET", path).notes).toBeUndefined();
    }
  });

  test("a router that joins what is routed anyway", () => {
    const at = site({ isRouted: (address) => address.startsWith("10.65.0.") });
    const note = "10.65.0.0/24 is routed and never translated: the router does nothing for it";
    expect(routersNotes(at)).toEqual([note]);
    const { id: network_id } = at.cloud.make("networks", "network", {});
    const { id } = at.cloud.make("subnets", "subnet", { network_id, ip_version: 4, cidr: "10.66.0.0/24" });
    const added = at.cloud.ask("PUT", `routers/${at.router}/add_router_interface`, { subnet_id: id });
    expect(added.notes).toEqual([note]);
  });

  test("a second router for the same addresses, until the first one is gone", () => {
    const at = site();
    const { cloud, public: network_id } = at;
    const { id: inner } = cloud.make("networks", "network", {});
    const twin = { network_id: inner, ip_version: 4, cidr: "10.65.0.0/25" };
    const { id: subnet_id } = cloud.make("subnets", "subnet", twin);
    const { id } = cloud.make("routers", "router", { external_gateway_info: { network_id } });
    expect(cloud.ask("PUT", `routers/${id}/add_router_interface`, { subnet_id }).notes).toEqual([
      "10.65.0.0/25 goes out by another router that has addresses of it and was made first",
    ]);
    expect(routersNotes(at)).toBeUndefined();
    cloud.ask("PUT", `routers/${at.router}`, { router: { admin_state_up: false } });
    expect(cloud.ask("GET", `routers/${id}`).notes).toBeUndefined();
  });

  test("extra routes, and high availability", () => {
    const at = site();
    const routes = [{ destination: "10.9.0.0/16", nexthop: "10.65.0.9" }];
    at.cloud.ask("PUT", `routers/${at.router}`, { router: { routes, ha: true } });
    expect(routersNotes(at)).toEqual([
      "extra routes are kept, and do nothing: hosts and peers announce theirs",
      "ha does nothing: every gateway that shares the store has all routers",
    ]);
  });
});

describe("so do others", () => {
  test("a floating IP that the file has, or whose router is down", () => {
    const at = site({ isSaid: (address) => address === "172.16.1.3" });
    const { cloud, router } = at;
    const floatingip = { floating_network_id: at.public, port_id: at.port };
    const { body, notes } = cloud.ask("POST", "floatingips", { floatingip });
    expect(notes).toEqual([
      "gateway.yaml, or a pool or service of the API, has 172.16.1.3: the floating IP does nothing",
    ]);
    const { id } = body["floatingip"] as { readonly id: string };
    Object.assign(cloud.world, { isSaid: () => false });
    cloud.ask("PUT", `routers/${router}`, { router: { admin_state_up: false } });
    expect(cloud.ask("GET", `floatingips/${id}`).notes).toEqual([
      `router ${router} is down (admin_state_up): 172.16.1.3 leads nowhere until it is up`,
    ]);
    expect(cloud.ask("PUT", `floatingips/${id}`, { floatingip: { port_id: null } }).notes).toBeUndefined();
  });

  test("allowed prefixes, and security groups", () => {
    const { cloud, port } = site();
    const allowed_address_pairs = [{ ip_address: "10.9.0.0/24" }, { ip_address: "10.65.0.200/32" }];
    expect(cloud.ask("PUT", `ports/${port}`, { port: { allowed_address_pairs } }).notes).toEqual([
      "the allowed addresses 10.9.0.0/24 do nothing: only single ones are routed",
    ]);
    const groups = { security_groups: [{ name: "a" }, { name: "b" }] };
    expect(cloud.ask("POST", "security-groups", groups).notes).toEqual([
      "gatewayd filters no packets: security groups and their rules are kept, and do nothing",
    ]);
  });
});

test("docs/API.md has every such word", () => {
  const page = readFileSync(new URL("../../docs/API.md", import.meta.url), "utf8");
  const source = readFileSync(new URL("./idle.ts", import.meta.url), "utf8");
  const words = [...source.matchAll(/["`](?:[^"`]*\} )?([^"`$]*(?:do|does) nothing[^"`$]*)["`]/g)];
  expect(words.length).toBeGreaterThan(4);
  for (const [, word] of words) expect(page).toContain(word);
});
