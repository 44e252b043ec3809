/**
 * Router advertisements for the instances of this host (RFC 4861), as octets: the host is the router of every network
 * that it has a port in, where the subnet's ipv6_ra_mode says that there is one.
 *
 * No prefix is on link: an instance's neighbours are behind other taps and other hosts, and all of it goes by the host.
 */

import type { Address } from "../bgp/net/address.ts";
import { parseAddress } from "../bgp/net/text.ts";
import { storedPrefix } from "./addresses.ts";
import type { Network, Port, Subnet } from "./objects.ts";
import type { Reading } from "./tables.ts";
import { tapOf } from "./wanted.ts";

/** What is sent over one interface. */
export interface Advertisement {
  readonly interface: string;
  /** ICMPv6, from its type on; the checksum is the kernel's. */
  readonly message: Uint8Array;
}

const ROUTER_ADVERTISEMENT = 134;
const HOP_LIMIT = 64;
/** RFC 4861 §6.2.1: AdvDefaultLifetime, three times MaxRtrAdvInterval. */
const ROUTER_SECONDS = 1800;
/** As radvd, which Neutron's routers use. */
const VALID_SECONDS = 86_400;
const PREFERRED_SECONDS = 14_400;

const FLAG = { managed: 0x80, other: 0x40, autonomous: 0x40 } as const;
const OPTION = { prefix: 3, mtu: 5, servers: 25 } as const;
/** With everything else they are less than the least MTU of IPv6. */
const PREFIXES_MAX = 24;
/** One option tells of so many (RFC 8106 §5.1: its length is an octet, in units of 8). */
const SERVERS_MAX = 16;

export function advertisementsOf(reading: Reading, hostname: string): Advertisement[] {
  const found: Advertisement[] = [];
  for (const port of reading.by("ports", "host", hostname)) {
    if (!port.admin_state_up || port.device_owner.startsWith("network:")) continue;
    const subnets = advertisedTo(reading, port);
    if (subnets.length === 0) continue;
    const message = advertisementFor(subnets, reading.get("networks", port.network_id));
    found.push({ interface: tapOf(port), message });
  }
  return found;
}

function advertisedTo(reading: Reading, { fixed_ips }: Port): Subnet[] {
  const subnets = new Set(fixed_ips.flatMap(({ subnet_id }) => reading.get("subnets", subnet_id) ?? []));
  return [...subnets]
    .filter(({ enable_dhcp, ipv6_ra_mode }) => enable_dhcp && ipv6_ra_mode !== null)
    .slice(0, PREFIXES_MAX);
}

function advertisementFor(subnets: readonly Subnet[], network: Network | undefined): Uint8Array {
  const modes = subnets.map(({ ipv6_ra_mode }) => ipv6_ra_mode);
  // RFC 4861 §4.2: where addresses are told by DHCPv6, so is everything else.
  const managed = modes.includes("dhcpv6-stateful") ? FLAG.managed | FLAG.other : 0;
  const other = modes.includes("dhcpv6-stateless") ? FLAG.other : 0;
  const isWayOut = subnets.some(({ gateway_ip }) => gateway_ip !== null);
  const servers = subnets
    .flatMap(({ dns_nameservers }) => dns_nameservers)
    .flatMap((text) => parseAddress(text) ?? []);
  return Uint8Array.from([
    ...[ROUTER_ADVERTISEMENT, 0, 0, 0, HOP_LIMIT, managed | other],
    ...u16(isWayOut ? ROUTER_SECONDS : 0),
    // Reachable time and retransmission timer: unspecified.
    ...u32(0),
    ...u32(0),
    ...subnets.flatMap(prefixOption),
    ...(network === undefined ? [] : [OPTION.mtu, 1, 0, 0, ...u32(network.mtu)]),
    ...serversOption(servers.filter(({ family }) => family === 6).slice(0, SERVERS_MAX)),
  ]);
}

/** RFC 4861 §4.6.2. Without L: what is not said to be on link goes to the router (§6.3.4). */
function prefixOption({ cidr, ipv6_ra_mode }: Subnet): number[] {
  const { length, ...prefix } = storedPrefix(cidr);
  const flags = ipv6_ra_mode === "dhcpv6-stateful" ? 0 : FLAG.autonomous;
  const lifetimes = [...u32(VALID_SECONDS), ...u32(PREFERRED_SECONDS)];
  return [OPTION.prefix, 4, length, flags, ...lifetimes, ...u32(0), ...octetsOf(prefix)];
}

/** RFC 8106 §5.1. */
function serversOption(servers: readonly Address[]): number[] {
  if (servers.length === 0) return [];
  const length = 1 + 2 * servers.length;
  return [OPTION.servers, length, 0, 0, ...u32(ROUTER_SECONDS), ...servers.flatMap(octetsOf)];
}

const u16 = (value: number): number[] => [value >>> 8, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const octetsOf = ({ w0, w1, w2, w3 }: Address): number[] => [w0, w1, w2, w3].flatMap(u32);
