/** What the kernel is to do with routes that peers told us: a small pure function for each set of next hops. */

import {
  type Address,
  contains,
  hostPrefix,
  isLinkLocal,
  type Prefix,
  sameAddress,
  unzoned,
} from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { type Connected, connectedOf } from "./connected.ts";
import type { KernelRoute, Link, NextHop } from "./intent.ts";
import { weightsOf } from "./weights.ts";

/** What a next hop is resolved by. */
export interface Surroundings {
  readonly model: Model;
  readonly links: readonly Link[];
  readonly connected: readonly Connected[];
}

export const surroundingsOf = (model: Model, links: readonly Link[]): Surroundings => ({
  model,
  links,
  connected: connectedOf(links),
});

/** The next hops of a route, each once, in the order of their text. */
export interface NextHopSet {
  readonly hops: readonly WeighedHop[];
  /** Flows stay when members change. */
  readonly resilient: boolean;
}

interface WeighedHop {
  readonly address: Address;
  readonly text: string;
  /** Its share by the bandwidths that the paths tell; undefined when they tell none. */
  readonly weight: number | undefined;
}

export function nextHopSet(paths: Parameters<typeof weightsOf>[0], resilient: boolean): NextHopSet {
  const weights = weightsOf(paths);
  const hops = new Map<string, WeighedHop>();
  for (const { nextHop } of paths) {
    const text = formatAddress(nextHop);
    hops.set(text, { address: nextHop, text, weight: weights?.get(text) });
  }
  return { hops: [...hops.values()].sort((a, b) => (a.text < b.text ? -1 : 1)), resilient };
}

/** Where packets go that have these next hops; undefined when nothing leads to any of them. */
export function targetOf(
  { hops, resilient }: NextHopSet,
  at: Surroundings,
): KernelRoute["target"] | undefined {
  const nextHops = hops.flatMap(({ address, weight }): NextHop[] => {
    const name = resolve(at, address);
    if (name === undefined) return [];
    const hop = { address: unzoned(address), interface: name };
    return [weight === undefined || !at.model.bgp.linkBandwidth ? hop : { ...hop, weight }];
  });
  return nextHops.length === 0 ? undefined : { to: "via", nextHops, resilient };
}

/** The interface on whose network a next hop is; of several, the one with the longest prefix. */
export function resolve({ model, links, connected }: Surroundings, nextHop: Address): string | undefined {
  if (model.kernel.type === "none") return "";
  if (isLinkLocal(nextHop)) return links.find(({ name, up }) => up && name === nextHop.zone)?.name;
  if (links.some((link) => link.addresses.some((own) => sameAddress(own.address, nextHop)))) return undefined;
  let best: Connected | undefined;
  for (const candidate of connected) {
    if (!contains(candidate.prefix, nextHop)) continue;
    if (best === undefined || candidate.prefix.length > best.prefix.length) best = candidate;
  }
  return best?.interface;
}

/**
 * Prefixes that stay with the kernel: the networks that we are on, and on these the addresses that we talk BGP with.
 * A route for one of them, or for a next hop ({@link guardOf}), would take away what all the others stand on.
 */
export function guardedPrefixes(at: Surroundings): Prefix[] {
  const peers = at.model.bgp.peers.flatMap(({ remote }) =>
    "address" in remote ? (guardOf(at, remote.address) ?? []) : [],
  );
  return [...at.connected.map(({ prefix }) => prefix), ...peers];
}

/** The prefix that nobody may route elsewhere while packets are sent through this address. */
export function guardOf({ connected }: Surroundings, address: Address): Prefix | undefined {
  const isOnLink = !isLinkLocal(address) && connected.some(({ prefix }) => contains(prefix, address));
  return isOnLink ? hostPrefix(address) : undefined;
}
