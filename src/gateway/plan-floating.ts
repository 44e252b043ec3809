/** Floating IPs: translated on the host of the port they belong to, or at the gateway that has them configured. */

import { hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { FloatingIp } from "../model/model.ts";
import type { FloatingMapping } from "../nat/table.ts";
import { addRoute, type Draft, localAt, wayTo } from "./draft.ts";

/**
 * Adds what is translated here. Returns the floating IPs that are announced only if there is a way to their fixed
 * address, which the routes still to be planned decide.
 */
export function planFloating(draft: Draft): FloatingIp[] {
  const { model, leaving } = draft.input;
  const undecided: FloatingIp[] = [];
  for (const floating of model.floatingIps) {
    if (!isIpv4(draft, floating)) continue;
    const local = localAt(draft, floating.to);
    const prefix = hostPrefix(floating.address);
    if (local === undefined && model.role === "compute") continue;
    draft.floating.push(mappingOf(floating));
    if (local?.up === true) {
      addRoute(draft, prefix, { to: "link", interface: local.interface });
      announce(draft, prefix, [prefix, hostPrefix(floating.to)]);
    } else if (model.role === "gateway") undecided.push(floating);
  }
  for (const { floating, fixed, egress, interface: name } of leaving) {
    const prefix = hostPrefix(floating);
    draft.floating.push({ floating, fixed, egress });
    addRoute(draft, prefix, { to: "link", interface: name });
    announce(draft, prefix, [prefix]);
  }
  if (model.role === "gateway") reportConflicts(draft);
  return undecided;
}

/** Announces what has a way to its fixed address, once all routes are planned. */
export function planReachable(draft: Draft, undecided: readonly FloatingIp[]): void {
  if (undecided.length === 0) return;
  const lengths = lengthsOf(draft);
  for (const floating of undecided) {
    const way = wayTo(draft, lengths, floating.to);
    if (way === undefined) continue;
    announce(draft, hostPrefix(floating.address), way === "connected" ? [] : [way]);
  }
}

const announce = (draft: Draft, prefix: Prefix, routes: readonly Prefix[]): void => {
  draft.announcements.push({ prefix, kind: "floating", needs: { routes, nat: true } });
};

/** Lengths of the planned IPv4 routes but the default, longest first. */
function lengthsOf(draft: Draft): number[] {
  const lengths = new Set<number>();
  for (const { prefix } of draft.routes.values()) if (prefix.family === 4) lengths.add(prefix.length);
  lengths.delete(0);
  return [...lengths].sort((a, b) => b - a);
}

const mappingOf = ({ address, to, egress }: FloatingIp): FloatingMapping => ({
  floating: address,
  fixed: to,
  egress,
});

function isIpv4(draft: Draft, { address, to }: FloatingIp): boolean {
  if (address.family === 4 && to.family === 4) return true;
  draft.problems.push({
    code: "floating.ipv6",
    subject: formatAddress(address),
    message: `floating IP ${formatAddress(address)} is not translated: only IPv4 ones are`,
  });
  return false;
}

/** A peer that announces what is configured here is not followed, and somebody should know. */
function reportConflicts(draft: Draft): void {
  for (const { floating } of draft.floating) {
    const learned = draft.input.learned.at(hostPrefix(floating));
    if (learned === undefined) continue;
    const address = formatAddress(floating);
    const peers = learned.paths.map((path) => formatAddress(path.peer)).join(", ");
    draft.problems.push({
      code: "floating.conflict",
      subject: address,
      message: `${peers} announces floating IP ${address}, which is configured here; ours is used`,
    });
  }
}
