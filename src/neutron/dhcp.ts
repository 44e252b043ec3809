/**
 * What instances of a host are told by DHCP, as lines for dnsmasq: each port's address by its MAC, and with it the
 * options of its subnet and its own. Nobody else is answered.
 *
 * The gateway is the subnet's, for which the host answers ARP (Felix's model: the instance sees its network, and all of
 * it is behind the host). Of IPv6 subnets, ipv6_address_mode says what is told here: addresses, or only what else there
 * is to know, or nothing. The way out is told by advertisements.ts.
 */

import { formatAddress } from "../bgp/net/text.ts";
import { storedPrefix } from "./addresses.ts";
import type { Port, Subnet } from "./objects.ts";
import type { Reading } from "./tables.ts";
import { tapOf } from "./wanted.ts";

export interface DhcpLines {
  /** Of the configuration proper: one for each subnet. */
  readonly ranges: readonly string[];
  /** The first addresses of those subnets. */
  readonly networks: readonly string[];
  /** Of dhcp-hostsfile, by address. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Of dhcp-optsfile. */
  readonly options: readonly string[];
  /** The interfaces of those who are told something by DHCPv6. */
  readonly taps6: ReadonlySet<string>;
}

const LEASE_SECONDS = 86_400;

export function dhcpOf(reading: Reading, hostname: string): DhcpLines {
  const subnets = new Map<string, Subnet>();
  const hosts = new Map<string, string>();
  const options: string[] = [];
  const taps6 = new Set<string>();
  for (const port of reading.by("ports", "host", hostname)) {
    if (!port.admin_state_up || port.device_owner.startsWith("network:")) continue;
    const leases = leasesOf(reading, port);
    for (const { subnet, address } of leases) {
      subnets.set(subnet.id, subnet);
      if (subnet.ip_version === 6) taps6.add(tapOf(port));
      const name = `host-${address.replaceAll(/[.:]+/g, "-")}`;
      hosts.set(address, `${port.mac_address},set:${port.id},${toldAddress(subnet, address)}${name}`);
    }
    if (leases.length > 0) options.push(...ownOptions(port));
  }
  const inOrder = [...subnets.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    ranges: inOrder.map((subnet) => rangeOf(subnet)),
    networks: inOrder.map(({ cidr }) => formatAddress(storedPrefix(cidr))),
    hosts,
    options: [...inOrder.flatMap((subnet) => subnetOptions(reading, subnet)), ...options.sort()],
    taps6,
  };
}

/** One address of each subnet: a MAC cannot be told of two. */
function leasesOf(reading: Reading, port: Port): { readonly subnet: Subnet; readonly address: string }[] {
  const found = new Map<string, { subnet: Subnet; address: string }>();
  for (const { subnet_id, ip_address } of port.fixed_ips) {
    const subnet = reading.get("subnets", subnet_id);
    if (subnet === undefined || !isServed(subnet) || found.has(subnet_id)) continue;
    found.set(subnet_id, { subnet, address: ip_address });
  }
  return [...found.values()];
}

/** dnsmasq takes no prefix of IPv6 that is shorter. */
const SHORTEST_V6 = 64;

function isServed({ enable_dhcp, ip_version, ipv6_address_mode, cidr }: Subnet): boolean {
  if (!enable_dhcp || ip_version === 4) return enable_dhcp;
  const isAsked = ipv6_address_mode === "dhcpv6-stateful" || ipv6_address_mode === "dhcpv6-stateless";
  return isAsked && storedPrefix(cidr).length >= SHORTEST_V6;
}

/** Empty where the instance makes its address itself, of its MAC. */
function toldAddress({ ip_version, ipv6_address_mode }: Subnet, address: string): string {
  if (ip_version === 4) return `${address},`;
  return ipv6_address_mode === "dhcpv6-stateful" ? `[${address}],` : "";
}

function rangeOf({ id, cidr }: Subnet): string {
  const { length, ...network } = storedPrefix(cidr);
  if (network.family === 6) {
    return `dhcp-range=set:${id},${formatAddress(network)},static,${length},${LEASE_SECONDS}`;
  }
  const mask = formatAddress({ ...network, w0: length === 0 ? 0 : (~0 << (32 - length)) >>> 0 });
  return `dhcp-range=set:${id},${formatAddress(network)},static,${mask},${LEASE_SECONDS}`;
}

function subnetOptions(reading: Reading, subnet: Subnet): string[] {
  const { id, gateway_ip, dns_nameservers, host_routes, network_id } = subnet;
  if (subnet.ip_version === 6) {
    const servers = dns_nameservers.filter((server) => server.includes(":")).map((server) => `[${server}]`);
    return servers.length === 0 ? [] : [[`tag:${id}`, "option6:dns-server", ...servers].join(",")];
  }
  const mtu = reading.get("networks", network_id)?.mtu;
  const servers = dns_nameservers.filter((server) => !server.includes(":"));
  // RFC 3442: a client that is told of routes takes no notice of the router.
  const routes = host_routes.flatMap(({ destination, nexthop }) => [destination, nexthop]);
  const all = [...routes, ...(gateway_ip === null ? [] : ["0.0.0.0/0", gateway_ip])];
  const said: readonly (readonly [string, readonly string[]])[] = [
    // Of these two dnsmasq would tell itself; without a value none is told.
    ["router", gateway_ip === null ? [] : [gateway_ip]],
    ["dns-server", servers],
    ...(mtu === undefined ? [] : [["mtu", [String(mtu)]] as const]),
    ...(routes.length === 0 ? [] : [["classless-static-route", all] as const]),
  ];
  return said.map(([name, values]) => [`tag:${id}`, `option:${name}`, ...values].join(","));
}

/** Those that are options of dnsmasq by their form; what it does not know it leaves out and says so. */
function ownOptions({ id, extra_dhcp_opts }: Port): string[] {
  return extra_dhcp_opts.flatMap(({ opt_name, opt_value, ip_version }) => {
    const kind = ip_version === 6 ? "option6" : "option";
    // A line of the file is all that it may be.
    if (!/^[a-z0-9-]{1,64}$/.test(opt_name) || !/^[!$-[\]-~][ !$-[\]-~]{0,254}$/.test(opt_value)) return [];
    const name = kind === "option" && /^\d+$/.test(opt_name) ? opt_name : `${kind}:${opt_name}`;
    return [`tag:${id},${name},${opt_value}`];
  });
}
