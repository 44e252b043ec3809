import { describe, expect, test } from "vitest";
import { ADMIN, ALICE, BOB, Cloud, site } from "./testing/cloud.ts";

const floating = (at: ReturnType<typeof site>, more: object = {}): string =>
  at.cloud.make("floatingips", "floatingip", { floating_network_id: at.public, ...more }).id;

test("the seed's objects get the seed's addresses", () => {
  const at = site();
  expect(at.fixed).toBe("10.65.0.2");
  const id = floating(at);
  const { body } = at.cloud.ask("PUT", `floatingips/${id}`, { floatingip: { port_id: at.port } });
  expect(body["floatingip"]).toMatchObject({
    floating_ip_address: "172.16.1.3",
    fixed_ip_address: "10.65.0.2",
    router_id: at.router,
    status: "ACTIVE",
    tenant_id: "admin",
  });
});

describe("where a floating IP leads", () => {
  test.each<[string, object, boolean]>([
    ["no members take it off", {}, false],
    ["a null port takes it off", { port_id: null }, false],
    ["another member leaves it", { description: "x" }, true],
  ])("%s", (_name, floatingip, stays) => {
    const at = site();
    const id = floating(at, { port_id: at.port });
    at.cloud.ask("PUT", `floatingips/${id}`, { floatingip });
    expect(at.cloud.tables.get("floatingips", id)?.port_id).toBe(stays ? at.port : null);
  });

  test("its port is deleted: it stays, and leads nowhere", () => {
    const at = site();
    const id = floating(at, { port_id: at.port });
    expect(at.cloud.said("DELETE", `ports/${at.port}`)).toEqual({ status: 204 });
    expect(at.cloud.tables.get("floatingips", id)).toMatchObject({
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
    });
  });

  test("the router that is the subnet's gateway is preferred", () => {
    const at = site();
    const other = at.cloud.make("routers", "router", { external_gateway_info: { network_id: at.public } }).id;
    const face = at.cloud.make("ports", "port", { network_id: at.tenant }).id;
    expect(at.cloud.said("PUT", `routers/${other}/add_router_interface`, { port_id: face })).toEqual({
      status: 200,
    });
    const id = floating(at, { port_id: at.port });
    expect(at.cloud.tables.get("floatingips", id)?.router_id).toBe(at.router);
  });
});

test("a network goes with its floating IPs that lead nowhere", () => {
  const at = site();
  floating(at);
  at.cloud.ask("PUT", `routers/${at.router}`, { router: { external_gateway_info: {} } });
  expect(at.cloud.said("DELETE", `networks/${at.public}`)).toEqual({ status: 204 });
  expect([...at.cloud.tables.all("floatingips")]).toEqual([]);
});

describe("IPv6", () => {
  const with6 = (attributes: object) => {
    const cloud = new Cloud();
    const network_id = cloud.make("networks", "network", {}).id;
    cloud.make("subnets", "subnet", { network_id, ip_version: 6, cidr: "2001:db8::/64", ...attributes });
    return cloud.make("ports", "port", { network_id, mac_address: "00:16:3E:01:02:03" })["fixed_ips"];
  };

  test("SLAAC makes the address of the MAC (RFC 4291, appendix A)", () => {
    const [fixed] = with6({ ipv6_address_mode: "slaac", ipv6_ra_mode: "slaac" }) as [{ ip_address: string }];
    expect(fixed.ip_address).toBe("2001:db8::216:3eff:fe01:203");
  });

  test("another MAC has its own address there, and keeps those that were not made of it", () => {
    const { cloud, tenant: network_id, port } = site();
    const cidr = { cidr: "2001:db8::/64", ipv6_address_mode: "slaac" };
    cloud.make("subnets", "subnet", { network_id, ip_version: 6, ...cidr });
    const { id } = cloud.make("ports", "port", { network_id, mac_address: "00:16:3e:01:02:03" });
    const addresses = (asked: object): unknown =>
      (
        cloud.ask("PUT", `ports/${id}`, { port: asked }).body["port"] as {
          fixed_ips: readonly { ip_address: string }[];
        }
      ).fixed_ips.map(({ ip_address }) => ip_address);
    expect(addresses({ name: "same" })).toEqual(["10.65.0.3", "2001:db8::216:3eff:fe01:203"]);
    expect(addresses({ mac_address: "00:16:3e:0a:0b:0c" })).toEqual([
      "10.65.0.3",
      "2001:db8::216:3eff:fe0a:b0c",
    ]);
    const other = cloud.tables.get("ports", port)!.fixed_ips;
    expect(other).toHaveLength(1);
    // What was there before gets one by being asked for it.
    const own = { fixed_ips: [...other, { subnet_id: [...cloud.tables.all("subnets")].at(-1)!.id }] };
    expect(cloud.ask("PUT", `ports/${port}`, { port: own }).body).toMatchObject({
      port: { fixed_ips: [other[0], { ip_address: expect.stringMatching(/^2001:db8::f816:3eff:fe/) }] },
    });
  });

  test("without it, the lowest behind the gateway is taken", () => {
    const [fixed] = with6({}) as [{ ip_address: string }];
    expect(fixed.ip_address).toBe("2001:db8::2");
  });
});

test.each([
  ["an upper limit without pool", "10.1.0.0/29", undefined, [["10.1.0.2", "10.1.0.6"]]],
  ["a gateway at the end", "10.1.0.0/29", "10.1.0.6", [["10.1.0.1", "10.1.0.5"]]],
  [
    "a gateway in the middle",
    "10.1.0.0/29",
    "10.1.0.3",
    [
      ["10.1.0.1", "10.1.0.2"],
      ["10.1.0.4", "10.1.0.6"],
    ],
  ],
  ["none", "10.1.0.0/29", null, [["10.1.0.1", "10.1.0.6"]]],
  ["IPv6", "2001:db8::/64", undefined, [["2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff"]]],
])("default pools, %s", (_name, cidr, gateway_ip, expected) => {
  const cloud = new Cloud();
  const network_id = cloud.make("networks", "network", {}).id;
  const subnet = cloud.make("subnets", "subnet", {
    network_id,
    ip_version: cidr.includes(":") ? 6 : 4,
    cidr,
    ...(gateway_ip !== undefined && { gateway_ip }),
  });
  expect(subnet["allocation_pools"]).toEqual(expected.map(([start, end]) => ({ start, end })));
});

describe("lists", () => {
  const named = (names: readonly string[]) => {
    const cloud = new Cloud();
    for (const name of names) cloud.make("networks", "network", { name, shared: name === "b" });
    return cloud;
  };
  const names = (cloud: Cloud, search: string): unknown[] =>
    (cloud.ask("GET", `networks?${search}`).body["networks"] as { name: string }[]).map(({ name }) => name);

  test.each([
    ["", ["b", "a", "c"]],
    ["name=a&name=c", ["a", "c"]],
    ["name=a&shared=True", []],
    ["shared=True", ["b"]],
    ["shared=0", ["a", "c"]],
    ["sort_key=name&sort_dir=desc", ["c", "b", "a"]],
    ["limit=2&sort_key=name", ["a", "b"]],
    ["tenant_id=nobody", []],
  ])("%s", (search, expected) => {
    expect(names(named(["b", "a", "c"]), search)).toEqual(expected);
  });

  test("fields are projected, and repeat", () => {
    const { body } = named(["a"]).ask("GET", "networks?fields=name&fields=shared");
    expect(body["networks"]).toEqual([{ name: "a", shared: false }]);
  });

  test.each([false, true])("pages meet, backwards: %s", (backwards) => {
    const cloud = named(["e", "b", "d", "a", "c"]);
    const seen: string[] = [];
    let search = `limit=2&sort_key=name${backwards ? "&page_reverse=True" : ""}`;
    for (;;) {
      const { body } = cloud.ask("GET", `networks?${search}`);
      const page = (body["networks"] as { name: string }[]).map(({ name }) => name);
      if (backwards) seen.unshift(...page);
      else seen.push(...page);
      const links = (body["networks_links"] ?? []) as { rel: string; href: string }[];
      const link = links.find(({ rel }) => rel === (backwards ? "previous" : "next"));
      if (link === undefined) break;
      search = link.href.split("?")[1]!;
    }
    expect(seen).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("ports by subnet and by address", () => {
    const { cloud, inner, port } = site();
    const ids = (search: string): unknown[] =>
      (cloud.ask("GET", `ports?${search}&fields=id`).body["ports"] as { id: string }[]).map(({ id }) => id);
    expect(ids(`fixed_ips=subnet_id%3D${inner}`)).toHaveLength(2);
    expect(ids("fixed_ips=ip_address%3D10.65.0.2")).toEqual([port]);
    expect(ids("fixed_ips=ip_address_substr%3D65.0.2")).toEqual([port]);
  });
});

describe("projects", () => {
  test("see their own, what is shared, and external networks", () => {
    const { cloud } = site();
    cloud.make("networks", "network", { name: "bobs" }, BOB);
    const seen = (cloud.ask("GET", "networks", undefined, ALICE).body["networks"] as { name: string }[]).map(
      ({ name }) => name,
    );
    expect(seen).toEqual(["calico", "public"]);
    expect(cloud.ask("GET", "routers", undefined, ALICE).body["routers"]).toEqual([]);
  });

  test("do not see where ports are bound", () => {
    const { cloud, tenant } = site();
    const port = cloud.make("ports", "port", { network_id: tenant }, ALICE);
    expect(Object.keys(port)).not.toContain("binding:host_id");
  });

  test("have a default security group from the first request on", () => {
    const cloud = new Cloud();
    const { body } = cloud.ask("GET", "security-groups", undefined, ALICE);
    const [group, ...others] = body["security_groups"] as { name: string; security_group_rules: object[] }[];
    expect([group?.name, group?.security_group_rules.length, others]).toEqual(["default", 4, []]);
  });

  test("cannot know what another one has", () => {
    const { cloud, port } = site();
    expect(cloud.said("GET", `ports/${port}`, undefined, BOB).status).toBe(404);
    expect(cloud.said("DELETE", `ports/${port}`, undefined, BOB).status).toBe(404);
    expect(cloud.said("GET", "quotas/admin", undefined, BOB).status).toBe(404);
  });
});

test.each(["tenant", "project"])("quotas/%s says whose quota is to be asked for", (name) => {
  const { cloud } = site();
  expect(cloud.ask("GET", `quotas/${name}`, undefined, BOB)).toEqual({
    status: 200,
    body: { [name]: { tenant_id: "bob" } },
  });
});

test("a revision that is not the present one is refused, and one that is counts up", () => {
  const { cloud, tenant } = site();
  const put = (revision: number) =>
    cloud.said("PUT", `networks/${tenant}`, { network: { name: "x" } }, ADMIN, `revision_number=${revision}`);
  expect(put(1)).toEqual({ status: 200 });
  expect(put(1)).toEqual({
    status: 412,
    type: "RevisionNumberConstraintFailed",
    message: "Constrained to 1, but current revision is 2",
  });
});

test("a bulk create does all or nothing", () => {
  const cloud = new Cloud();
  const both = cloud.ask("POST", "networks", { networks: [{ name: "a" }, { name: "b" }] });
  expect((both.body["networks"] as object[]).length).toBe(2);
  expect(cloud.said("POST", "networks", { networks: [{ name: "c" }, { foo: 1 }] }).status).toBe(400);
  expect([...cloud.tables.all("networks")].length).toBe(2);
});

test("tags are set, found by, and taken off", () => {
  const { cloud, tenant } = site();
  cloud.ask("PUT", `networks/${tenant}/tags`, { tags: ["red", "blue"] });
  expect(cloud.said("PUT", `networks/${tenant}/tags/green`).status).toBe(201);
  const count = (search: string): number =>
    (cloud.ask("GET", `networks?${search}`).body["networks"] as object[]).length;
  expect([count("tags=red,green"), count("tags=red,black"), count("tags-any=black,blue")]).toEqual([1, 0, 1]);
  expect(cloud.said("DELETE", `networks/${tenant}/tags/black`)).toMatchObject({
    status: 404,
    type: "TagNotFound",
  });
  expect(cloud.said("DELETE", `networks/${tenant}/tags`).status).toBe(204);
  expect(cloud.ask("GET", `networks/${tenant}/tags`).body).toEqual({ tags: [] });
});

test("extra routes lead to neighbours of the router, and hold its interface", () => {
  const { cloud, router, inner } = site();
  const put = (nexthop: string) =>
    cloud.said("PUT", `routers/${router}`, { router: { routes: [{ destination: "10.9.0.0/16", nexthop }] } });
  expect(put("10.66.0.1")).toMatchObject({ status: 400, type: "InvalidRoutes" });
  expect(put("10.65.0.1")).toMatchObject({ status: 400, type: "InvalidRoutes" });
  expect(put("10.65.0.9")).toEqual({ status: 200 });
  expect(cloud.said("PUT", `routers/${router}/remove_router_interface`, { subnet_id: inner })).toMatchObject({
    status: 409,
    type: "RouterInterfaceInUseByRoute",
  });
});

test("extra routes are put beside those that are there, and taken from them", () => {
  const { cloud, router } = site();
  const to = (third: number) => ({ destination: `10.${third}.0.0/16`, nexthop: "10.65.0.9" });
  const change = (action: "add" | "remove", ...routes: object[]): unknown => {
    const { body } = cloud.ask("PUT", `routers/${router}/${action}_extraroutes`, { router: { routes } });
    return (body["router"] as { readonly routes?: unknown } | undefined)?.routes ?? body["NeutronError"];
  };
  expect(change("add", to(7))).toEqual([to(7)]);
  expect(change("add", to(8), to(7))).toEqual([to(7), to(8)]);
  expect(change("remove", to(7), to(9))).toEqual([to(8)]);
  const elsewhere = { destination: "10.9.0.0/16", nexthop: "10.66.0.1" };
  expect(change("add", elsewhere)).toMatchObject({ type: "InvalidRoutes" });
  expect(change("add", { destination: "10.9.0.0/16" })).toMatchObject({ type: "HTTPBadRequest" });
  expect(cloud.said("PUT", `routers/${router}/add_extraroutes`, [])).toMatchObject({ status: 400 });
  expect(change("remove", to(8))).toEqual([]);
});

test("routers are distributed that are made without saying so, where the gateway's file has it that way", () => {
  const { cloud } = site();
  const made = (attributes: object): unknown => cloud.make("routers", "router", attributes)["distributed"];
  expect([made({}), made({ distributed: true })]).toEqual([false, true]);
  Object.assign(cloud.world, { routerDistributed: true });
  expect([made({}), made({ distributed: false })]).toEqual([true, false]);
});
