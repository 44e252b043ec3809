/**
 * What has to hold for something of our own to be announced: first what the plan looks at (gateway/plan.ts), by the same
 * questions, then what the announcement needs of the kernel.
 */

import type { ExplainedCondition } from "../../../api/explain-schema.ts";
import { type Address, sameAddress } from "../../../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../../bgp/net/text.ts";
import type { Announcement } from "../../../gateway/intent.ts";
import type { AnycastService, FloatingIp } from "../../../model/model.ts";
import type { FloatingIp as FloatingObject, Port } from "../../../neutron/objects.ts";
import { nameOf, targets } from "./owners.ts";
import type { ExplainSource } from "./source.ts";
import { realWay, wayText } from "./ways.ts";

const condition = (claim: string, holds: boolean, because: string): ExplainedCondition => ({
  claim,
  holds,
  because,
});

/** Of the object: that it leads somewhere, and that somebody serves it. */
export function objectConditions(source: ExplainSource, floating: FloatingObject): ExplainedCondition[] {
  const { reading } = source.objects;
  const { id, port_id, floating_ip_address: address, fixed_ip_address: fixed } = floating;
  const port = reading.get("ports", port_id ?? "");
  const forwardings = [...reading.by("port_forwardings", "floating", id)].length;
  if (port === undefined && forwardings === 0) {
    return [condition("it leads somewhere", false, `gwctl floatingip set --port PORT ${address}`)];
  }
  const router = reading.get("routers", floating.router_id ?? "");
  const leads = port === undefined ? `${forwardings} port forwardings` : `${fixed} of port ${nameOf(port)}`;
  return [
    condition("it leads somewhere", true, leads),
    condition(
      "its router is up",
      router?.admin_state_up === true,
      router === undefined
        ? "there is none"
        : `admin_state_up of ${nameOf(router)} is ${router.admin_state_up}`,
    ),
    ...(port === undefined ? [] : portConditions(source, port)),
    ...(port === undefined || router === undefined ? [] : [placeCondition(source, router.distributed, port)]),
  ];
}

function portConditions({ objects }: ExplainSource, port: Port): ExplainedCondition[] {
  const name = port["binding:host_id"];
  const enabled = condition(
    "its port is enabled",
    port.admin_state_up,
    `admin_state_up is ${port.admin_state_up}`,
  );
  if (name === "") return [enabled];
  const host = objects.host(name);
  // Instances may be reached by a router that speaks BGP and is no gatewayd.
  if (host === undefined)
    return [
      enabled,
      condition("its host is alive", true, `no gatewayd has ever run on ${name}: routes alone tell`),
    ];
  const alive = host.report !== undefined;
  return [
    enabled,
    condition("its host is alive", alive, alive ? `${name} holds its lease` : `${name} has lost its lease`),
    ...(alive
      ? [
          condition(
            "its host reaches the port",
            objects.says(port) === true,
            objects.says(port) === true
              ? `${name} says so`
              : `${name} does not say so: gwctl explain there tells why`,
          ),
        ]
      : []),
  ];
}

/** A distributed router's floating IPs are translated on the ports' hosts, all others at the gateway. */
function placeCondition({ model }: ExplainSource, distributed: boolean, port: Port): ExplainedCondition {
  const host = port["binding:host_id"];
  const claim = "it is translated on this machine";
  const isHere = host === model.hostname;
  if (distributed)
    return condition(claim, isHere, `its router is distributed, and the port's host is ${host || "none"}`);
  return condition(claim, model.role === "gateway", "its router is not distributed: gateways translate");
}

/** Of what the model has: that there is a way to where it leads. */
export function floatingConditions(source: ExplainSource, floating: FloatingIp): ExplainedCondition[] {
  const to = targets(floating);
  const ofHere = to.flatMap((target) => localCondition(source, target) ?? []);
  if (source.model.role === "compute") {
    if (ofHere.length > 0 && ofHere.length === to.length) return ofHere;
    const away = to.filter((target) => localCondition(source, target) === undefined).map(formatAddress);
    const because = `behind no port of ${source.model.hostname}: ${[...new Set(away)].join(", ")}`;
    return [condition("it leads to this host", false, because)];
  }
  if (floating.to !== undefined && ofHere.some(({ holds }) => holds)) return ofHere;
  const ways = to.flatMap((target) => realWay(source, target) ?? []);
  const texts = [...new Set(to.map(formatAddress))].join(" or ");
  const [way] = ways;
  return [
    condition(
      `there is a way to ${texts}`,
      way !== undefined,
      way === undefined
        ? "no port, no link and no route but a default one, or one that discards, leads there"
        : wayText(way),
    ),
  ];
}

/** Of an address behind a port of this machine; undefined: it is not. */
export function localCondition(
  { model, links }: Pick<ExplainSource, "model" | "links">,
  address: Address,
): ExplainedCondition | undefined {
  const port = model.ports.find(({ addresses }) => addresses.some((own) => sameAddress(own, address)));
  if (port === undefined) return undefined;
  const link = links.find(({ name }) => name === port.interface);
  const claim = `interface ${port.interface} is up`;
  if (model.kernel.type === "none")
    return condition(claim, true, "kernel.type is none: it is taken for granted");
  if (link === undefined) return condition(claim, false, "there is no such interface");
  return condition(claim, link.up, link.up ? "the kernel says so" : "it is down");
}

/** @param isServed - the plan has found a member on this machine that is well, or may stay */
export function serviceConditions(
  source: Pick<ExplainSource, "model" | "links">,
  { name, members, health }: AnycastService,
  isServed: boolean,
): ExplainedCondition[] {
  const here = members.flatMap((member) => {
    const up = localCondition(source, member);
    return up === undefined ? [] : [`${formatAddress(member)} (interface ${up.holds ? "up" : "down"})`];
  });
  if (here.length === 0)
    return [condition("a member is on this machine", false, "all of them are elsewhere")];
  const checks = health === undefined ? "none is checked" : `gwctl show anycast has the checks of ${name}`;
  return [condition("a member on this machine serves it", isServed, `${here.join(", ")}; ${checks}`)];
}

/** What the plan says that the kernel must have acknowledged. */
export function kernelConditions(
  { now, model }: Pick<ExplainSource, "now" | "model">,
  { needs }: Announcement,
): ExplainedCondition[] {
  if (model.kernel.type === "none") return [];
  const routes = needs.routes.map((prefix) => {
    const text = formatPrefix(prefix);
    const installed = now.isInstalled(prefix);
    return condition(
      `the kernel has the route ${text}`,
      installed,
      now.failures.get(text) ?? acknowledged(installed),
    );
  });
  const nat = condition(
    "the kernel has its translation",
    now.natProgrammed,
    now.failures.get("nat") ?? acknowledged(now.natProgrammed),
  );
  return needs.nat ? [...routes, nat] : routes;
}

const acknowledged = (is: boolean): string => (is ? "acknowledged" : "not acknowledged yet");

/** Of a network that is announced as a whole. @param isPlanned - the plan has found a route within it */
export const networkCondition = (isPlanned: boolean): ExplainedCondition =>
  condition(
    "something of it can be reached",
    isPlanned,
    isPlanned ? "a route within it leads somewhere" : "no port here and no peer has an address of it",
  );
