/**
 * Port forwardings: ports of a floating IP that lead to ports of private addresses, behind one router all of them. Such
 * a floating IP leads to no port as a whole.
 */

import { stored } from "./addresses.ts";
import { readCreate, readUpdate } from "./body.ts";
import { owns } from "./caller.ts";
import { badRequest, badResource, conflict, type Fault } from "./fault.ts";
import { type Handler, require, revise, stamp, unanswered, type Work } from "./handler.ts";
import { joiningRouter } from "./joining-router.ts";
import type { View } from "./members.ts";
import type { FloatingIp, Port, PortForwarding } from "./objects.ts";
import { RESOURCES } from "./resources.ts";
import { first, type Reading } from "./tables.ts";
import { shown } from "./values.ts";

const resource = RESOURCES.port_forwardings;
const bad = (reason: string): Fault => badResource("port_forwarding", reason);

interface Asked {
  readonly project_id: string;
  readonly description: string;
  readonly protocol: PortForwarding["protocol"];
  readonly internal_port_id: string;
  readonly internal_ip_address?: string | null;
  readonly internal_port?: number;
  readonly internal_port_range?: string;
  readonly external_port?: number;
  readonly external_port_range?: string;
}

/** Those of one floating IP. */
export const portForwardings = (floating: FloatingIp): Handler<"port_forwardings"> => ({
  resource,
  all: (reading) => forwardingsOf(reading, floating.id),
  create(work, body) {
    const given = readCreate<Asked>(resource, body, work.caller);
    const external_port_range = rangeOf(given, "external");
    const internal_port_range = rangeOf(given, "internal");
    if (external_port_range === undefined || internal_port_range === undefined) {
      const name = external_port_range === undefined ? "external_port" : "internal_port";
      throw badRequest(`Failed to parse request. Required attribute '${name}' not specified`);
    }
    const { tags: _, ...stamped } = stamp(work);
    const forwarding: PortForwarding = {
      ...stamped,
      project_id: floating.project_id,
      description: given.description,
      floatingip_id: floating.id,
      protocol: given.protocol,
      internal_port_id: given.internal_port_id,
      internal_ip_address: given.internal_ip_address ?? "",
      external_port_range,
      internal_port_range,
    };
    return lead(work, floating, forwarding, (whole) => {
      work.draft.put("port_forwardings", whole);
      return whole;
    });
  },
  update(work, old, body) {
    const given = readUpdate<Asked>(resource, body, work.caller);
    const { description, protocol, internal_port_id } = given;
    const isMoved = internal_port_id !== undefined && internal_port_id !== old.internal_port_id;
    const next: PortForwarding = {
      ...old,
      ...(description !== undefined && { description }),
      ...(protocol !== undefined && { protocol }),
      ...(internal_port_id !== undefined && { internal_port_id }),
      internal_ip_address: given.internal_ip_address ?? (isMoved ? "" : old.internal_ip_address),
      external_port_range: rangeOf(given, "external") ?? old.external_port_range,
      internal_port_range: rangeOf(given, "internal") ?? old.internal_port_range,
    };
    return lead(work, floating, next, (whole) => revise(work, "port_forwardings", old, whole));
  },
  remove: removeForwarding,
  made: {
    internal_port: ({ internal_port_range }) => singlePort(internal_port_range),
    external_port: ({ external_port_range }) => singlePort(external_port_range),
    project_id: unanswered,
    tenant_id: unanswered,
  },
});

export const forwardingsOf = (reading: Reading, floatingId: string): PortForwarding[] => [
  ...reading.by("port_forwardings", "floating", floatingId),
];

/** The floating IP is free again with the last of them. */
function removeForwarding(work: Work, { id, floatingip_id }: PortForwarding): void {
  work.draft.remove("port_forwardings", id);
  const floating = work.draft.get("floatingips", floatingip_id);
  if (floating === undefined || first(work.draft.by("port_forwardings", "floating", floatingip_id))) return;
  revise(work, "floatingips", floating, { router_id: null });
}

/** Removes those that lead to addresses of the port that it no longer has. */
export function dropForwardings(work: Work, port: Port, kept: ReadonlySet<string>): void {
  for (const forwarding of [...work.draft.by("port_forwardings", "port", port.id)]) {
    if (!kept.has(forwarding.internal_ip_address)) removeForwarding(work, forwarding);
  }
}

function rangeOf(given: Partial<Asked>, side: "external" | "internal"): string | undefined {
  const single = given[`${side}_port`];
  const range = given[`${side}_port_range`];
  if (single === undefined || range === undefined) {
    return range ?? (single === undefined ? undefined : `${single}:${single}`);
  }
  throw bad(`The ${side}_port and ${side}_port_range cannot both be specified`);
}

/** First and last. */
export function portsOf(range: string): { readonly first: number; readonly last: number } {
  const [low, high] = range.split(":");
  return { first: Number(low), last: Number(high) };
}

const countOf = (range: string): number => portsOf(range).last - portsOf(range).first;

function lead(
  work: Work,
  floating: FloatingIp,
  asked: PortForwarding,
  put: (whole: PortForwarding) => PortForwarding,
): PortForwarding {
  const internal = countOf(asked.internal_port_range);
  if (internal !== 0 && internal !== countOf(asked.external_port_range)) {
    throw bad("internal_port_range must have one port, or as many as external_port_range");
  }
  requireFree(floating, asked);
  const port = require(work.draft, "ports", asked.internal_port_id);
  if (!owns(work.caller, port)) {
    throw bad(
      `Cannot process port forwarding with Port ${port.id}, since that port is owned by a different project`,
    );
  }
  refuseBound(work.draft, port);
  const { ip_address, subnet_id } = fixedIpOf(port, asked.internal_ip_address);
  const router = joiningRouter(work.draft, floating.floating_network_id, { ip_address, subnet_id });
  if (router === undefined) {
    throw bad(
      `External network ${floating.floating_network_id} is not reachable from subnet ${subnet_id}. Cannot set Port forwarding for port ${port.id} with Floating IP ${floating.id}`,
    );
  }
  if (floating.router_id !== null && floating.router_id !== router) {
    throw bad(
      `The Floating IP ${floating.id} had been set on router ${floating.router_id}, the internal Neutron port ${port.id} can not reach it`,
    );
  }
  const whole = { ...asked, internal_ip_address: ip_address };
  refuseTwin(work.draft, whole);
  if (floating.router_id === null) revise(work, "floatingips", floating, { router_id: router });
  return put(whole);
}

function requireFree({ id, port_id, ...floating }: FloatingIp, asked: PortForwarding): void {
  if (port_id === null) return;
  throw conflict(
    "FloatingIPPortAlreadyAssociated",
    `Cannot associate floating IP ${floating.floating_ip_address} (${id}) with port ${asked.internal_port_id} using fixed IP ${asked.internal_ip_address || "None"}, as that fixed IP already has a floating IP on external network ${floating.floating_network_id}.`,
  );
}

function refuseBound(reading: Reading, port: Port): void {
  const bound = first(reading.by("floatingips", "port", port.id));
  if (bound === undefined) return;
  throw conflict(
    "PortHasBindingFloatingIP",
    `Cannot create port forwarding to floating IP ${bound.floating_ip_address} (${bound.id}) with port ${port.id} using fixed IP ${bound.fixed_ip_address}, as that port already has a binding floating IP.`,
  );
}

function fixedIpOf(port: Port, wanted: string): Port["fixed_ips"][number] {
  const known = port.fixed_ips.filter(({ ip_address }) => stored(ip_address).family === 4);
  const [only] = known;
  if (only === undefined) {
    throw bad(`Requested internal port ${port.id} must allocate an IPv4 address at least`);
  }
  const found = wanted === "" ? only : known.find(({ ip_address }) => ip_address === wanted);
  if (found !== undefined) return found;
  throw bad(
    `Requested internal IP address ${wanted} is not suitable for internal neutron port ${port.id}, as its fixed_ips are ${shown(known)}`,
  );
}

/** No port of a floating IP leads to two, and nothing has two that lead to it: what comes from there has one sender. */
function refuseTwin(reading: Reading, asked: PortForwarding): void {
  const twin = (conflicting: string): Fault =>
    bad(
      `A duplicate port forwarding entry with same attributes already exists, conflicting values are {${conflicting}}`,
    );
  const isOther = (other: PortForwarding): boolean =>
    other.id !== asked.id && other.protocol === asked.protocol;
  for (const other of reading.by("port_forwardings", "floating", asked.floatingip_id)) {
    if (!isOther(other) || !meet(other.external_port_range, asked.external_port_range)) continue;
    throw twin(
      `'floatingip_id': '${asked.floatingip_id}', 'external_port_range': '${other.external_port_range}', 'protocol': '${asked.protocol}'`,
    );
  }
  for (const other of reading.by("port_forwardings", "port", asked.internal_port_id)) {
    const isSame =
      other.internal_ip_address === asked.internal_ip_address &&
      meet(other.internal_port_range, asked.internal_port_range);
    if (!isOther(other) || !isSame) continue;
    throw twin(
      `'internal_port_id': '${asked.internal_port_id}', 'internal_ip_address': '${asked.internal_ip_address}', 'internal_port_range': '${other.internal_port_range}', 'protocol': '${asked.protocol}'`,
    );
  }
}

function meet(a: string, b: string): boolean {
  const [one, other] = [portsOf(a), portsOf(b)];
  return one.first <= other.last && other.first <= one.last;
}

/** As its floating IP shows it. */
export function forwardingSummary(forwarding: PortForwarding): View {
  const { protocol, internal_ip_address, external_port_range, internal_port_range } = forwarding;
  return {
    protocol,
    internal_ip_address,
    internal_port: singlePort(internal_port_range),
    internal_port_range,
    external_port: singlePort(external_port_range),
    external_port_range,
  };
}

/** The members for a single port say something when it is one. */
const singlePort = (range: string): number | null => (countOf(range) === 0 ? portsOf(range).first : null);
