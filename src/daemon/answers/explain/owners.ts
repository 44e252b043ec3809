/** Whose an address is: everything that gateway.yaml, the API and this machine itself have to do with it. */

import type { ExplainedOwner } from "../../../api/explain-schema.ts";
import { type Address, contains, type Prefix, sameAddress } from "../../../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../../bgp/net/text.ts";
import type { AnycastService, FloatingIp } from "../../../model/model.ts";
import type { FloatingIp as FloatingObject, Port, Subnet } from "../../../neutron/objects.ts";
import { isOfPorts, isOfRouter, tapOf } from "../../../neutron/wanted.ts";
import { isInstance, type Whose } from "../../../neutron/whose.ts";
import type { ExplainSource, ObjectsView } from "./source.ts";
import type { Subject } from "./subject.ts";

/** The nearest first: what has the very address, then what holds it. */
export function ownersOf(source: ExplainSource, subject: Subject, found: Whose): ExplainedOwner[] {
  const { prefix, isAddress } = subject;
  return [
    ...(isAddress ? addressOwners(source, prefix, found) : []),
    ...found.subnets.map((subnet) => subnetOwner(source.objects, subnet)),
    ...rangeOwners(source, prefix),
  ];
}

function addressOwners(source: ExplainSource, address: Address, found: Whose): ExplainedOwner[] {
  const { objects, model, file } = source;
  const is = (other: Address): boolean => sameAddress(other, address);
  const pools = model.nat.pools.filter((pool) => pool.addresses.some(is));
  return [
    ...found.floating.map((floating) => floatingOwner(objects, floating)),
    ...file.floatingIps.filter((floating) => is(floating.address)).map(fileFloating),
    ...model.anycast.filter((service) => is(service.address)).map((service) => serviceOwner(source, service)),
    ...found.ports.filter(isInstance).map((port) => portOwner(objects, port, "a fixed address of")),
    ...found.ports
      .filter(({ device_owner }) => device_owner.startsWith("network:router"))
      .map(routerOwner(objects)),
    ...(found.sharing.length === 1 ? found.sharing : []).map((port) =>
      portOwner(objects, port, "an allowed address of"),
    ),
    ...file.ports
      .filter(({ addresses }) => addresses.some(is))
      .map((port) => ({
        ...OF_FILE,
        what: "port",
        text: `an address behind ${port.interface}`,
        interface: port.interface,
      })),
    ...pools.map(({ name }) => ({
      what: "pool",
      text: `an address of NAT pool ${name}`,
      origin: file.nat.pools.some((pool) => pool.name === name) ? ("file" as const) : ("api" as const),
      name,
    })),
    ...model.anycast
      .filter(({ members }) => members.some(is))
      .map((service) => ({
        ...serviceOwner(source, service),
        text: `a member of anycast service ${service.name}`,
      })),
    ...machineOwners(source, address),
    ...found.leading.map((floating) => ({
      ...floatingOwner(objects, floating),
      text: `where floating IP ${floating.floating_ip_address} leads`,
    })),
    ...file.floatingIps
      .filter((floating) => targets(floating).some(is))
      .map((floating) => ({
        ...fileFloating(floating),
        text: `where floating IP ${formatAddress(floating.address)} leads`,
      })),
  ];
}

const OF_FILE = { origin: "file" } as const;

/** Whom a floating IP leads to, each once. */
export const targets = ({ to, forwards }: FloatingIp): readonly Address[] =>
  to === undefined ? forwards.map((forward) => forward.to) : [to];

const targetTexts = (floating: FloatingIp): string =>
  [...new Set(targets(floating).map(formatAddress))].join(" and ");

const fileFloating = (floating: FloatingIp): ExplainedOwner => ({
  ...OF_FILE,
  what: "floating IP",
  text: `a floating IP that leads to ${targetTexts(floating)}`,
  name: formatAddress(floating.address),
});

function floatingOwner({ reading }: ObjectsView, floating: FloatingObject): ExplainedOwner {
  const { id, project_id, port_id, fixed_ip_address } = floating;
  const port = reading.get("ports", port_id ?? "");
  const forwardings = [...reading.by("port_forwardings", "floating", id)].length;
  const leads =
    port === undefined
      ? forwardings > 0
        ? `of which ${forwardings} port forwardings lead somewhere`
        : "that leads nowhere"
      : `that leads to ${fixed_ip_address} of port ${nameOf(port)}`;
  return {
    what: "floating IP",
    text: `a floating IP ${leads}`,
    origin: "api",
    name: floating.floating_ip_address,
    id,
    project: project_id,
  };
}

/** By its name, where it has one. */
export const nameOf = ({ id, name }: { readonly id: string; readonly name: string }): string => name || id;

function portOwner({ says, reading }: ObjectsView, port: Port, has: string): ExplainedOwner {
  const host = port["binding:host_id"];
  const said = says(port);
  const network = reading.get("networks", port.network_id);
  return {
    what: "port",
    text: `${has} port ${nameOf(port)}${network === undefined ? "" : ` on network ${nameOf(network)}`}`,
    origin: "api",
    id: port.id,
    name: port.name,
    project: port.project_id,
    ...(said !== undefined && { status: said ? "ACTIVE" : "DOWN" }),
    ...(host !== "" && { host, interface: tapOf(port) }),
  };
}

const routerOwner =
  ({ reading }: ObjectsView) =>
  ({ device_id, device_owner }: Port): ExplainedOwner => {
    const router = reading.get("routers", device_id);
    const name = router === undefined ? device_id : nameOf(router);
    const side = device_owner === "network:router_gateway" ? "the outer address" : "an interface";
    return {
      what: "router",
      text: `${side} of router ${name}`,
      origin: "api",
      id: device_id,
      name,
      ...(router !== undefined && { project: router.project_id }),
    };
  };

function subnetOwner({ reading }: ObjectsView, subnet: Subnet): ExplainedOwner {
  const network = reading.get("networks", subnet.network_id);
  const of = network === undefined ? "" : ` of network ${nameOf(network)}`;
  const { id, name, project_id: project } = subnet;
  return {
    what: "subnet",
    text: `in subnet ${nameOf(subnet)} (${subnet.cidr})${of}`,
    origin: "api",
    id,
    name,
    project,
  };
}

function serviceOwner({ file }: ExplainSource, { name, members }: AnycastService): ExplainedOwner {
  const ofFile = file.anycast.some((service) => service.name === name);
  return {
    what: "anycast service",
    text: isOfPorts(name)
      ? `shared by ${members.length} ports, which makes it anycast`
      : `the address of anycast service ${name}, of ${members.length} members`,
    origin: ofFile ? "file" : "api",
    name,
  };
}

/** What this machine has of itself, and whom it speaks BGP to. */
function machineOwners({ links, speaker }: ExplainSource, address: Address): ExplainedOwner[] {
  const own = links.filter((link) => link.addresses.some((one) => sameAddress(one.address, address)));
  const peers = speaker.peers().filter((peer) => sameAddress(peer.address, address));
  return [
    ...own.map((link) => ({
      what: "own address",
      text: `this machine's own address on ${link.name}`,
      origin: "machine" as const,
      interface: link.name,
    })),
    ...peers.map((peer) => ({
      what: "BGP peer",
      text: `a BGP peer${peer.asn === undefined ? "" : ` of AS ${peer.asn}`}`,
      origin: "machine" as const,
      name: formatAddress(peer.address),
      status: peer.state,
    })),
  ];
}

/** Ranges of gateway.yaml, and of routers, that hold it. */
function rangeOwners({ model, file }: ExplainSource, prefix: Prefix): ExplainedOwner[] {
  const holds = (range: Prefix): boolean => contains(range, prefix);
  const ranges = (what: string, text: string, list: readonly Prefix[]): ExplainedOwner[] =>
    list.filter(holds).map((range) => ({
      what,
      text: `${text} ${formatPrefix(range)}`,
      name: formatPrefix(range),
      origin: [...file.nat.private, ...file.nat.except].includes(range) ? "file" : "api",
    }));
  return [
    ...model.networks
      .filter(({ cidr }) => holds(cidr))
      .map(({ name, cidr }) => ({
        ...OF_FILE,
        what: "public network",
        text: `in public network ${name} (${formatPrefix(cidr)})`,
        name,
      })),
    ...ranges("private range", "in private range", model.nat.private),
    ...ranges("exempt range", "in the range that nothing is translated to,", model.nat.except),
    ...model.nat.pools
      .filter((pool) => isOfRouter(pool.name) && pool.private.some(holds))
      .map(({ name }) => ({ what: "pool", text: `served by pool ${name}`, origin: "api" as const, name })),
  ];
}
