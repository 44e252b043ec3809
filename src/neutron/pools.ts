/** A subnet's own numbers: what its prefix may be, its gateway, and the pools that addresses are taken from. */

import {
  type Address,
  compareAddresses,
  contains,
  ipv4,
  isLinkLocal,
  type Prefix,
} from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { lastOf, neighbour, stored } from "./addresses.ts";
import { conflict, Fault, invalidInput } from "./fault.ts";
import type { AllocationPool } from "./objects.ts";

/** @throws Fault when no machine could have addresses of such a subnet */
export function checkPrefix(prefix: Prefix, version: 4 | 6, dhcp: boolean): void {
  if (prefix.family !== version) {
    throw invalidInput(
      `cidr '${formatAddress(prefix)}/${prefix.length}' does not match the ip_version '${version}'`,
    );
  }
  if (prefix.length === 0) throw invalidInput("0 is not allowed as CIDR prefix length");
  if (!dhcp) return;
  // DHCP needs an address for its server beside that of a client.
  if (prefix.length > (version === 4 ? 30 : 126)) {
    throw invalidInput("Subnet has a prefix length that is incompatible with DHCP service enabled");
  }
  const reserved = RESERVED.find((row) => row.holds(prefix));
  if (reserved !== undefined) {
    throw invalidInput(`${reserved.what} IP subnet is not supported if enable_dhcp is True`);
  }
}

const RESERVED: readonly { readonly what: string; readonly holds: (prefix: Prefix) => boolean }[] = [
  { what: "Multicast", holds: ({ family, w0 }) => (family === 4 ? w0 >>> 28 === 0xe : w0 >>> 24 === 0xff) },
  {
    what: "Loopback",
    holds: ({ family, w0, w1, w2, w3 }) =>
      family === 4 ? w0 >>> 24 === 127 : (w0 | w1 | w2) === 0 && w3 === 1,
  },
  { what: "First Network", holds: ({ family, w0 }) => family === 4 && w0 >>> 24 === 0 },
];

/** The first address, or that of a network that has no broadcast address (RFC 3021). */
export const defaultGateway = (prefix: Prefix): Address =>
  prefix.family === 4 && prefix.length >= 31 ? prefixAddress(prefix) : neighbour(prefixAddress(prefix), 1);

const prefixAddress = ({ family, w0, w1, w2, w3 }: Prefix): Address => ({ family, w0, w1, w2, w3 });

const firstUsable = defaultGateway;

const lastUsable = (prefix: Prefix): Address => {
  const end = lastOf(prefix);
  return prefix.family === 4 && prefix.length < 31 ? ipv4(end.w0 - 1) : end;
};

/** @throws Fault when routers could not have that address there; a link-local one is on every IPv6 link */
export function checkGateway(prefix: Prefix, gateway: Address): void {
  const isNeighbour = gateway.family === 6 && isLinkLocal(gateway);
  const isInside = contains(prefix, gateway);
  const isHost =
    compareAddresses(gateway, firstUsable(prefix)) >= 0 && compareAddresses(gateway, lastUsable(prefix)) <= 0;
  if (gateway.family === prefix.family && (isNeighbour || (isInside && isHost))) return;
  throw invalidInput("Gateway is not valid on subnet");
}

/** All of the subnet but the gateway and what no host may have. */
export function defaultPools(prefix: Prefix, gateway: Address | undefined): AllocationPool[] {
  const begin = firstUsable(prefix);
  const end = lastUsable(prefix);
  if (gateway === undefined || !contains(prefix, gateway)) return [pool(begin, end)];
  const pools: AllocationPool[] = [];
  if (compareAddresses(begin, gateway) < 0) pools.push(pool(begin, neighbour(gateway, -1)));
  if (compareAddresses(gateway, end) < 0) pools.push(pool(neighbour(gateway, 1), end));
  return pools;
}

const pool = (start: Address, end: Address): AllocationPool => ({
  start: formatAddress(start),
  end: formatAddress(end),
});

const textOf = ({ start, end }: AllocationPool): string => `${start}-${end}`;

/** @throws Fault when a pool is none, leaves the subnet, overlaps another or holds the gateway */
export function checkPools(
  prefix: Prefix,
  pools: readonly AllocationPool[],
  gateway: Address | undefined,
): void {
  const ranges = pools.map((given) => ({ given, begin: stored(given.start), end: stored(given.end) }));
  for (const range of ranges) requireInside(prefix, range);
  ranges.sort((a, b) => compareAddresses(a.begin, b.begin));
  for (const [i, range] of ranges.entries()) {
    const before = ranges[i - 1];
    if (before === undefined || compareAddresses(before.end, range.begin) < 0) continue;
    const message = `Found overlapping allocation pools: ${textOf(before.given)} ${textOf(range.given)} for subnet ${formatPrefix(prefix)}.`;
    throw conflict("OverlappingAllocationPools", message);
  }
  if (gateway === undefined) return;
  for (const { given, begin, end } of ranges) {
    if (compareAddresses(begin, gateway) > 0 || compareAddresses(gateway, end) > 0) continue;
    const message = `Gateway ip ${formatAddress(gateway)} conflicts with allocation pool ${textOf(given)}.`;
    throw conflict("GatewayConflictWithAllocationPools", message);
  }
}

interface Range {
  readonly given: AllocationPool;
  readonly begin: Address;
  readonly end: Address;
}

function requireInside(prefix: Prefix, { given, begin, end }: Range): void {
  if (begin.family !== end.family || compareAddresses(begin, end) > 0) {
    throw new Fault(400, "InvalidAllocationPool", `The allocation pool ${textOf(given)} is not valid.`);
  }
  const isInside =
    compareAddresses(begin, firstUsable(prefix)) >= 0 && compareAddresses(end, lastUsable(prefix)) <= 0;
  if (begin.family === prefix.family && isInside) return;
  const message = `The allocation pool ${textOf(given)} spans beyond the subnet cidr ${formatPrefix(prefix)}.`;
  throw new Fault(400, "OutOfBoundsAllocationPool", message);
}
