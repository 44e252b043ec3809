/**
 * From what is wanted, learned and known of this machine to what should be: announcements, kernel routes, NAT table.
 *
 * Pure. The parts run in the order of their right to a prefix: what runs on this host, then what the gateway holds at
 * the edge. What peers told us is not planned here but route by route (plan-learned.ts), and asked for where something of
 * our own depends on it. A learned prefix that is one of our own loses, so no peer can take one away.
 */

import { isMember, serving } from "../anycast/serving.ts";
import { comparePrefixes, contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { addRoute, type Draft, draftOf, type PlanInput } from "./draft.ts";
import type { Intent } from "./intent.ts";
import { announceNetworks, planDiscards } from "./plan-edge.ts";
import { planFloating, planReachable } from "./plan-floating.ts";
import { planNat } from "./plan-nat.ts";

export function plan(input: PlanInput): Intent {
  const draft = draftOf(input);
  const taps = planPorts(draft);
  planAnycast(draft);
  const floating = planFloating(draft);
  planDiscards(draft);
  planReachable(draft, floating);
  announceNetworks(draft);
  const nat = planNat(draft, taps);
  return {
    announcements: draft.announcements.toSorted((a, b) => comparePrefixes(a.prefix, b.prefix)),
    routes: [...draft.routes.values()].sort((a, b) => comparePrefixes(a.prefix, b.prefix)),
    nat,
    taps,
    problems: draft.problems.toSorted(
      (a, b) => compareText(a.code, b.code) || compareText(a.subject, b.subject),
    ),
  };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Ports of this host: one route per address while the interface is up. Returns the interfaces that are there. */
function planPorts(draft: Draft): string[] {
  const { model, links } = draft.input;
  const present = new Set(links.map((link) => link.name));
  const taps: string[] = [];
  for (const port of model.ports) {
    if (present.has(port.interface) || model.kernel.type === "none") taps.push(port.interface);
    else {
      draft.problems.push({
        code: "port.missing",
        subject: port.interface,
        message: `there is no interface ${port.interface}: nothing behind it is announced`,
      });
    }
  }
  for (const { address, interface: name, up, isLeaving } of draft.local.values()) {
    if (!up) continue;
    const prefix = hostPrefix(address);
    addRoute(draft, prefix, { to: "link", interface: name });
    draft.announcements.push({
      prefix,
      kind: portKind(model, prefix),
      ...(isLeaving && { isLeaving }),
      needs: { routes: [prefix], nat: false },
    });
  }
  return taps.sort();
}

/** At the edge, hosts of a network that is announced as a whole are nobody else's business. */
function portKind(model: Model, prefix: Prefix): "public" | "host" {
  const network = model.networks.find((n) => contains(n.cidr, prefix));
  if (network === undefined) return "host";
  return model.role === "gateway" && network.announce === "aggregate" ? "host" : "public";
}

function planAnycast(draft: Draft): void {
  const { model, health, learned, resumed } = draft.input;
  if (model.anycast.length === 0) return;
  const up = [...draft.local.values()].filter((address) => address.up);
  for (const service of model.anycast) {
    const prefix = hostPrefix(service.address);
    const key = formatPrefix(prefix);
    const { interfaces, allFailed } = serving({
      service,
      local: up.filter((member) => isMember(service, member.address)),
      health: health.get(service.name),
      resumed: resumed.get(key) ?? [],
      elsewhere: learned.at(prefix) !== undefined,
    });
    const [first, ...more] = interfaces;
    if (first === undefined) continue;
    addRoute(
      draft,
      prefix,
      more.length === 0 ? { to: "link", interface: first } : { to: "links", interfaces },
    );
    draft.announcements.push({ prefix, kind: "anycast", needs: { routes: [prefix], nat: false } });
    if (allFailed) {
      draft.problems.push({
        code: "anycast.allFailed",
        subject: service.name,
        message: `all members of ${service.name} on this host fail their check; it is announced all the same`,
      });
    }
  }
}
