/**
 * Addresses of ports. An address of a subnet is one port's: what reads say of the draft is what will be committed, so
 * that nothing here can hand one out twice. The lowest free address of the pools is taken first.
 */

import { compareAddresses, contains, ipv4 } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { slaacAddress, stored, storedPrefix } from "./addresses.ts";
import { addressTaken, badRequest, conflict, Fault, invalidInput, unknownObject } from "./fault.ts";
import type { AllocationPool, FixedIp, Network, Subnet } from "./objects.ts";
import { addressKey, type Draft, first, type Reading } from "./tables.ts";
import type { FixedIpRequest } from "./values.ts";

/** Fixed IPs of one port (max_fixed_ips_per_port, with room). */
const FIXED_IPS_MAX = 32;

export const subnetsOf = (reading: Reading, networkId: string): Subnet[] => [
  ...reading.by("subnets", "network", networkId),
];

/** Addresses there come from the MAC. */
const isSlaac = ({ ipv6_address_mode }: Subnet): boolean =>
  ipv6_address_mode === "slaac" || ipv6_address_mode === "dhcpv6-stateless";

/**
 * The addresses that a port asked for, or one of each family when it did not ask.
 * @param keep - addresses that are the port's already
 * @throws Fault
 */
export function fixedIpsFor(
  draft: Draft,
  network: Network,
  requested: readonly FixedIpRequest[] | undefined,
  mac: string,
  keep: readonly FixedIp[] = [],
): FixedIp[] {
  const subnets = subnetsOf(draft, network.id);
  const taken: FixedIp[] = [];
  const add = (fixed: FixedIp): void => {
    const isOwn = keep.some((ip) => sameFixedIp(ip, fixed));
    const isTwice = taken.some((ip) => sameFixedIp(ip, fixed));
    if (isTwice || (!isOwn && isTaken(draft, fixed))) throw addressTaken(fixed.ip_address, fixed.subnet_id);
    taken.push(fixed);
  };
  if (requested === undefined) {
    for (const fixed of oneOfEachFamily(draft, network, subnets, mac)) add(fixed);
    return taken;
  }
  if (requested.length > FIXED_IPS_MAX) {
    throw invalidInput(`Exceeded maximum amount of fixed ips per port`);
  }
  // Named addresses first, so that none of them is given away by the choice for another item.
  const named = requested.filter(({ ip_address }) => ip_address !== undefined);
  for (const { subnet_id, ip_address } of named) {
    add({
      subnet_id: subnetFor(draft, network, subnets, subnet_id, ip_address!).id,
      ip_address: ip_address!,
    });
  }
  for (const { subnet_id, ip_address } of requested) {
    if (ip_address !== undefined) continue;
    if (subnet_id === undefined) throw badRequest("IP allocation requires subnet_id or ip_address.");
    const subnet = requireSubnet(draft, network, subnet_id);
    const free = freeAddress(draft, subnet, mac, taken);
    if (free === undefined) throw exhausted(network.id);
    add({ subnet_id, ip_address: free });
  }
  return taken;
}

/** What of a port's addresses is made of its MAC is made of the new one, where that is all that changes. */
export const withMac = (reading: Reading, fixed: readonly FixedIp[]): readonly FixedIpRequest[] =>
  fixed.map((ip) => (isSlaac(reading.get("subnets", ip.subnet_id)!) ? { subnet_id: ip.subnet_id } : ip));

/**
 * An instance takes the address that routers have it make of its MAC, whatever is said here.
 * @param keep - addresses that are the port's already
 * @throws Fault when another one was asked for
 */
export function requireAutomatic(
  reading: Reading,
  fixed: readonly FixedIp[],
  mac: string,
  keep: readonly FixedIp[] = [],
): void {
  for (const ip of fixed) {
    const subnet = reading.get("subnets", ip.subnet_id)!;
    if (!isSlaac(subnet) || keep.some((old) => sameFixedIp(old, ip))) continue;
    if (ip.ip_address === formatAddress(slaacAddress(storedPrefix(subnet.cidr), mac))) continue;
    throw new Fault(
      400,
      "AllocationOnAutoAddressSubnet",
      `IPv6 address ${ip.ip_address} cannot be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`,
    );
  }
}

const sameFixedIp = (a: FixedIp, b: FixedIp): boolean =>
  a.subnet_id === b.subnet_id && a.ip_address === b.ip_address;

const isTaken = (draft: Draft, { subnet_id, ip_address }: FixedIp): boolean =>
  first(draft.by("ports", "address", addressKey(subnet_id, ip_address))) !== undefined;

const exhausted = (networkId: string): Fault =>
  conflict("IpAddressGenerationFailure", `No more IP addresses available on network ${networkId}.`);

function* oneOfEachFamily(
  draft: Draft,
  network: Network,
  subnets: readonly Subnet[],
  mac: string,
): Generator<FixedIp> {
  const chosen = (family: readonly Subnet[]): FixedIp | undefined => {
    for (const subnet of family) {
      const free = freeAddress(draft, subnet, mac, []);
      if (free !== undefined) return { subnet_id: subnet.id, ip_address: free };
    }
    if (family.length > 0) throw exhausted(network.id);
    return undefined;
  };
  const v4 = chosen(subnets.filter((subnet) => subnet.ip_version === 4));
  if (v4 !== undefined) yield v4;
  // A host takes an address of every prefix that routers advertise for SLAAC; of others, one is enough.
  const v6 = subnets.filter((subnet) => subnet.ip_version === 6);
  for (const subnet of v6.filter(isSlaac)) {
    yield { subnet_id: subnet.id, ip_address: formatAddress(slaacAddress(storedPrefix(subnet.cidr), mac)) };
  }
  const stateful = v6.some(isSlaac) ? undefined : chosen(v6);
  if (stateful !== undefined) yield stateful;
}

function requireSubnet(draft: Draft, network: Network, id: string): Subnet {
  const subnet = draft.get("subnets", id);
  if (subnet === undefined) throw unknownObject("subnets", id);
  if (subnet.network_id === network.id) return subnet;
  throw invalidInput(
    `Failed to create port on network ${network.id}, because fixed_ips included invalid subnet ${id}`,
  );
}

function subnetFor(
  draft: Draft,
  network: Network,
  subnets: readonly Subnet[],
  id: string | undefined,
  address: string,
): Subnet {
  if (id !== undefined) {
    const subnet = requireSubnet(draft, network, id);
    if (isUsable(subnet, address)) return subnet;
    const message = `IP address ${address} is not a valid IP for the specified subnet.`;
    throw new Fault(400, "InvalidIpForSubnet", message);
  }
  const found = subnets.find((subnet) => isUsable(subnet, address));
  if (found !== undefined) return found;
  const message = `IP address ${address} is not a valid IP for any of the subnets on the specified network.`;
  throw new Fault(400, "InvalidIpForNetwork", message);
}

/** In the subnet, and neither its network nor its broadcast address; /31 and /32 have none (RFC 3021). */
function isUsable({ cidr }: Subnet, text: string): boolean {
  const prefix = storedPrefix(cidr);
  const address = stored(text);
  if (!contains(prefix, address)) return false;
  if (prefix.family === 6) return prefix.length === 128 || compareAddresses(address, prefix) !== 0;
  const hostMask = prefix.length === 0 ? 0xffff_ffff : ~(-1 << (32 - prefix.length)) >>> 0;
  const host = (address.w0 & hostMask) >>> 0;
  return prefix.length >= 31 || (host !== 0 && host !== hostMask);
}

/** The address that a port of that MAC would get; `taken` is on its way to another. Undefined: none is left. */
export function freeAddress(
  draft: Draft,
  subnet: Subnet,
  mac: string,
  taken: readonly FixedIp[],
): string | undefined {
  if (isSlaac(subnet)) return formatAddress(slaacAddress(storedPrefix(subnet.cidr), mac));
  const isFree = (text: string): boolean =>
    !isTaken(draft, { subnet_id: subnet.id, ip_address: text }) &&
    !taken.some((ip) => sameFixedIp(ip, { subnet_id: subnet.id, ip_address: text }));
  return subnet.ip_version === 4 ? freeIpv4(draft, subnet, isFree) : freeIpv6(subnet, isFree);
}

/** What this request gives back is free from the next one on. */
function freeIpv4(draft: Draft, subnet: Subnet, isFree: (text: string) => boolean): string | undefined {
  for (const { first: low, last: high } of numbered(subnet.allocation_pools)) {
    for (let from = low; from <= high; ) {
      const free = draft.base.firstFree(subnet.id, from, high);
      if (free === undefined) break;
      const text = formatAddress(ipv4(free));
      if (isFree(text)) return text;
      from = free + 1;
    }
  }
  return undefined;
}

function numbered(pools: readonly AllocationPool[]): { readonly first: number; readonly last: number }[] {
  return pools
    .map(({ start, end }) => ({ first: stored(start).w0, last: stored(end).w0 }))
    .sort((a, b) => a.first - b.first);
}

/** Pools of IPv6 subnets are never full: the last 32 bits are counted from the pool's start. */
function freeIpv6(subnet: Subnet, isFree: (text: string) => boolean): string | undefined {
  for (const { start, end } of subnet.allocation_pools) {
    const from = stored(start);
    const to = stored(end);
    for (let word = from.w3; word <= 0xffff_ffff; word++) {
      const candidate = { ...from, w3: word };
      if (compareAddresses(candidate, to) > 0) break;
      const text = formatAddress(candidate);
      if (isFree(text)) return text;
    }
  }
  return undefined;
}
