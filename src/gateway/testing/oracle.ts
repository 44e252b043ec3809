/** Learned routes the slow and simple way: all of them, each time. What the lane comes to is compared with it. */

import {
  comparePrefixes,
  contains,
  hostPrefix,
  isLinkLocal,
  type Prefix,
  samePrefix,
} from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import { floatingAddresses } from "../../nat/table.ts";
import type { PlanInput } from "../draft.ts";
import type { Intent, KernelRoute, LearnedRoute, Problem } from "../intent.ts";
import type { LearnedView } from "../learned.ts";
import type { Hops } from "../next-hops.ts";
import { plan } from "../plan.ts";
import {
  BLACKHOLE,
  guardedPrefixes,
  guardOf,
  hopsTo,
  nextHopSet,
  type Surroundings,
  surroundingsOf,
  targetOf,
} from "../plan-learned.ts";

export interface OracleInput extends Omit<PlanInput, "learned"> {
  readonly learned: readonly LearnedRoute[];
  readonly hops: Hops;
}

/** A plan together with the learned routes beside it, in one list. */
export function planWithLearned({ learned, ...input }: OracleInput): Intent {
  const at = surroundingsOf(input.model, input.links, input.hops, new Set());
  const told = learned.filter(({ paths }) => paths.length > 0);
  const own = plan({ ...input, learned: viewOf(told, []) });
  const translated = floatingAddresses(own.nat).map(hostPrefix);
  const goals = goalsOf(told, at, [...own.routes.map(({ prefix }) => prefix), ...translated]);
  const intent = plan({ ...input, learned: viewOf(told, goals) });
  const routes = [...intent.routes, ...goals].sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  return { ...intent, routes, problems: [...intent.problems, ...problemsOf(told, at)] };
}

function problemsOf(learned: readonly LearnedRoute[], at: Surroundings): Problem[] {
  const hops = new Map(
    learned.flatMap(({ paths }) => paths.map(({ nextHop }) => [formatAddress(nextHop), nextHop])),
  );
  const lost = [...hops]
    .filter(([text, address]) => hopsTo(at, { text, address }).length === 0)
    .map(([text]) => text)
    .sort();
  const barred = barredBy(learned, at);
  const cut = learned
    .filter(({ prefix }) => barred.some((other) => samePrefix(other, prefix)))
    .sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  return [
    ...lost.map((subject) => ({ code: "nexthop.unresolved", subject, message: "" })),
    ...cut.map(({ prefix }) => ({ code: "route.connected", subject: formatPrefix(prefix), message: "" })),
  ];
}

const barredBy = (learned: readonly LearnedRoute[], at: Surroundings): Prefix[] => [
  ...guardedPrefixes(at),
  ...learned.flatMap(({ paths }) => paths.flatMap(({ nextHop }) => guardOf(at, nextHop) ?? [])),
];

function goalsOf(
  learned: readonly LearnedRoute[],
  at: Surroundings,
  taken: readonly Prefix[],
): KernelRoute[] {
  const barred = [...taken, ...barredBy(learned, at)];
  return learned.flatMap(({ prefix, kind, paths }): KernelRoute[] => {
    if (isLinkLocal(prefix) || barred.some((other) => samePrefix(other, prefix))) return [];
    const set = kind === "blackhole" ? BLACKHOLE : nextHopSet(paths, kind === "anycast");
    const target = targetOf(set, at);
    return target === undefined ? [] : [{ prefix, target }];
  });
}

function viewOf(learned: readonly LearnedRoute[], goals: readonly KernelRoute[]): LearnedView {
  const isWithin = (outer: Prefix, inner: Prefix): boolean =>
    inner.length > outer.length && contains(outer, inner);
  return {
    at: (prefix) => learned.find((route) => formatPrefix(route.prefix) === formatPrefix(prefix)),
    wayTo: (address, length) =>
      goals
        .filter(({ prefix }) => prefix.length > length && contains(prefix, address))
        .sort((a, b) => b.prefix.length - a.prefix.length)[0],
    reaches: (network) => goals.some(({ prefix }) => isWithin(network, prefix)),
    routed: () =>
      learned
        .filter(({ kind }) => ["floating", "public", "anycast"].includes(kind))
        .map(({ prefix }) => prefix),
  };
}
