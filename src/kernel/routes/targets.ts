/** What a route is to do, as the core says it, and the form in which the kernel holds it: both ways. */

import { type Family, sameAddress } from "../../bgp/net/address.ts";
import type { NextHop, Target, ViaTarget } from "../commands.ts";
import { InvalidCommand } from "../fields.ts";
import type { LinkTable } from "../links.ts";
import type { Refusal } from "../netlink/netlink-socket.ts";
import type { Member, Single } from "./nexthop-message.ts";
import { isLone, type Nexthops, type WeighedHop } from "./nexthops.ts";
import {
  type Form,
  metricOf,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RTN_BLACKHOLE,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from "./route-message.ts";

/** A next hop; its weight where it is in a group. */
type Weighed = Pick<Single, "gateway" | "oif"> & { readonly weight?: number };

/** The type of a discard route. */
export const typeOf = (target: Target & { to: "discard" }): number =>
  target.how === "blackhole" ? RTN_BLACKHOLE : RTN_UNREACHABLE;

/** Only these have a nexthop object of their own; the form of all others depends on target and family alone. */
export const isResilient = (target: Target): boolean =>
  target.to === "links" || (target.to === "via" && target.resilient);

/**
 * The form of a target; makes the nexthop objects that it needs.
 * @param had - the form that the route has, whose group is changed in place when it can be
 * @returns why there is none, when it is text
 */
export function formOf(
  target: Target | InvalidCommand,
  family: Family,
  had: Form | undefined,
  nexthops: Nexthops,
  links: LinkTable,
): Form | string {
  if (target instanceof InvalidCommand) return target.message;
  const plain = { type: RTN_UNICAST, metric: metricOf(family), oif: 0, nexthopId: 0, inline: [] };
  // IPv6 routes have no scope.
  const onLink = family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  switch (target.to) {
    case "link": {
      const oif = links.indexOf(target.interface);
      return oif === undefined ? noLink(target.interface) : { ...plain, scope: onLink, oif };
    }
    case "discard":
      return { ...plain, scope: RT_SCOPE_UNIVERSE, type: typeOf(target) };
    case "via":
      return throughGroup(target, family, { ...plain, scope: RT_SCOPE_UNIVERSE }, had, nexthops, links);
    case "links":
      return throughGroup(target, family, { ...plain, scope: onLink }, had, nexthops, links);
    default:
      return unreachable(target);
  }
}

function throughGroup(
  target: Target & { to: "via" | "links" },
  family: Family,
  plain: Form,
  had: Form | undefined,
  nexthops: Nexthops,
  links: LinkTable,
): Form | string {
  const hops =
    target.to === "via"
      ? target.nextHops
      : target.interfaces.map((name) => ({ address: undefined, interface: name, weight: 1 }));
  const members = membersOf(hops, family, isResilient(target), nexthops, links);
  if (typeof members === "string") return members;
  const id = isResilient(target) ? nexthops.resilient(had?.nexthopId, members) : nexthops.shared(members);
  return typeof id === "number" ? { ...plain, nexthopId: id } : id.message;
}

/** The groups that routes to a target share. */
export function groupsOf({ nextHops }: ViaTarget, nexthops: Nexthops, links: LinkTable): number[] {
  const hops: WeighedHop[] = [];
  for (const { address: gateway, interface: name, weight = 1 } of nextHops) {
    const oif = links.indexOf(name);
    if (oif !== undefined) hops.push({ gateway, oif, weight });
  }
  return hops.length < nextHops.length ? [] : nexthops.groupsOf(hops);
}

/**
 * Has groups lead to a target.
 * @returns why none of them does, when it is text
 * @throws Error when some do and others do not
 */
export function redirect(
  groups: readonly number[],
  to: ViaTarget,
  nexthops: Nexthops,
  links: LinkTable,
): string | undefined {
  if (groups.length === 0) return "no group leads there";
  // A gateway has the family of its address, whatever that of the route is.
  const members = membersOf(to.nextHops, 4, false, nexthops, links);
  if (typeof members === "string") return members;
  for (const [i, id] of groups.entries()) {
    const refusal = nexthops.change(id, members);
    if (refusal === undefined) continue;
    if (i > 0) throw new Error(refusal.message);
    return refusal.message;
  }
  return undefined;
}

/** The target that a form stands for. What only a foreign hand could have written comes out as the nearest to it. */
export function targetOf(form: Form, nexthops: Nexthops, links: LinkTable): Target {
  if (form.type !== RTN_UNICAST)
    return { to: "discard", how: form.type === RTN_BLACKHOLE ? "blackhole" : "unreachable" };
  if (form.oif !== 0) return { to: "link", interface: nameOf(links, form.oif) };
  const nexthop = nexthops.get(form.nexthopId);
  const resilient = nexthop?.kind === "group" && isLone(nexthop);
  const hops: readonly Weighed[] = nexthop === undefined ? form.inline : singlesOf(form.nexthopId, nexthops);
  const nextHops = hops.flatMap((hop) => nextHopsOf(hop, links));
  if (nextHops.length > 0) return { to: "via", nextHops, resilient };
  const interfaces = hops.map(({ oif }) => nameOf(links, oif));
  const [only] = interfaces;
  if (only === undefined) return { to: "discard", how: "unreachable" };
  return resilient || interfaces.length > 1 ? { to: "links", interfaces } : { to: "link", interface: only };
}

/** None for a link without a gateway. */
function nextHopsOf({ gateway, oif, weight }: Weighed, links: LinkTable): NextHop[] {
  if (gateway === undefined) return [];
  const hop = { address: gateway, interface: nameOf(links, oif) };
  return [weight === undefined || weight === 1 ? hop : { ...hop, weight }];
}

/** The next hops that an object stands for, each once. */
function singlesOf(id: number, nexthops: Nexthops): Weighed[] {
  const singles: Weighed[] = [];
  for (const { single, weight } of nexthops.hopsOf(id)) {
    if (!singles.some((known) => sameNextHop(known, single))) singles.push({ ...single, weight });
  }
  // A share is one beside others.
  return singles.length === 1 ? singles.map(({ gateway, oif }) => ({ gateway, oif })) : singles;
}

function sameNextHop(a: Weighed, b: Weighed): boolean {
  if (a.oif !== b.oif || a.gateway === undefined || b.gateway === undefined)
    return a.oif === b.oif && a.gateway === b.gateway;
  return sameAddress(a.gateway, b.gateway);
}

/** The nexthop objects of next hops, in their order; with their twins behind them. Text when one cannot be. */
function membersOf(
  hops: readonly (Omit<NextHop, "address"> & { readonly address: NextHop["address"] | undefined })[],
  family: Family,
  twins: boolean,
  nexthops: Nexthops,
  links: LinkTable,
): Member[] | string {
  const members: Member[] = [];
  for (const twin of twins ? [false, true] : [false]) {
    for (const hop of hops) {
      const oif = links.indexOf(hop.interface);
      if (oif === undefined) return noLink(hop.interface);
      const id: number | Refusal = nexthops.single(family, oif, hop.address, twin);
      if (typeof id !== "number") return id.message;
      members.push({ id, weight: hop.weight ?? 1 });
    }
  }
  return members;
}

const noLink = (name: string): string => `there is no interface ${name}`;

/** A link that went since the dump keeps its number, which is no name that a link may have. */
const nameOf = (links: LinkTable, index: number): string => links.nameOf(index) ?? `link#${index}`;

function unreachable(target: never): never {
  throw new TypeError(`target ${JSON.stringify(target)}`);
}
