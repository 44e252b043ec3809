/**
 * From what Calico has left and what is there already to the requests that make the rest, in an order in which each
 * finds what it names. Ids of networks, subnets and ports stay, since taps are named after them; what has no id there
 * (routers, networks that etcd does not tell of) is found again by its name.
 */

import { BlockList, isIP } from "node:net";
import type { Request } from "../client.ts";
import type { Fault, Layout, OldEndpoint, OldSubnet } from "./layout.ts";

type View = Readonly<Record<string, unknown>>;

/** What the gateway has. */
export interface Existing {
  readonly networks: readonly View[];
  readonly subnets: readonly View[];
  readonly ports: readonly View[];
  readonly routers: readonly View[];
  readonly floatingips: readonly View[];
}

export interface Step {
  /** "port", "floating IP". */
  readonly what: string;
  /** For people. */
  readonly about: string;
  /** Undefined: it is there already. */
  readonly request: Request | undefined;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly faults: readonly Fault[];
}

export interface Wishes {
  /** Networks of instances, and of floating IPs, that etcd does not tell of. */
  readonly subnets: readonly string[];
  readonly floatingPools: readonly string[];
}

interface Subnet extends OldSubnet {
  readonly networkName: string;
  readonly contains: (address: string) => boolean;
}

export function planOf(layout: Layout, existing: Existing, wishes: Wishes, newId: () => string): Plan {
  const faults: Fault[] = [...layout.faults];
  const subnets = [
    ...layout.subnets.map((subnet) => withRange(subnet, `calico-${subnet.networkId.slice(0, 8)}`)),
    ...wishes.subnets.map((cidr) => wished(cidr, "calico", layout.endpoints, existing, newId)),
    ...wishes.floatingPools.map((cidr) => wished(cidr, "floating", [], existing, newId)),
  ];
  const outside = new Set(layout.endpoints.flatMap(({ nats }) => nats.map((nat) => nat.outside)));
  const isExternal = ({ contains }: Subnet): boolean => [...outside].some(contains);
  const external = new Set(subnets.filter(isExternal).map(({ networkId }) => networkId));
  const ports = portSteps(layout.endpoints, subnets, existing, faults);
  const floating = floatingSteps(ports.taken, subnets, existing, faults, newId);
  return {
    steps: [
      ...networkSteps(subnets, external, existing),
      ...subnetSteps(subnets, existing),
      ...ports.steps,
      ...floating,
    ],
    faults,
  };
}

/** One of a list may be thousands: each is asked of every subnet, of which there are few. */
function withRange(subnet: OldSubnet, networkName: string): Subnet {
  const range = new BlockList();
  const [address = "", length] = subnet.cidr.split("/");
  range.addSubnet(address, Number(length), familyOf(address));
  return {
    ...subnet,
    networkName,
    contains: (one) => isIP(one) === isIP(address) && range.check(one, familyOf(one)),
  };
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

function wished(
  cidr: string,
  kind: string,
  endpoints: readonly OldEndpoint[],
  { networks, subnets }: Existing,
  newId: () => string,
): Subnet {
  const name = `${kind}-${cidr}`;
  const network = networks.find((one) => one["name"] === name);
  const subnet = subnets.find((one) => one["name"] === name && one["network_id"] === network?.["id"]);
  const range = withRange(
    {
      id: String(subnet?.["id"] ?? newId()),
      networkId: String(network?.["id"] ?? newId()),
      cidr,
      gateway: null,
      nameservers: [],
      hostRoutes: [],
    },
    name,
  );
  const gateway = endpoints.flatMap(({ gateways }) => gateways).find(range.contains);
  return { ...range, gateway: gateway ?? null };
}

const post = (path: string, member: string, body: object): Request => ({
  method: "POST",
  path: `/v2.0/${path}`,
  body: { [member]: body },
});

const has = (items: readonly View[], id: string): boolean => items.some((one) => one["id"] === id);

function networkSteps(
  subnets: readonly Subnet[],
  external: ReadonlySet<string>,
  { networks }: Existing,
): Step[] {
  const byId = new Map(subnets.map((subnet) => [subnet.networkId, subnet]));
  return [...byId.values()].map(({ networkId: id, networkName: name }) => {
    const kind = external.has(id) ? { "router:external": true } : { shared: true };
    const about = `${name}${external.has(id) ? ", external" : ""}`;
    const request = has(networks, id) ? undefined : post("networks", "network", { id, name, ...kind });
    return { what: "network", about, request };
  });
}

function subnetSteps(subnets: readonly Subnet[], existing: Existing): Step[] {
  return subnets.map(({ id, networkId, networkName, cidr, gateway, nameservers, hostRoutes }) => {
    const body = {
      id,
      network_id: networkId,
      name: networkName.includes("/") ? networkName : `calico-${cidr}`,
      cidr,
      ip_version: cidr.includes(":") ? 6 : 4,
      ...(gateway !== null && { gateway_ip: gateway }),
      dns_nameservers: nameservers,
      host_routes: hostRoutes,
    };
    const request = has(existing.subnets, id) ? undefined : post("subnets", "subnet", body);
    return { what: "subnet", about: `${cidr} of ${networkName}`, request };
  });
}

/** An endpoint that becomes a port, or is one. */
interface Taken {
  readonly endpoint: OldEndpoint;
  readonly inner: Subnet;
}

function portSteps(
  endpoints: readonly OldEndpoint[],
  subnets: readonly Subnet[],
  existing: Existing,
  faults: Fault[],
): { readonly steps: readonly Step[]; readonly taken: readonly Taken[] } {
  const taken: Taken[] = [];
  const known = new Set(existing.ports.map((port) => port["id"]));
  const shared = sharedAddresses(endpoints);
  const steps = endpoints.flatMap((endpoint): Step[] => {
    const { port, host, device, mac, isUp, addresses, allowed, project, key } = endpoint;
    const pairs = new Set([...allowed, ...addresses.filter((one) => shared.has(one))]);
    const own = addresses.filter((one) => !pairs.has(one));
    const places = own.map(
      (address) => [address, subnets.find(({ contains }) => contains(address))] as const,
    );
    const [lost] = places.find(([, subnet]) => subnet === undefined) ?? [];
    const inner = places[0]?.[1];
    if (lost !== undefined || inner === undefined) {
      const which = lost === undefined ? "it has no address of its own" : `no subnet has ${lost}`;
      faults.push({ key, message: `${which}; --subnet CIDR names one that etcd does not tell of` });
      return [];
    }
    taken.push({ endpoint, inner });
    const body = {
      id: port,
      network_id: inner.networkId,
      mac_address: mac,
      fixed_ips: places.map(([ip_address, subnet]) => ({ subnet_id: subnet?.id, ip_address })),
      allowed_address_pairs: [...pairs].map((ip_address) => ({ ip_address })),
      device_id: device,
      device_owner: "compute:nova",
      "binding:host_id": host,
      admin_state_up: isUp,
      ...(project !== undefined && { project_id: project }),
    };
    const request = known.has(port) ? undefined : post("ports", "port", body);
    return [{ what: "port", about: `${port} ${own.join(" ")} on ${host}`, request }];
  });
  return { steps, taken };
}

/** What several endpoints have is nobody's own: machines that share an address. */
function sharedAddresses(endpoints: readonly OldEndpoint[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = endpoints.flatMap(({ addresses }) =>
    [...new Set(addresses)].filter((one) => seen.size === seen.add(one).size),
  );
  return new Set(twice);
}

interface Floating {
  readonly outside: string;
  readonly inside: string;
  readonly port: string;
  readonly inner: Subnet;
  readonly outer: Subnet;
}

/** Addresses come first, so that no router's gateway takes one of them; then what joins the networks; then where they lead. */
function floatingSteps(
  taken: readonly Taken[],
  subnets: readonly Subnet[],
  existing: Existing,
  faults: Fault[],
  newId: () => string,
): Step[] {
  const wanted = floatingOf(taken, subnets, faults);
  const made = new Map<string, string>();
  const reserve = wanted.map(({ outside, outer }): Step => {
    const known = existing.floatingips.find((one) => one["floating_ip_address"] === outside);
    const id = String(known?.["id"] ?? newId());
    made.set(outside, id);
    const body = { id, floating_network_id: outer.networkId, floating_ip_address: outside };
    const request = known === undefined ? post("floatingips", "floatingip", body) : undefined;
    return { what: "floating IP", about: outside, request };
  });
  const associate = wanted.flatMap(({ outside, inside, port }): Step[] => {
    const known = existing.floatingips.find((one) => one["floating_ip_address"] === outside);
    const about = `${outside} to ${inside}`;
    const elsewhere = known?.["port_id"] ?? port;
    if (elsewhere !== port || (known?.["fixed_ip_address"] ?? inside) !== inside) {
      faults.push({ key: outside, message: `it leads to ${String(known?.["fixed_ip_address"])} already` });
      return [];
    }
    const path = `/v2.0/floatingips/${made.get(outside)}`;
    const body = { floatingip: { port_id: port, fixed_ip_address: inside } };
    const isThere = known?.["port_id"] === port;
    return [{ what: "association", about, request: isThere ? undefined : { method: "PUT", path, body } }];
  });
  return [...reserve, ...routerSteps(wanted, existing, newId), ...associate];
}

function floatingOf(taken: readonly Taken[], subnets: readonly Subnet[], faults: Fault[]): Floating[] {
  const found = new Map<string, Floating>();
  for (const { endpoint, inner } of taken) {
    for (const { inside, outside } of endpoint.nats) {
      const outer = subnets.find(({ contains }) => contains(outside));
      if (outer === undefined) {
        const message = `no subnet has ${outside}; --floating-pool CIDR names the one that floating IPs are from`;
        faults.push({ key: endpoint.key, message });
      } else if (found.has(outside)) {
        faults.push({ key: endpoint.key, message: `${outside} is another endpoint's as well` });
      } else found.set(outside, { inside, outside, port: endpoint.port, inner, outer });
    }
  }
  return [...found.values()];
}

/** Calico translates on the host of the instance and never on the way out: that is a distributed router without SNAT. */
function routerSteps(wanted: readonly Floating[], existing: Existing, newId: () => string): Step[] {
  const byOuter = new Map(wanted.map(({ outer }) => [outer.networkId, outer]));
  return [...byOuter.values()].flatMap((outer) => {
    const name = `router-${outer.networkName}`;
    const known = existing.routers.find((one) => one["name"] === name);
    const id = String(known?.["id"] ?? newId());
    const external_gateway_info = { network_id: outer.networkId, enable_snat: false };
    const body = { id, name, distributed: true, external_gateway_info };
    const inner = new Map(
      wanted.filter((one) => one.outer === outer).map((one) => [one.inner.id, one.inner]),
    );
    return [
      { what: "router", about: name, request: known ? undefined : post("routers", "router", body) },
      ...[...inner.values()].map((subnet): Step => {
        const path = `/v2.0/routers/${id}/add_router_interface`;
        const request: Request = { method: "PUT", path, body: { subnet_id: subnet.id } };
        const isThere = existing.ports.some((port) => isFace(port, id, subnet.id));
        return {
          what: "interface",
          about: `${name} in ${subnet.cidr}`,
          request: isThere ? undefined : request,
        };
      }),
    ];
  });
}

const isFace = (port: View, router: string, subnet: string): boolean =>
  port["device_id"] === router &&
  (port["fixed_ips"] as readonly { readonly subnet_id: string }[]).some((ip) => ip.subnet_id === subnet);
