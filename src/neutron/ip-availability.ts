/** How many addresses a network has for its ports, and how many they have: shown to admins, who see all ports. */

import { lastOf, stored, storedPrefix } from "./addresses.ts";
import { notFound, unknownObject } from "./fault.ts";
import { require, type Work } from "./handler.ts";
import { sortedFrom } from "./id-order.ts";
import { subnetsOf } from "./ipam.ts";
import { type Members, type View, viewOf } from "./members.ts";
import type { AllocationPool, Network, Subnet } from "./objects.ts";
import { mayDo } from "./policies.ts";
import { type Listed, listAnswer } from "./query.ts";
import type { Reading } from "./tables.ts";

type Query = Parameters<typeof listAnswer>[3];

const isAllowed = ({ draft, caller }: Work): boolean => mayDo(caller, "get_network_ip_availability", draft);

/** @throws Fault */
export function showAvailability(work: Work, networkId: string): View {
  if (!isAllowed(work)) throw notFound();
  return viewOf(membersOf(work.draft, []), require(work.draft, "networks", networkId));
}

/** @throws Fault */
export function listAvailabilities(work: Work, { query, url }: Query): Iterable<Uint8Array> {
  const { draft } = work;
  const versions = query.filter(([name]) => name === "ip_version").map(([, value]) => value);
  const networks = isAllowed(work) ? [...draft.all("networks")] : [];
  const members = membersOf(draft, versions);
  const listed: Listed<Network> = {
    all: () => networks,
    inOrder: (from, backwards) => sortedFrom(networks, from, backwards),
    get: (id) => draft.get("networks", id),
    isSeen: ({ id }) => versions.length === 0 || subnetsOf(draft, id).some(isOf(versions)),
    members,
    kept: undefined,
    unknownMarker: (id) => unknownObject("networks", id),
  };
  const filters = query.filter(([name]) => name !== "ip_version");
  return listAnswer("network_ip_availabilities", new Set(members.keys()), listed, { query: filters, url });
}

const isOf =
  (versions: readonly string[]) =>
  ({ ip_version }: Subnet): boolean =>
    versions.length === 0 || versions.includes(String(ip_version));

function membersOf(reading: Reading, versions: readonly string[]): Members<Network> {
  const subnetsByNetwork = new Map<string, readonly SubnetAvailability[]>();
  const subnets = ({ id }: Network): readonly SubnetAvailability[] => {
    const known = subnetsByNetwork.get(id) ?? ofSubnets(reading, id, versions);
    subnetsByNetwork.set(id, known);
    return known;
  };
  const sum = (network: Network, key: "total_ips" | "used_ips"): number =>
    subnets(network).reduce((total, subnet) => total + subnet[key], 0);
  return new Map<string, (network: Network) => unknown>([
    ["network_id", ({ id }) => id],
    ["network_name", ({ name }) => name],
    ["project_id", ({ project_id }) => project_id],
    ["tenant_id", ({ project_id }) => project_id],
    ["total_ips", (network) => sum(network, "total_ips")],
    ["used_ips", (network) => sum(network, "used_ips")],
    ["subnet_ip_availability", subnets],
  ]);
}

interface SubnetAvailability extends View {
  readonly total_ips: number;
  readonly used_ips: number;
}

function ofSubnets(reading: Reading, networkId: string, versions: readonly string[]): SubnetAvailability[] {
  const used = new Map<string, number>();
  for (const { fixed_ips } of reading.by("ports", "network", networkId)) {
    for (const { subnet_id } of fixed_ips) used.set(subnet_id, (used.get(subnet_id) ?? 0) + 1);
  }
  return subnetsOf(reading, networkId)
    .filter(isOf(versions))
    .map(({ id, name, cidr, ip_version, allocation_pools }) => ({
      subnet_id: id,
      subnet_name: name,
      cidr,
      ip_version,
      total_ips: allocation_pools.length === 0 ? sizeOfPrefix(cidr) : sizeOfPools(allocation_pools),
      used_ips: used.get(id) ?? 0,
    }));
}

const sizeOfPools = (pools: readonly AllocationPool[]): number =>
  pools.reduce((total, { start, end }) => total + sizeOf(stored(start), stored(end)), 0);

function sizeOfPrefix(cidr: string): number {
  const prefix = storedPrefix(cidr);
  return sizeOf(prefix, lastOf(prefix));
}

type Words = ReturnType<typeof stored>;

/** Both ends counted. Word by word: as numbers, addresses of IPv6 are not exact. */
function sizeOf(first: Words, last: Words): number {
  if (first.family === 4) return last.w0 - first.w0 + 1;
  const words = [last.w0 - first.w0, last.w1 - first.w1, last.w2 - first.w2, last.w3 - first.w3];
  return words.reduce((size, word) => size * 2 ** 32 + word, 0) + 1;
}
