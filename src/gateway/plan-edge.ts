/** What only the gateway at the edge has: public networks as a whole, and the addresses of NAT pools. */

import { contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import type { Model, Network } from "../model/model.ts";
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
  for (const network of wholes(model)) addRoute(draft, network.cidr, { to: "discard", how: "unreachable" });
  for (const pool of model.nat.pools) {
    for (const address of pool.addresses) {
      const prefix = hostPrefix(address);
      addRoute(draft, prefix, { to: "discard", how: "blackhole" });
      draft.announcements.push({ prefix, kind: "pool", needs: { routes: [prefix], nat: true } });
    }
  }
  for (const { external: prefix } of model.nat.prefixes) {
    addRoute(draft, prefix, { to: "discard", how: "blackhole" });
    draft.announcements.push({ prefix, kind: "pool", needs: { routes: [prefix], nat: true } });
  }
}

/** Announces the networks that are announced as a whole and of which something can be reached. */
export function announceNetworks(draft: Draft): void {
  const { model, learned } = draft.input;
  if (model.role !== "gateway") return;
  const own = [...draft.routes.values()].filter((route) => !isDiscard(route));
  for (const { cidr } of wholes(model)) {
    if (!learned.reaches(cidr) && !own.some(({ prefix }) => isMoreSpecific(cidr, prefix))) continue;
    const needs = { routes: [cidr], nat: false, within: cidr };
    draft.announcements.push({ prefix: cidr, kind: "public", needs });
  }
}

const isMoreSpecific = (outer: Prefix, inner: Prefix): boolean =>
  inner.length > outer.length && contains(outer, inner);

/** Networks that are announced as a whole. */
export const wholes = (model: Model): readonly Network[] =>
  model.networks.filter((network) => network.announce !== "hosts");

function reportPools(draft: Draft): void {
  for (const pool of draft.input.model.nat.pools) {
    draft.problems.push({
      code: "pool.role",
      subject: pool.name,
      message: `pool ${pool.name} is not used: only a gateway translates to pool addresses`,
    });
  }
}
