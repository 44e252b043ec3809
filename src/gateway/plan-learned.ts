/** Routes that peers told us, resolved to next hops that the kernel can use. */

import { type Address, contains, hostPrefix, isLinkLocal, sameAddress, unzoned } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import { addRoute, type Connected, type Draft } from "./draft.ts";
import type { KernelRoute, LearnedRoute, NextHop } from "./intent.ts";
import { weightsOf } from "./weights.ts";

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
  readonly #interfaces = new Map<string, string | undefined>();
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
      const name = this.#interfaceTo(text, nextHop);
      if (name === undefined) this.#unresolved.set(text, (this.#unresolved.get(text) ?? 0) + 1);
      else hops.set(text, hopOf(unzoned(nextHop), name, weights?.get(text)));
    }
    if (hops.size === 0) return undefined;
    const resilient = route.kind === "anycast";
    const sorted = [...hops.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    const key = `${resilient} ${sorted.map(([text, { weight = 1 }]) => `${text}*${weight}`).join(" ")}`;
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const nextHops = sorted.map(([, hop]) => hop);
    const target: KernelRoute["target"] = { to: "via", nextHops, resilient };
    this.#targets.set(key, target);
    return target;
  }

  report(): void {
    for (const [nextHop, routes] of this.#unresolved) {
      this.#draft.problems.push({
        code: "nexthop.unresolved",
        subject: nextHop,
        message: `no interface that is up has ${nextHop} on its network; ${routes} routes do without it`,
      });
    }
  }

  #interfaceTo(text: string, nextHop: Address): string | undefined {
    if (!this.#interfaces.has(text)) this.#interfaces.set(text, resolve(this.#draft, nextHop));
    return this.#interfaces.get(text);
  }
}

const hopOf = (address: Address, name: string, weight: number | undefined): NextHop =>
  weight === undefined ? { address, interface: name } : { address, interface: name, weight };

/** The interface on whose network a next hop is; of several, the one with the longest prefix. */
function resolve(draft: Draft, nextHop: Address): string | undefined {
  const { model, links } = draft.input;
  if (model.kernel.type === "none") return "";
  if (isLinkLocal(nextHop)) return links.find(({ name, up }) => up && name === nextHop.zone)?.name;
  if (links.some((link) => link.addresses.some((own) => sameAddress(own.address, nextHop)))) return undefined;
  let best: Connected | undefined;
  for (const candidate of draft.connected) {
    if (!contains(candidate.prefix, nextHop)) continue;
    if (best === undefined || candidate.prefix.length > best.prefix.length) best = candidate;
  }
  return best?.interface;
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
