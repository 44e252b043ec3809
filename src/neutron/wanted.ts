/**
 * From objects of the API to what the gateway is to do: the model of its file, and beside it the ports of this host,
 * floating IPs, the addresses that routers go out with, and addresses that several ports share.
 *
 * What the file says comes first: an object that would use an address of the file's for something else is left out, and
 * its status tells. Addresses are one space, as routed ones are: projects whose private networks overlap cannot both
 * go out.
 */

import { type Address, compareAddresses, contains, overlaps, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../bgp/net/text.ts";
import { NO_LIMITS } from "../model/address-limits.ts";
import type { AnycastService, FloatingIp, Forward, Port as HostPort, Model, Pool } from "../model/model.ts";
import { addressOfPair, stored, storedPrefix } from "./addresses.ts";
import type { FloatingIp as Floating, Port, Router } from "./objects.ts";
import { portsOf } from "./port-forwardings.ts";
import { interfacesOf } from "./routers.ts";
import { addressKey, type Reading } from "./tables.ts";

/** What the names of services and pools begin with that are made of objects. */
const OF_PORTS = "shared-";
const OF_ROUTERS = "router-";

/** Whether an anycast service of that name is an address that ports share. */
export const isOfPorts = (name: string): boolean => name.startsWith(OF_PORTS);

/** Whether a pool of that name is what a router goes out with. */
export const isOfRouter = (name: string): boolean => name.startsWith(OF_ROUTERS);

/** As Nova and Felix name a port's interface on its host. */
export const tapOf = ({ id }: { readonly id: string }): string => `tap${id.slice(0, 11)}`;

/** @param egress - of floating IPs */
export const withObjects = (file: Model, reading: Reading, egress: FloatingIp["egress"]): Model =>
  derive(file, reading, egress).model;

/** A model, and by what it may be kept up (kept-model.ts). */
export interface Derivation {
  readonly model: Model;
  readonly claims: Claims;
  /** By the ids of their objects: those that lead somewhere as a whole. */
  readonly floating: Map<string, FloatingIp>;
}

export function derive(file: Model, reading: Reading, egress: FloatingIp["egress"]): Derivation {
  const claims = new Claims(file);
  const shared = sharedAddresses(reading);
  const anycast = servicesOf(shared, claims);
  const outbound = outboundOf(reading, file, claims);
  const floating = floatingOf(reading, file, claims, egress);
  const forwarded = file.role === "gateway" ? forwardedOf(reading, claims) : [];
  const model: Model = {
    ...file,
    anycast: [...file.anycast, ...anycast],
    nat: {
      ...file.nat,
      private: [...file.nat.private, ...outbound.prefixes],
      pools: [...file.nat.pools, ...outbound.pools],
    },
    floatingIps: [...file.floatingIps, ...forwarded, ...[...floating.values()].sort(byAddress)],
    ports: [...file.ports, ...hostPorts(reading, file, shared, claims)],
  };
  return { model, claims, floating };
}

export const byAddress = (a: FloatingIp, b: FloatingIp): number => compareAddresses(a.address, b.address);

/** Ids of that host's ports whose interfaces are among these. */
export const portsBehind = (reading: Reading, hostname: string, interfaces: ReadonlySet<string>): string[] =>
  [...reading.by("ports", "host", hostname)]
    .filter((port) => port.admin_state_up && interfaces.has(tapOf(port)))
    .map(({ id }) => id);

/** Whether a port of another host has that address. */
export function isElsewhere(reading: Reading, hostname: string, address: Address): boolean {
  const text = formatAddress(address);
  for (const { id } of reading.all("subnets")) {
    for (const port of reading.by("ports", "address", addressKey(id, text))) {
      const host = port["binding:host_id"];
      if (port.admin_state_up && host !== "" && host !== hostname) return true;
    }
  }
  return false;
}

/** Every address that something has already, in one spelling. */
export class Claims {
  /** Somebody went without an address that is another's: who that is may change when the other one goes. */
  isContested = false;
  readonly #addresses: Set<string>;
  readonly #networks: readonly Prefix[];

  constructor({ networks, nat, floatingIps, anycast, ports }: Model) {
    this.#networks = networks.map(({ cidr }) => cidr);
    this.#addresses = new Set(
      [
        ...nat.pools.flatMap(({ addresses }) => addresses),
        ...floatingIps.map(({ address }) => address),
        ...anycast.map(({ address }) => address),
        ...ports.flatMap(({ addresses }) => addresses),
      ].map(formatAddress),
    );
  }

  /** False when it is taken already. */
  take(address: Address): boolean {
    if (this.has(address)) {
      this.isContested = true;
      return false;
    }
    this.#addresses.add(formatAddress(address));
    return true;
  }

  has(address: Address): boolean {
    return this.#addresses.has(formatAddress(address));
  }

  release(address: Address): void {
    this.#addresses.delete(formatAddress(address));
  }

  /** In a public network of the file: routed, and translated never. */
  isRouted(address: Address): boolean {
    return this.#networks.some((network) => contains(network, address));
  }
}

const addressesOf = (texts: readonly string[]): Address[] =>
  texts.flatMap((text) => parseAddress(text) ?? []);

/** Addresses that a port may answer for beside its own. */
const pairTexts = ({ allowed_address_pairs: pairs }: Port): string[] =>
  pairs.flatMap((pair) => addressOfPair(pair) ?? []).map(formatAddress);

/** Ports by an address that they may answer for beside their own; of those with two and more, the fabric chooses. */
function sharedAddresses(reading: Reading): Map<string, Port[]> {
  const byAddress = new Map<string, Port[]>();
  for (const port of reading.all("ports")) {
    for (const text of pairTexts(port)) {
      const known = byAddress.get(text);
      if (known === undefined) byAddress.set(text, [port]);
      else if (!known.includes(port)) known.push(port);
    }
  }
  return byAddress;
}

function servicesOf(shared: ReadonlyMap<string, readonly Port[]>, claims: Claims): AnycastService[] {
  const services: AnycastService[] = [];
  for (const [text, ports] of shared) {
    const address = parseAddress(text);
    if (ports.length < 2 || address === undefined || !claims.take(address)) continue;
    const members = addressesOf(ports.flatMap((port) => port.fixed_ips.map((ip) => ip.ip_address)));
    services.push({
      name: `${OF_PORTS}${text}`,
      address,
      members: members.filter(({ family }) => family === address.family),
      health: undefined,
      whenAllFail: "withdraw",
    });
  }
  return services;
}

/** Ports that are bound to this host, with what is routed to them. */
function hostPorts(
  reading: Reading,
  { hostname }: Model,
  shared: ReadonlyMap<string, readonly Port[]>,
  claims: Claims,
): HostPort[] {
  const found: HostPort[] = [];
  for (const port of reading.by("ports", "host", hostname)) {
    if (!port.admin_state_up) continue;
    const own = port.fixed_ips.map((ip) => ip.ip_address);
    const alone = pairTexts(port).filter((text) => shared.get(text)?.length === 1);
    const addresses = addressesOf([...own, ...alone]).filter((address) => claims.take(address));
    if (addresses.length > 0) found.push({ interface: tapOf(port), addresses });
  }
  return found;
}

function floatingOf(
  reading: Reading,
  file: Model,
  claims: Claims,
  egress: FloatingIp["egress"],
): Map<string, FloatingIp> {
  const found = new Map<string, FloatingIp>();
  for (const object of reading.all("floatingips")) {
    const floating = floatingAt(reading, file, claims, egress, object);
    if (floating !== undefined && claims.take(floating.address)) found.set(object.id, floating);
  }
  return found;
}

/** What one comes to if nobody else has its address; undefined: it leads nowhere here. */
export function floatingAt(
  reading: Reading,
  file: Model,
  claims: Claims,
  egress: FloatingIp["egress"],
  floating: Floating,
): FloatingIp | undefined {
  if (floating.fixed_ip_address === null || !isOurs(reading, file, floating)) return undefined;
  const address = stored(floating.floating_ip_address);
  const to = stored(floating.fixed_ip_address);
  if (claims.isRouted(address) || claims.isRouted(to)) return undefined;
  return { address, to, egress, stateless: false, forwards: [] };
}

/** Translated at the gateway, whatever the router: a floating IP may lead to ports on many hosts. */
function forwardedOf(reading: Reading, claims: Claims): FloatingIp[] {
  const byFloating = new Map<string, Forward[]>();
  for (const forwarding of reading.all("port_forwardings")) {
    const to = stored(forwarding.internal_ip_address);
    if (claims.isRouted(to)) continue;
    const forward = {
      protocol: forwarding.protocol,
      ports: portsOf(forwarding.external_port_range),
      to,
      toPorts: portsOf(forwarding.internal_port_range),
    };
    const known = byFloating.get(forwarding.floatingip_id);
    if (known === undefined) byFloating.set(forwarding.floatingip_id, [forward]);
    else known.push(forward);
  }
  const found: FloatingIp[] = [];
  for (const [id, forwards] of byFloating) {
    const floating = reading.get("floatingips", id);
    if (floating === undefined || reading.get("routers", floating.router_id ?? "")?.admin_state_up !== true) {
      continue;
    }
    const address = stored(floating.floating_ip_address);
    if (claims.isRouted(address) || !claims.take(address)) continue;
    found.push({ address, to: undefined, egress: "floating", stateless: false, forwards });
  }
  return found;
}

/** A distributed router's floating IPs are translated where the port is, all others at the gateway. */
function isOurs(reading: Reading, { role, hostname }: Model, { router_id, port_id }: Floating): boolean {
  const router = reading.get("routers", router_id ?? "");
  if (router?.admin_state_up !== true) return false;
  if (role === "compute") return router.distributed;
  const port = reading.get("ports", port_id ?? "");
  return !router.distributed || port?.["binding:host_id"] === hostname;
}

const PORTS = { first: 1024, last: 65_535 } as const;

/**
 * Private networks behind routers, and at the gateway the addresses that they go out with. A host has to know the
 * networks: between them nothing is translated.
 */
function outboundOf(
  reading: Reading,
  file: Model,
  claims: Claims,
): { readonly pools: Pool[]; readonly prefixes: Prefix[] } {
  const pools: Pool[] = [];
  const prefixes: Prefix[] = [];
  /** Behind routers that came before. */
  const others: Prefix[] = [];
  for (const router of reading.all("routers")) {
    if (!translates(router)) continue;
    const inner = innerPrefixes(reading, router).filter(({ family }) => family === 4);
    const served = inner.filter((prefix) => !others.some((other) => overlaps(other, prefix)));
    if (served.length === 0) continue;
    if (file.role === "gateway") {
      const addresses = outerAddresses(router, claims);
      if (addresses.length === 0) continue;
      pools.push(poolOf(router, addresses, served));
    }
    others.push(...served);
    prefixes.push(...served.filter((prefix) => !file.nat.private.some((range) => overlaps(range, prefix))));
  }
  return { pools, prefixes };
}

export const translates = ({ external_gateway_info, admin_state_up }: Router): boolean =>
  external_gateway_info?.enable_snat === true && admin_state_up;

const outerAddresses = ({ external_gateway_info }: Router, claims: Claims): Address[] =>
  addressesOf((external_gateway_info?.external_fixed_ips ?? []).map((ip) => ip.ip_address)).filter(
    (address) => address.family === 4 && !claims.isRouted(address) && claims.take(address),
  );

const poolOf = ({ id }: Router, addresses: readonly Address[], served: readonly Prefix[]): Pool => ({
  name: `${OF_ROUTERS}${id}`,
  addresses,
  private: served,
  draining: false,
  ports: PORTS,
  blockSize: 0,
  overflowBlocks: 0,
  limits: NO_LIMITS,
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
});

export const innerPrefixes = (reading: Reading, { id }: Router): Prefix[] =>
  interfacesOf(reading, id)
    .flatMap((port) => port.fixed_ips)
    .flatMap((ip) => reading.get("subnets", ip.subnet_id) ?? [])
    .map((subnet) => storedPrefix(subnet.cidr));
