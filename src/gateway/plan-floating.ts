/** Floating IPs: translated on the host of the port they belong to, or at the gateway that has them configured. */

import { type Address, type Family, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { FloatingIp } from "../model/model.ts";
import { floatingAddresses } from "../nat/table.ts";
import { addRoute, type Draft, localAt, wayTo } from "./draft.ts";

/** A floating IP that is announced only if there is a way to one of the addresses that it leads to. */
export interface Undecided {
  readonly floating: Address;
  readonly to: readonly Address[];
}

/** Adds what is translated here. Returns what the routes still to be planned decide. */
export function planFloating(draft: Draft): Undecided[] {
  const { model, leaving } = draft.input;
  const undecided = model.floatingIps.flatMap((floating) =>
    floating.to === undefined ? planForwards(draft, floating) : planWhole(draft, floating, floating.to),
  );
  for (const { address, floating, forwards, ways } of leaving.floating) {
    draft.floating.push(...floating);
    draft.forwards.push(...forwards);
    for (const way of ways) addRoute(draft, way.prefix, { to: "link", interface: way.interface });
    const needed = ways.map((way) => way.prefix);
    announce(draft, hostPrefix(address), needed, true);
  }
  if (model.role === "gateway") reportConflicts(draft);
  return undecided;
}

function planWhole(
  draft: Draft,
  { address: floating, egress, stateless }: FloatingIp,
  fixed: Address,
): Undecided[] {
  const { role } = draft.input.model;
  const local = localAt(draft, fixed);
  const prefix = hostPrefix(floating);
  if (local === undefined && role === "compute") return [];
  draft.floating.push({ floating, fixed, egress, stateless });
  if (local?.up !== true) return role === "gateway" ? [{ floating, to: [fixed] }] : [];
  addRoute(draft, prefix, { to: "link", interface: local.interface });
  announce(draft, prefix, [prefix, hostPrefix(fixed)], local.isLeaving);
  return [];
}

/** Packets of all its ports come to whoever announces the address: a host does so only if all of them end there. */
function planForwards(draft: Draft, { address: floating, forwards }: FloatingIp): Undecided[] {
  const to = forwards.map((forward) => forward.to);
  const here = to.flatMap((target) => localAt(draft, target) ?? []);
  const atHost = draft.input.model.role === "compute";
  if (atHost && here.length < to.length) {
    if (here.length > 0) reportSpread(draft, floating, to);
    return [];
  }
  draft.forwards.push(...forwards.map((forward) => ({ ...forward, floating })));
  return [{ floating, to: atHost ? here.filter(({ up }) => up).map(({ address }) => address) : to }];
}

function reportSpread(draft: Draft, floating: Address, to: readonly Address[]): void {
  const subject = formatAddress(floating);
  const away = to.filter((target) => localAt(draft, target) === undefined).map(formatAddress);
  const message = `floating IP ${subject} is not served: it leads to this host and to ${[...new Set(away)].join(", ")}, which is not here; that is for a gateway`;
  draft.problems.push({ code: "floating.spread", subject, message });
}

/** Announces what has a way to one of its private addresses, once all routes are planned. */
export function planReachable(draft: Draft, undecided: readonly Undecided[]): void {
  if (undecided.length === 0) return;
  const lengths = { 4: lengthsOf(draft, 4), 6: lengthsOf(draft, 6) };
  for (const { floating, to } of undecided) {
    const way = firstWay(draft, lengths[floating.family], to);
    if (way !== undefined) announce(draft, hostPrefix(floating), way === "connected" ? [] : [way], false);
  }
}

function firstWay(
  draft: Draft,
  lengths: readonly number[],
  to: readonly Address[],
): Prefix | "connected" | undefined {
  for (const address of to) {
    const way = wayTo(draft, lengths, address);
    if (way !== undefined) return way;
  }
  return undefined;
}

function announce(draft: Draft, prefix: Prefix, routes: readonly Prefix[], isLeaving: boolean): void {
  draft.announcements.push({
    prefix,
    kind: "floating",
    ...(isLeaving && { isLeaving }),
    needs: { routes, nat: true },
  });
}

/** Lengths of the planned routes of a family but the default, longest first. */
function lengthsOf(draft: Draft, family: Family): number[] {
  const lengths = new Set<number>();
  for (const { prefix } of draft.routes.values()) if (prefix.family === family) lengths.add(prefix.length);
  lengths.delete(0);
  return [...lengths].sort((a, b) => b - a);
}

/**
 * A peer that announces what is configured here is not followed, and somebody should know. Of what is translated without
 * conntrack several gateways are to announce it.
 */
function reportConflicts(draft: Draft): void {
  const { forwards } = draft;
  const alone = floatingAddresses({ floating: draft.floating.filter((m) => m.stateless !== true), forwards });
  const once = new Map(alone.map((floating) => [formatAddress(floating), floating]));
  for (const [address, floating] of once) {
    const learned = draft.input.learned.at(hostPrefix(floating));
    if (learned === undefined) continue;
    const peers = learned.paths.map((path) => formatAddress(path.peer)).join(", ");
    draft.problems.push({
      code: "floating.conflict",
      subject: address,
      message: `${peers} announces floating IP ${address}, which is configured here; ours is used`,
    });
  }
}
