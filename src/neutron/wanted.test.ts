import { describe, expect, test } from "vitest";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { type Site, site } from "./testing/cloud.ts";
import { isElsewhere, withObjects } from "./wanted.ts";

/** What counts of a file here. */
const file = (parts: Partial<Model> = {}): Model =>
  ({
    role: "gateway",
    hostname: "gw1",
    networks: [],
    nat: { private: [], except: [], pools: [] },
    floatingIps: [],
    anycast: [],
    ports: [],
    ...parts,
  }) as unknown as Model;

const wanted = ({ cloud }: Site, parts: Partial<Model> = {}) => {
  const model = withObjects(file(parts), cloud.tables, "floating");
  return {
    floating: model.floatingIps.map(
      ({ address, to }) => `${formatAddress(address)} ${to && formatAddress(to)}`,
    ),
    ports: model.ports.map((port) => [port.interface, ...port.addresses.map(formatAddress)]),
    private: model.nat.private.map(formatPrefix),
    pools: model.nat.pools.flatMap(({ addresses }) => addresses.map(formatAddress)),
    anycast: model.anycast.map(({ address, members }) => [address, ...members].map(formatAddress)),
  };
};

function associated(host = "host1", distributed = false): Site {
  const at = site();
  at.cloud.ask("PUT", `ports/${at.port}`, { port: { "binding:host_id": host } });
  at.cloud.ask("PUT", `routers/${at.router}`, { router: { distributed } });
  at.cloud.make("floatingips", "floatingip", { floating_network_id: at.public, port_id: at.port });
  return at;
}

const FLOATING = "172.16.1.3 10.65.0.2";

describe("where a floating IP is translated", () => {
  test.each<[string, boolean, Model["role"], string, boolean]>([
    ["at the gateway", false, "gateway", "gw1", true],
    ["not on the host", false, "compute", "host1", false],
    ["distributed: on the host", true, "compute", "host1", true],
    ["distributed: not at the gateway", true, "gateway", "gw1", false],
    ["distributed: at the gateway that is the host", true, "gateway", "host1", true],
    ["distributed: known on another host, so that it goes untouched there", true, "compute", "host2", true],
  ])("%s", (_name, distributed, role, hostname, here) => {
    const { floating } = wanted(associated("host1", distributed), { role, hostname });
    expect(floating).toEqual(here ? [FLOATING] : []);
  });

  test("nowhere without its port, or with a router that is down", () => {
    const at = associated();
    at.cloud.ask("PUT", `routers/${at.router}`, { router: { admin_state_up: false } });
    expect(wanted(at).floating).toEqual([]);
    at.cloud.ask("PUT", `routers/${at.router}`, { router: { admin_state_up: true } });
    at.cloud.ask("DELETE", `ports/${at.port}`);
    expect(wanted(at).floating).toEqual([]);
  });

  test("not when the file has the address for something else, or routes it", () => {
    const taken = { name: "dns", address: parseAddress("172.16.1.3")!, members: [] };
    expect(wanted(associated(), { anycast: [taken] as unknown as Model["anycast"] }).floating).toEqual([]);
    const network = { name: "public", cidr: parsePrefix("172.16.1.0/24")!, announce: "both" as const };
    expect(wanted(associated(), { networks: [network] }).floating).toEqual([]);
  });
});

describe("a floating IP whose ports are forwarded", () => {
  const forwarded = (distributed = false): Site => {
    const at = associated("host1", distributed);
    const { id } = [...at.cloud.tables.all("floatingips")][0]!;
    at.cloud.ask("PUT", `floatingips/${id}`, { floatingip: { port_id: null } });
    for (const [protocol, external, internal] of [
      ["tcp", "443", "8443"],
      ["udp", "5000:5009", "6000:6009"],
    ]) {
      at.cloud.make(`floatingips/${id}/port_forwardings`, "port_forwarding", {
        protocol,
        internal_port_id: at.port,
        external_port_range: external,
        internal_port_range: internal,
      });
    }
    return at;
  };
  const forwardsIn = (at: Site, parts: Partial<Model>): unknown =>
    withObjects(file(parts), at.cloud.tables, "floating").floatingIps.map(({ address, to, forwards }) => [
      formatAddress(address),
      to,
      ...forwards.map(({ protocol, ports, to: target, toPorts }) =>
        [protocol, ports.first, ports.last, formatAddress(target), toPorts.first, toPorts.last].join(" "),
      ),
    ]);

  test.each([false, true])("leads to all of them at the gateway (distributed: %j)", (distributed) => {
    const at = forwarded(distributed);
    expect(forwardsIn(at, {})).toEqual([
      ["172.16.1.3", undefined, "tcp 443 443 10.65.0.2 8443 8443", "udp 5000 5009 10.65.0.2 6000 6009"],
    ]);
    expect(forwardsIn(at, { role: "compute", hostname: "host1" })).toEqual([]);
  });

  test("leads nowhere while its router is down", () => {
    const at = forwarded();
    at.cloud.ask("PUT", `routers/${at.router}`, { router: { admin_state_up: false } });
    expect(forwardsIn(at, {})).toEqual([]);
  });
});

test("a port is its tap on the host that it is bound to", () => {
  const at = associated("gw1");
  expect(wanted(at).ports).toEqual([[`tap${at.port.slice(0, 11)}`, "10.65.0.2"]]);
  expect(wanted(at, { hostname: "gw2" }).ports).toEqual([]);
});

test.each<[string, object, boolean]>([
  ["a port of this host", { "binding:host_id": "host1" }, false],
  ["a port of another host", { "binding:host_id": "host2" }, true],
  ["a port of no host", { "binding:host_id": "" }, false],
  ["a port that is to be down", { "binding:host_id": "host2", admin_state_up: false }, false],
])("whether an address is elsewhere: %s", (_, port, expected) => {
  const at = site();
  at.cloud.ask("PUT", `ports/${at.port}`, { port });
  expect(isElsewhere(at.cloud.tables, "host1", parseAddress("10.65.0.2")!)).toBe(expected);
  expect(isElsewhere(at.cloud.tables, "host1", parseAddress("10.65.0.99")!)).toBe(false);
});

test("a router's networks go out with its address, unless it does not translate", () => {
  const at = site();
  expect(wanted(at)).toMatchObject({ pools: ["172.16.1.2"], private: ["10.65.0.0/24"] });
  const external_gateway_info = { network_id: at.public, enable_snat: false };
  at.cloud.ask("PUT", `routers/${at.router}`, { router: { external_gateway_info } });
  expect(wanted(at)).toMatchObject({ pools: [], private: [] });
});

test("hosts translate nothing for routers, and know what is private", () => {
  expect(wanted(site(), { role: "compute" })).toMatchObject({ pools: [], private: ["10.65.0.0/24"] });
});

test("what the file has as private is not said twice", () => {
  const nat = { private: [parsePrefix("10.65.0.0/16")!], except: [], pools: [] };
  expect(wanted(site(), { nat: nat as unknown as Model["nat"] }).private).toEqual(["10.65.0.0/16"]);
});

test("an address that two ports may answer for is anycast, one port's own is routed to it", () => {
  const at = associated("gw1");
  const allowed_address_pairs = [{ ip_address: "10.65.0.200" }];
  at.cloud.ask("PUT", `ports/${at.port}`, { port: { allowed_address_pairs } });
  expect(wanted(at)).toMatchObject({
    anycast: [],
    ports: [[expect.any(String), "10.65.0.2", "10.65.0.200"]],
  });
  // Written with its length it is the same address; a shorter prefix is nobody's.
  const pairs = [{ ip_address: "10.65.0.200/32" }, { ip_address: "10.65.0.0/24" }];
  at.cloud.make("ports", "port", { network_id: at.tenant, allowed_address_pairs: pairs });
  expect(wanted(at)).toMatchObject({
    anycast: [["10.65.0.200", "10.65.0.2", "10.65.0.3"]],
    ports: [[expect.any(String), "10.65.0.2"]],
  });
});
