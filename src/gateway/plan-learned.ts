/** What the kernel is to do with routes that peers told us: a small pure function for each set of next hops. */

import { type Address, contains, hostPrefix, isLinkLocal, type Prefix, unzoned } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { type Connected, connectedOf } from "./connected.ts";
import type { KernelRoute, Link, NextHop } from "./intent.ts";
import type { Hops } from "./next-hops.ts";
import { MOST_WEIGHT, weightsOf } from "./weights.ts";

/** What a next hop is resolved by. */
export interface Surroundings {
  readonly model: Model;
  readonly connected: readonly Connected[];
  readonly hops: Hops;
  /** Next hops, as text, that nobody is behind any more, while what leads there is decided again. */
  readonly lost: ReadonlySet<string>;
}

export const surroundingsOf = (
  model: Model,
  links: readonly Link[],
  hops: Hops,
  lost: ReadonlySet<string>,
): Surroundings => ({ model, connected: connectedOf(links), hops, lost });

/** The next hops of a route, each once, in the order of their text. None: packets are thrown away. */
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

export const BLACKHOLE: NextHopSet = { hops: [], resilient: false };

export function nextHopSet(paths: Parameters<typeof weightsOf>[0], resilient: boolean): NextHopSet {
  const weights = weightsOf(paths);
  const hops = new Map<string, WeighedHop>();
  for (const { nextHop } of paths) {
    const text = formatAddress(nextHop);
    hops.set(text, { address: nextHop, text, weight: weights?.get(text) });
  }
  return { hops: [...hops.values()].sort((a, b) => (a.text < b.text ? -1 : 1)), resilient };
}

/**
 * Where packets go that have these next hops; undefined when nothing leads to any of them. Of some that are lost the
 * others serve until it is decided again; where all are, nobody knows yet what to put in their place.
 */
export function targetOf(
  { hops, resilient }: NextHopSet,
  at: Surroundings,
): KernelRoute["target"] | undefined {
  if (hops.length === 0) return { to: "discard", how: "blackhole" };
  const isWeighed = at.model.bgp.linkBandwidth;
  const found = new Map<string, NextHop>();
  const alive = hops.filter(({ text }) => !at.lost.has(text));
  for (const hop of alive.length > 0 ? alive : hops) {
    for (const to of hopsTo(at, hop)) addHop(found, to, isWeighed ? hop.weight : undefined);
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop);
  if (sorted.length === 0) return undefined;
  // A share is one beside others.
  return { to: "via", nextHops: sorted.length > 1 ? sorted : sorted.map(unweighed), resilient };
}

/** By which gateways a next hop is reached; none when nothing leads there. */
export function hopsTo(
  { model, hops }: Surroundings,
  { address, text }: Pick<WeighedHop, "address" | "text">,
): readonly NextHop[] {
  const own = unzoned(address);
  if (model.kernel.type === "none") return [{ address: own, interface: "" }];
  const ways = hops.get(text) ?? [];
  return ways.map(({ gateway = own, interface: name }) => ({ address: gateway, interface: name }));
}

const unweighed = ({ address, interface: name }: NextHop): NextHop => ({ address, interface: name });

/** Two next hops behind one gateway have its share together. */
function addHop(hops: Map<string, NextHop>, hop: NextHop, weight: number | undefined): void {
  const key = `${formatAddress(hop.address)} ${hop.interface}`;
  const before = hops.get(key);
  const sum = Math.min((before?.weight ?? 0) + (weight ?? 0), MOST_WEIGHT);
  hops.set(key, sum === 0 ? hop : { ...hop, weight: sum });
}

/**
 * Prefixes that stay with the kernel: the networks that we are on, and on these the addresses that we talk BGP with and
 * the gateways on the way to next hops.
 * A route for one of them, or for a next hop ({@link guardOf}), would take away what all the others stand on.
 */
export function guardedPrefixes(at: Surroundings): Prefix[] {
  const peers = at.model.bgp.peers.flatMap(({ remote }) =>
    "address" in remote ? (guardOf(at, remote.address) ?? []) : [],
  );
  const gateways = [...at.hops.values()]
    .flat()
    .flatMap(({ gateway }) => (gateway === undefined ? [] : (guardOf(at, gateway) ?? [])));
  return [...at.connected.map(({ prefix }) => prefix), ...peers, ...gateways];
}

/** The prefix that nobody may route elsewhere while packets are sent through this address. */
export function guardOf({ connected }: Surroundings, address: Address): Prefix | undefined {
  const isOnLink = !isLinkLocal(address) && connected.some(({ prefix }) => contains(prefix, address));
  return isOnLink ? hostPrefix(address) : undefined;
}
