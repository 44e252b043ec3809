/**
 * A plan when some floating IPs of its model are others, and nothing else is: made from the plan before, by what plan.ts
 * asks of each of them. It comes to what a plan of the new model comes to; where that is not so simple, there is none.
 */

import {
  type Address,
  compareAddresses,
  comparePrefixes,
  hostPrefix,
  type Prefix,
} from "../bgp/net/address.ts";
import { addressKey, formatPrefix } from "../bgp/net/text.ts";
import { amended, differing, found } from "../model/amended.ts";
import type { FloatingIndex } from "../model/floating-index.ts";
import type { FloatingIp, Model } from "../model/model.ts";
import { sameMapping } from "../nat/diff.ts";
import { haveSameRules } from "../nat/filled.ts";
import type { FloatingMapping, NatTable, TranslatedPart } from "../nat/table.ts";
import { type Draft, draftOf, type PlanInput } from "./draft.ts";
import type { Announcement, Intent, KernelRoute } from "./intent.ts";
import { planFloating, planReachable } from "./plan-floating.ts";

export interface PlanBefore {
  readonly model: Model;
  readonly intent: Intent;
  /** The routes of `intent`, by prefix text. */
  readonly goals: ReadonlyMap<string, KernelRoute>;
  /** Of the model. */
  readonly index: FloatingIndex;
  /** What leads to these addresses may be otherwise than it was planned. */
  readonly led: readonly Address[];
}

export interface Amendment {
  readonly intent: Intent;
  /** What floating IPs that differ come to, by prefix text; undefined: nothing. */
  readonly announcements: ReadonlyMap<string, Announcement | undefined>;
  readonly routes: ReadonlyMap<string, KernelRoute | undefined>;
  /** Of the NAT table, what is not the same before and after, and all that has to be looked at with it. */
  readonly translated: { readonly before: TranslatedPart; readonly after: TranslatedPart };
  /** Pairs that are translated no more. */
  readonly gone: readonly FloatingMapping[];
  readonly come: readonly FloatingMapping[];
  /** Those of the model before alone, and those of the new one. */
  readonly floatingIps: { readonly gone: readonly FloatingIp[]; readonly come: readonly FloatingIp[] };
  /** The addresses of all of them as prefixes. */
  readonly prefixes: readonly Prefix[];
}

/** True when two models differ in nothing but their floating IPs. */
export const isAmended = (before: Model, after: Model): boolean =>
  (Object.keys({ ...before, ...after }) as (keyof Model)[]).every(
    (key) => key === "floatingIps" || before[key] === after[key],
  );

/**
 * @param input - as the plan before had it but for the floating IPs of its model
 * @returns undefined: something else may come out another than before, and a plan has to tell
 */
export function planAmended(before: PlanBefore, input: PlanInput): Amendment | undefined {
  const differ = differing(before.model.floatingIps, input.model.floatingIps);
  const again = ledElsewhere(before, differ.gone);
  const [gone, come] = [differ.gone.concat(again), differ.come.concat(again)];
  const prefixes = prefixesOf([...gone, ...come]);
  if (!isSimple(prefixes, [...gone, ...come], input)) return undefined;
  const draft = draftFor(before, input, gone, come);
  planReachable(draft, planFloating(draft));
  const routes = new Map(prefixes.map((p) => [formatPrefix(p), draft.routes.get(formatPrefix(p))]));
  const nat = natChange(before, draft, gone, come);
  if (draft.problems.length > 0 || concernsOthers(before, input.model.role, routes, nat)) return undefined;
  if (!haveSameRules({ before: before.intent.nat, after: nat.table }, nat.translated)) return undefined;
  return {
    intent: {
      ...before.intent,
      announcements: amended(
        before.intent.announcements,
        byPrefix,
        prefixes.map(nothingAt),
        draft.announcements,
      ),
      routes: amended(
        before.intent.routes,
        byPrefix,
        [...routes.keys()].flatMap((key) => before.goals.get(key) ?? []),
        [...routes.values()].filter((route) => route !== undefined),
      ),
      nat: nat.table,
    },
    announcements: new Map([
      ...prefixes.map((prefix) => [formatPrefix(prefix), undefined] as const),
      ...draft.announcements.map(
        (announcement) => [formatPrefix(announcement.prefix), announcement] as const,
      ),
    ]),
    routes,
    translated: nat.translated,
    gone: nat.gone,
    come: nat.come,
    floatingIps: differ,
    prefixes,
  };
}

/** Floating IPs that are in both models, and are planned again. */
const ledElsewhere = ({ index, led }: PlanBefore, gone: readonly FloatingIp[]): FloatingIp[] =>
  [...new Set(led.flatMap((address) => index.leadingTo(address)))].filter((each) => !gone.includes(each));

const byPrefix = (a: { readonly prefix: Prefix }, b: { readonly prefix: Prefix }): number =>
  comparePrefixes(a.prefix, b.prefix);
const byFloating = (a: FloatingMapping, b: FloatingMapping): number =>
  compareAddresses(a.floating, b.floating);

const nothingAt = (prefix: Prefix): Announcement => ({
  prefix,
  kind: "floating",
  needs: { routes: [], nat: true },
});

const prefixesOf = (floating: readonly FloatingIp[]): Prefix[] => [
  ...new Map(floating.map(({ address }) => [addressKey(address), hostPrefix(address)])).values(),
];

function isSimple(
  prefixes: readonly Prefix[],
  floating: readonly FloatingIp[],
  { model, learned, leaving }: PlanInput,
): boolean {
  const texts = new Set(prefixes.map(formatPrefix));
  const others = [
    ...model.nat.except,
    ...model.nat.private,
    ...model.networks.map(({ cidr }) => cidr),
    ...model.anycast.map(({ address }) => hostPrefix(address)),
    ...(model.metadata === undefined ? [] : [hostPrefix(model.metadata.address)]),
  ];
  return (
    leaving.ports.length + leaving.floating.length === 0 &&
    floating.every(({ to }) => to !== undefined) &&
    prefixes.every((prefix) => learned.at(prefix) === undefined) &&
    !others.some((prefix) => texts.has(formatPrefix(prefix)))
  );
}

function draftFor(
  { goals }: PlanBefore,
  input: PlanInput,
  gone: readonly FloatingIp[],
  come: readonly FloatingIp[],
): Draft {
  const draft = draftOf({ ...input, model: { ...input.model, floatingIps: come } });
  for (const [key, route] of goals) draft.routes.set(key, route);
  for (const { address } of gone) draft.routes.delete(formatPrefix(hostPrefix(address)));
  return draft;
}

interface NatChange {
  readonly table: NatTable;
  readonly translated: Amendment["translated"];
  readonly gone: readonly FloatingMapping[];
  readonly come: readonly FloatingMapping[];
  /** Some address is translated here no more, and is not gone. */
  readonly isMoved: boolean;
}

function natChange(
  { intent: { nat }, index }: PlanBefore,
  draft: Draft,
  goneIps: readonly FloatingIp[],
  comeIps: readonly FloatingIp[],
): NatChange {
  const [before, after] = [mappingsOf(nat, goneIps), draft.floating];
  const gone = without(before, after);
  const come = without(after, before);
  const elsewhere = (ips: readonly FloatingIp[], here: readonly FloatingMapping[]): Prefix[] => {
    const known = new Set(here.map(({ floating }) => addressKey(floating)));
    return ips.flatMap(({ address }) => (known.has(addressKey(address)) ? [] : hostPrefix(address)));
  };
  const [left, entered] = [elsewhere(goneIps, before), elsewhere(comeIps, after)];
  const isSame = gone.length + come.length + left.length + entered.length === 0;
  const table: NatTable = isSame
    ? nat
    : {
        ...nat,
        floating: amended(nat.floating, byFloating, gone, come),
        exempt: amended(nat.exempt, comparePrefixes, left, entered),
        untracked: amended(nat.untracked, comparePrefixes, left, entered),
      };
  const moved = new Set(entered.map(addressKey));
  // The lowest floating IP of an address is its source: all that lead there have to be looked at.
  const fixed = [...gone, ...come].map((mapping) => mapping.fixed);
  const besides = mappingsOf(nat, new Set(fixed.flatMap((address) => index.leadingTo(address))));
  const stay = besides.filter((mapping) => !gone.includes(mapping));
  return {
    table,
    translated: {
      before: { floating: [...gone, ...stay], exempt: left, untracked: left },
      after: { floating: [...come, ...stay], exempt: entered, untracked: entered },
    },
    gone,
    come,
    isMoved: gone.some(({ floating }) => moved.has(addressKey(floating))),
  };
}

/** Those that the others have not, the very same. */
const without = (
  mappings: readonly FloatingMapping[],
  others: readonly FloatingMapping[],
): FloatingMapping[] => {
  const known = new Map(others.map((mapping) => [addressKey(mapping.floating), mapping]));
  return mappings.filter((mapping) => {
    const other = known.get(addressKey(mapping.floating));
    return other === undefined || !sameMapping(mapping, other);
  });
};

/** Those of floating IPs that are translated here as a whole. */
const mappingsOf = ({ floating }: NatTable, floatingIps: Iterable<FloatingIp>): FloatingMapping[] =>
  [...floatingIps].flatMap(
    ({ address }) => found(floating, (mapping) => compareAddresses(mapping.floating, address)) ?? [],
  );

/** A move between hosts is kept a while; and at the gateway, a route may be the way to what others lead to. */
const concernsOthers = (
  { goals }: PlanBefore,
  role: Model["role"],
  routes: Amendment["routes"],
  { isMoved }: NatChange,
): boolean =>
  isMoved ||
  (role === "gateway" && [...routes].some(([key, route]) => route !== undefined || goals.has(key)));
