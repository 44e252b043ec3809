import { describe, expect, test } from "vitest";
import { advertisementsOf } from "./advertisements.ts";
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
    taps6: new Set(),
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
    expect(lines(at)).toEqual({
      ranges: [],
      networks: [],
      hosts: new Map(),
      options: [],
      taps6: new Set(),
    });
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

test.each<[string, string, string | undefined]>([
  ["bootfile-name", "pxelinux.0", "option:bootfile-name,pxelinux.0"],
  ["42", "192.0.2.1,192.0.2.2", "42,192.0.2.1,192.0.2.2"],
  ["bootfile-name", 'a"b', undefined],
  ["router", "", undefined],
  ["a,b", "c", undefined],
])("the port's own option %j = %j", (opt_name, opt_value, said) => {
  const at = bound({
    extra_dhcp_opts: [
      { opt_name, opt_value },
      { opt_name, opt_value, ip_version: 6 },
    ],
  });
  const own = lines(at).options.filter((line) => line.startsWith(`tag:${at.port},`));
  const both = [said, said?.replace(/^(option:)?/, "option6:")].map((each) => `tag:${at.port},${each}`);
  expect(own).toEqual(said === undefined ? [] : both.sort());
});

describe("a port's own options are changed one by one", () => {
  const first = { opt_name: "bootfile-name", opt_value: "a", ip_version: 4 };
  const second = { opt_name: "tftp-server", opt_value: "192.0.2.1", ip_version: 4 };
  const after = (...asked: readonly unknown[]): unknown => {
    const at = bound({ extra_dhcp_opts: [first, second] });
    at.cloud.ask("PUT", `ports/${at.port}`, { port: { extra_dhcp_opts: asked } });
    return at.cloud.ask("GET", `ports/${at.port}`).body["port"];
  };
  test.each<[string, readonly unknown[], readonly unknown[]]>([
    ["none", [], [first, second]],
    [
      "another value",
      [{ opt_name: "bootfile-name", opt_value: "b" }],
      [{ ...first, opt_value: "b" }, second],
    ],
    ["no value", [{ opt_name: "bootfile-name", opt_value: null, ip_version: "4" }], [second]],
    [
      "what Terraform sends for one that gives way to another",
      [
        { opt_name: "bootfile-name", opt_value: null, ip_version: 4 },
        { opt_name: "mtu", opt_value: "1400", ip_version: 4 },
      ],
      [second, { opt_name: "mtu", opt_value: "1400", ip_version: 4 }],
    ],
    ["the same one for IPv6", [{ ...first, ip_version: 6 }], [first, second, { ...first, ip_version: 6 }]],
    ["no value for what it has not", [{ opt_name: "x", opt_value: null }], [first, second]],
  ])("%s", (_name, asked, extra_dhcp_opts) => {
    expect(after(...asked)).toMatchObject({ extra_dhcp_opts });
  });
});

describe("of an IPv6 subnet, its modes say what is told", () => {
  const A = 0x40;
  const [M, O] = [0x80, 0x40];
  type Mode = "slaac" | "dhcpv6-stateful" | "dhcpv6-stateless" | undefined;
  /** Flags of the advertisement and of its prefix, and what DHCP tells after the port's MAC. */
  test.each<[Mode, Mode, readonly [number, number] | undefined, RegExp | undefined]>([
    [undefined, undefined, undefined, undefined],
    ["slaac", "slaac", [0, A], undefined],
    ["slaac", undefined, [0, A], undefined],
    [undefined, "slaac", undefined, undefined],
    [
      "dhcpv6-stateful",
      "dhcpv6-stateful",
      [M | O, 0],
      /^set:[^,]+,\[2001:db8:65::[^\]]+\],host-2001-db8-65-[0-9a-f-]+$/,
    ],
    [undefined, "dhcpv6-stateful", undefined, /,\[2001:db8:65::/],
    ["dhcpv6-stateful", undefined, [M | O, 0], undefined],
    ["dhcpv6-stateless", "dhcpv6-stateless", [O, A], /^set:[^,]+,host-2001-db8-65-[0-9a-f-]+$/],
  ])("ra %s, address %s", (ipv6_ra_mode, ipv6_address_mode, flags, told) => {
    const at = bound();
    const modes = { ...(ipv6_ra_mode && { ipv6_ra_mode }), ...(ipv6_address_mode && { ipv6_address_mode }) };
    const network_id = at.cloud.tables.get("ports", at.port)!.network_id;
    const dns_nameservers = ["2001:db8::53", "192.0.2.53"];
    const cidr = "2001:db8:65::/64";
    const made = at.cloud.ask("POST", "subnets", {
      subnet: { network_id, ip_version: 6, cidr, dns_nameservers, ...modes },
    });
    const { id } = (made.body as { readonly subnet: { readonly id: string } }).subnet;
    at.cloud.ask("PUT", `ports/${at.port}`, { port: { fixed_ips: [{ subnet_id: id }] } });
    const { mac_address } = at.cloud.tables.get("ports", at.port)!;
    const { hosts, ranges, options, taps6 } = lines(at);
    expect([...taps6]).toEqual(told === undefined ? [] : [`tap${at.port.slice(0, 11)}`]);
    expect(ranges).toEqual(told === undefined ? [] : [`dhcp-range=set:${id},2001:db8:65::,static,64,86400`]);
    expect(options).toEqual(told === undefined ? [] : [`tag:${id},option6:dns-server,[2001:db8::53]`]);
    expect([...hosts.values()]).toHaveLength(told === undefined ? 0 : 1);
    for (const line of hosts.values()) expect(line.slice(mac_address.length + 1)).toMatch(told!);
    const [advertisement, ...more] = advertisementsOf(at.cloud.tables, "host1");
    expect(more).toEqual([]);
    expect(advertisementsOf(at.cloud.tables, "host2")).toEqual([]);
    if (flags === undefined) {
      expect(advertisement).toBeUndefined();
      return;
    }
    // Written out by RFC 4861 §4.2, §4.6.2 and §4.6.4, and RFC 8106 §5.1.
    const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(" ", ""), "hex")];
    expect(advertisement!.interface).toBe(`tap${at.port.slice(0, 11)}`);
    expect([...advertisement!.message]).toEqual([
      ...[134, 0, 0, 0, 64, flags[0], ...hex("0708 00000000 00000000")],
      ...[3, 4, 64, flags[1], ...hex("00015180 00003840 00000000 20010db8 00650000 00000000 00000000")],
      ...hex("0501 0000 000005dc"),
      ...hex("1903 0000 00000708 20010db8 00000000 00000000 00000053"),
    ]);
  });
});

test("a prefix shorter than dnsmasq takes is left out, and dnsmasq with it stays up", () => {
  const at = bound();
  const network_id = at.cloud.tables.get("ports", at.port)!.network_id;
  const mode = "dhcpv6-stateful";
  const made = at.cloud.ask("POST", "subnets", {
    subnet: {
      network_id,
      ip_version: 6,
      cidr: "2001:db8::/48",
      ipv6_address_mode: mode,
      ipv6_ra_mode: mode,
    },
  });
  const { id } = (made.body as { readonly subnet: { readonly id: string } }).subnet;
  at.cloud.ask("PUT", `ports/${at.port}`, { port: { fixed_ips: [{ subnet_id: id }] } });
  expect(lines(at).hosts.size).toBe(0);
});
