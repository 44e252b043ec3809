/**
 * Two private hosts - gw - two servers with two ports each: where behaviour is found as RFC 5780 does it. Each side is one
 * namespace with all its addresses; what runs in it is the test's.
 */

import { ipv4 } from "../../src/bgp/net/address.ts";
import { formatAddress, parseAddress, parsePrefix } from "../../src/bgp/net/text.ts";
import { diff } from "../../src/nat/diff.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "../../src/nat/table.ts";
import { type LineProcess, makeNamespace, type Namespace } from "./namespace.ts";

export const H1 = "10.65.0.13";
export const H2 = "10.65.0.14";
export const S1 = "203.0.113.1";
export const S2 = "203.0.113.2";
/** Ports of each server: where a behaviour test asks, in its order. */
export const A = 3478;
const B = 3479;
export type Endpoint = readonly [address: string, port: number];
export const SERVERS: readonly Endpoint[] = [
  [S1, A],
  [S1, B],
  [S2, A],
  [S2, B],
];

const PRIVATE = [parsePrefix("10.65.0.0/16")!];
export const POOL: PoolMapping = {
  name: "default",
  addresses: ["198.51.100.10", "198.51.100.11"].map((text) => parseAddress(text) ?? ipv4(0)),
  private: [],
  draining: false,
  ports: { first: 1024, last: 65_535 },
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
};

/** What the gateway translates: one pool, `POOL` with these changes. */
export const table = (changes: Partial<PoolMapping> = {}): NatTable => ({
  ...EMPTY_NAT,
  private: PRIVATE,
  exempt: PRIVATE,
  inside: PRIVATE,
  pools: [{ ...POOL, ...changes }],
});

export interface TwoHosts {
  readonly gw: Namespace;
  readonly hosts: Namespace;
  readonly world: Namespace;
}

/** @param name - a few characters of its own for each test file */
export function twoHosts(name: string): TwoHosts {
  const gw = makeNamespace(`${name}-gw`);
  const hosts = makeNamespace(`${name}-hosts`);
  const world = makeNamespace(`${name}-world`);
  gw.run("sysctl", "-qw", "net.ipv4.ip_forward=1");
  gw.join("hosts", hosts);
  gw.join("world", world);
  gw.run("ip", "address", "add", "10.65.255.1/16", "dev", "hosts");
  gw.run("ip", "address", "add", "203.0.113.254/24", "dev", "world");
  // Hosts answer each other through the gateway only.
  for (const host of [H1, H2]) hosts.run("ip", "address", "add", `${host}/32`, "dev", "eth0");
  hosts.run("ip", "route", "add", "10.65.255.1", "dev", "eth0");
  hosts.run("ip", "route", "add", "default", "via", "10.65.255.1");
  for (const server of [S1, S2]) world.run("ip", "address", "add", `${server}/24`, "dev", "eth0");
  world.run("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.254");
  for (const pooled of POOL.addresses) gw.run("ip", "route", "add", "blackhole", formatAddress(pooled));
  return { gw, hosts, world };
}

export async function removeAll({ gw, hosts, world }: TwoHosts): Promise<void> {
  for (const space of [gw, hosts, world]) await space.remove();
}

/** Writes the whole table, and forgets all flows and mappings that were there. */
export async function install({ gw }: TwoHosts, wanted: NatTable): Promise<void> {
  await gw.nft(diff(wanted, undefined));
  gw.attempt("conntrack", "-F");
}

export const distinct = (seen: readonly string[]): number => new Set(seen).size;

/** "198.51.100.10:4711", as peers say whom they saw. */
export function endpointOf(text: string): Endpoint {
  const [address = "", port] = text.split(":");
  return [address, Number(port)];
}

/** How the servers of `world` see one socket of a process of stun.mjs or tcp.mjs in `hosts`. */
export const seenBy = async (
  hosts: LineProcess,
  own: Endpoint,
  to: readonly Endpoint[] = SERVERS,
): Promise<readonly string[]> => (await hosts.ask({ ask: own, to })) as string[];
