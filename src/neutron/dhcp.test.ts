import { describe, expect, test } from "vitest";
import { dhcpOf } from "./dhcp.ts";
import { type Site, site } from "./testing/cloud.ts";

const bound = (attributes: object = {}): Site => {
  const at = site();
  at.cloud.ask("PUT", `ports/${at.port}`, { port: { "binding:host_id": "host1", ...attributes } });
  return at;
};
const lines = (at: Site, hostname = "host1") => dhcpOf(at.cloud.tables, hostname);

test("a port's address by its MAC, the subnet's gateway, mask and servers", () => {
  const at = bound({ mac_address: "fa:16:3e:00:00:01" });
  at.cloud.ask("PUT", `subnets/${at.inner}`, { subnet: { dns_nameservers: ["192.0.2.53", "2001:db8::53"] } });
  expect(lines(at)).toEqual({
    ranges: [`dhcp-range=set:${at.inner},10.65.0.0,static,255.255.255.0,86400`],
    networks: ["10.65.0.0"],
    hosts: new Map([["10.65.0.2", `fa:16:3e:00:00:01,set:${at.port},10.65.0.2,host-10-65-0-2`]]),
    options: [
      `tag:${at.inner},option:router,10.65.0.1`,
      `tag:${at.inner},option:dns-server,192.0.2.53`,
      `tag:${at.inner},option:mtu,1500`,
    ],
  });
});

describe("nobody is told who is", () => {
  test.each<[string, (at: Site) => unknown]>([
    [
      "bound elsewhere",
      (at) => at.cloud.ask("PUT", `ports/${at.port}`, { port: { "binding:host_id": "x" } }),
    ],
    ["down", (at) => at.cloud.ask("PUT", `ports/${at.port}`, { port: { admin_state_up: false } })],
    [
      "in a subnet without DHCP",
      (at) => at.cloud.ask("PUT", `subnets/${at.inner}`, { subnet: { enable_dhcp: false } }),
    ],
  ])("%s", (_name, change) => {
    const at = bound();
    expect(lines(at).hosts.size).toBe(1);
    change(at);
    expect(lines(at)).toEqual({ ranges: [], networks: [], hosts: new Map(), options: [] });
  });
});

test("routes of the subnet come with the way out, which clients would not take otherwise", () => {
  const at = bound();
  const host_routes = [{ destination: "10.9.0.0/16", nexthop: "10.65.0.7" }];
  at.cloud.ask("PUT", `subnets/${at.inner}`, { subnet: { host_routes } });
  expect(lines(at).options).toContain(
    `tag:${at.inner},option:classless-static-route,10.9.0.0/16,10.65.0.7,0.0.0.0/0,10.65.0.1`,
  );
});

test.each<[unknown, unknown, string | undefined]>([
  ["bootfile-name", "pxelinux.0", "option:bootfile-name,pxelinux.0"],
  ["42", "192.0.2.1,192.0.2.2", "42,192.0.2.1,192.0.2.2"],
  ["bootfile-name", null, undefined],
  ["bootfile-name", "a\ndhcp-script=/bin/sh", undefined],
  ["bootfile-name", 'a"b', undefined],
  ["bootfile-name", "", undefined],
  ["a,b", "c", undefined],
  ["option:x\n", "c", undefined],
  [7, "c", undefined],
])("the port's own option %j = %j", (opt_name, opt_value, said) => {
  const at = bound({
    extra_dhcp_opts: [
      { opt_name, opt_value },
      { opt_name, opt_value, ip_version: 6 },
    ],
  });
  const own = lines(at).options.filter((line) => line.startsWith(`tag:${at.port},`));
  expect(own).toEqual(said === undefined ? [] : [`tag:${at.port},${said}`]);
});
