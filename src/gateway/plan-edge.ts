/** What only the gateway at the edge has: public networks as a whole, and the addresses of NAT pools. */

import { contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import type { Network } from "../model/model.ts";
import { addRoute, type Draft, isDiscard } from "./draft.ts";

/**
 * Discard routes: for public networks, so that what has no more specific route is answered and never sent back; for
 * pool addresses, so that what nobody asked for is not even answered (RFC 5382 REQ-4: no RST for an unsolicited SYN).
 */
export function planDiscards(draft: Draft): void {
  const { model } = draft.input;
  if (model.role !== "gateway") {
    reportPools(draft);
    return;
  }
  for (const network of wholes(draft)) addRoute(draft, network.cidr, { to: "discard", how: "unreachable" });
  for (const pool of model.nat.pools) {
    for (const address of pool.addresses) {
      const prefix = hostPrefix(address);
      addRoute(draft, prefix, { to: "discard", how: "blackhole" });
      draft.announcements.push({ prefix, kind: "pool", needs: { routes: [prefix], nat: true } });
    }
  }
}

/** Announces the networks that are announced as a whole and of which something can be reached. */
export function announceNetworks(draft: Draft): void {
  if (draft.input.model.role !== "gateway") return;
  const waiting = new Set(wholes(draft));
  if (waiting.size === 0) return;
  for (const route of draft.routes.values()) {
    if (isDiscard(route)) continue;
    for (const network of waiting) {
      if (!isMoreSpecific(network.cidr, route.prefix)) continue;
      waiting.delete(network);
      const needs = { routes: [network.cidr], nat: false, within: network.cidr };
      draft.announcements.push({ prefix: network.cidr, kind: "public", needs });
    }
  }
}

const isMoreSpecific = (outer: Prefix, inner: Prefix): boolean =>
  inner.length > outer.length && contains(outer, inner);

const wholes = (draft: Draft): readonly Network[] =>
  draft.input.model.networks.filter((network) => network.announce !== "hosts");

function reportPools(draft: Draft): void {
  for (const pool of draft.input.model.nat.pools) {
    draft.problems.push({
      code: "pool.role",
      subject: pool.name,
      message: `pool ${pool.name} is not used: only a gateway translates to pool addresses`,
    });
  }
}
