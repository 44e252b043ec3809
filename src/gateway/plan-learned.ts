/** Routes that peers told us, resolved to next hops that the kernel can use. */

import { type Address, contains, hostPrefix, isLinkLocal, unzoned } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { addRoute, type Draft } from "./draft.ts";
import type { KernelRoute, LearnedRoute, NextHop } from "./intent.ts";
import { MOST_WEIGHT, weightsOf } from "./weights.ts";

/** One kernel route per learned prefix that has a usable next hop and would not cut off a peer. */
export function planLearned(draft: Draft): void {
  const { learned } = draft.input;
  const guarded = guardedPrefixes(draft);
  const translated = new Set(draft.floating.map((m) => formatPrefix(hostPrefix(m.floating))));
  const targets = new Targets(draft);
  for (const route of learned) {
    if (route.paths.length === 0) continue;
    const key = formatPrefix(route.prefix);
    if (draft.routes.has(key) || translated.has(key) || isLinkLocal(route.prefix)) continue;
    if (guarded.has(key)) {
      reportCut(draft, key);
      continue;
    }
    const target = targets.of(route);
    if (target !== undefined) addRoute(draft, route.prefix, target);
  }
  targets.report();
}

/**
 * Resolves next hops, each once, and gives equal next hops one and the same target: a million routes over two
 * gateways share one object, here as in the kernel.
 */
class Targets {
  readonly #draft: Draft;
  readonly #isWeighed: boolean;
  readonly #targets = new Map<string, KernelRoute["target"]>();
  /** How many routes want a next hop that nothing leads to. */
  readonly #unresolved = new Map<string, number>();

  constructor(draft: Draft) {
    this.#draft = draft;
    this.#isWeighed = draft.input.model.bgp.linkBandwidth;
  }

  of(route: LearnedRoute): KernelRoute["target"] | undefined {
    const hops = new Map<string, NextHop>();
    const weights = this.#isWeighed ? weightsOf(route.paths) : undefined;
    for (const { nextHop } of route.paths) {
      const text = formatAddress(nextHop);
      const ways = this.#hopsTo(text, nextHop);
      if (ways.length === 0) this.#unresolved.set(text, (this.#unresolved.get(text) ?? 0) + 1);
      for (const hop of ways) addHop(hops, hop, weights?.get(text));
    }
    if (hops.size === 0) return undefined;
    const resilient = route.kind === "anycast";
    const sorted = [...hops.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const key = `${resilient} ${sorted.map(([text, { weight = 1 }]) => `${text}*${weight}`).join(" ")}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    // A share is one beside others.
    const nextHops = sorted.map(([, hop]) => (sorted.length > 1 ? hop : unweighed(hop)));
    const target: KernelRoute["target"] = { to: "via", nextHops, resilient };
    this.#targets.set(key, target);
    return target;
  }

  report(): void {
    for (const [nextHop, routes] of this.#unresolved) {
      this.#draft.problems.push({
        code: "nexthop.unresolved",
        subject: nextHop,
        message: `nothing leads to ${nextHop}; ${routes} routes do without it`,
      });
    }
  }

  /** None when nothing leads to a next hop. */
  #hopsTo(text: string, nextHop: Address): readonly NextHop[] {
    const { model, hops } = this.#draft.input;
    const address = unzoned(nextHop);
    if (model.kernel.type === "none") return [{ address, interface: "" }];
    const ways = hops.get(text) ?? [];
    return ways.map(({ gateway = address, interface: name }) => ({ address: gateway, interface: name }));
  }
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
 * Prefixes that stay with the kernel: the networks that we are on, and on these the addresses that we talk BGP with
 * or send packets through. A route for one of them would take away what all the others stand on.
 */
function guardedPrefixes(draft: Draft): ReadonlySet<string> {
  const guarded = new Set(draft.connected.map((c) => formatPrefix(c.prefix)));
  const onLink = (address: Address): boolean => draft.connected.some((c) => contains(c.prefix, address));
  const guard = (address: Address): void => {
    if (!isLinkLocal(address) && onLink(address)) guarded.add(formatPrefix(hostPrefix(address)));
  };
  for (const { remote } of draft.input.model.bgp.peers) if ("address" in remote) guard(remote.address);
  for (const { gateway } of [...draft.input.hops.values()].flat()) if (gateway !== undefined) guard(gateway);
  const seen = new Set<string>();
  for (const { paths } of draft.input.learned) {
    for (const { nextHop } of paths) {
      const text = formatAddress(nextHop);
      if (!seen.has(text)) guard(nextHop);
      seen.add(text);
    }
  }
  return guarded;
}

function reportCut(draft: Draft, prefix: string): void {
  draft.problems.push({
    code: "route.connected",
    subject: prefix,
    message: `learned route ${prefix} is not installed: it would cut off a network or a peer that we are connected to`,
  });
}
