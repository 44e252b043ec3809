/** Routes and announcements as the API tells them. */

import type {
  AnnouncementAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RouteExport,
  RoutePath,
} from "../../api/schema.ts";
import type { AnnouncementQuery, Page, ReceivedQuery, RouteQuery } from "../../api/source.ts";
import {
  type Address,
  type Family,
  type Prefix,
  prefixOf,
  samePrefix,
  widthOf,
} from "../../bgp/net/address.ts";
import { formatCommunity, formatExtendedCommunity, formatLargeCommunity } from "../../bgp/net/communities.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../../bgp/net/text.ts";
import type { AdvertisedRoute, ReceivedRoute } from "../../bgp/rib/snapshot.ts";
import type { ExportSnapshot, PathSnapshot, RouteSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import { formatAsPath } from "../../bgp/wire/as-path-text.ts";
import type { PathAttributes } from "../../bgp/wire/path-attributes.ts";
import { kindOf } from "../../gateway/kinds.ts";
import type { JudgedNextHop } from "../../gateway/next-hops.ts";
import { type Part, pageOf, partOf } from "./pages.ts";
import { isNamed } from "./peer-answers.ts";

const ORIGINS = ["igp", "egp", "incomplete"] as const;
/** RFC 4271 §9.1.1: what a path without one is worth; only iBGP carries it. */
const DEFAULT_LOCAL_PREF = 100;
const FAMILIES: readonly Family[] = [4, 6];

/** Peers number from where they like; without ADD-PATH there is no number. */
const pathIdOf = (pathId: number): { pathId?: number } => (pathId === 0 ? {} : { pathId });

export interface OwnRoutes {
  /** Whether the kernel holds it. */
  readonly isInstalled: (prefix: Prefix) => boolean;
  /** By prefix text, what this speaker originates: few, where the whole table may be a million. */
  readonly announced: ReadonlyMap<string, unknown>;
  /** What is known of a next hop; undefined: nobody is asked. */
  readonly nextHop: (address: Address) => JudgedNextHop | undefined;
}

/** @throws CursorError */
export function routesPage(speaker: Speaker, own: OwnRoutes, query: RouteQuery): Promise<Page<RouteAnswer>> {
  return pageOf(routeParts(speaker, own.announced, query), query, (route) => {
    const kind = kindOf(route.tag);
    if (query.kind !== undefined && query.kind !== kind) return undefined;
    if (query.local !== undefined && query.local !== route.local) return undefined;
    const answer = routeAnswer(speaker, route, own);
    return query.prefix === undefined ? answer : { ...answer, exports: exportsOf(speaker, route.prefix) };
  });
}

function routeParts(
  speaker: Speaker,
  announced: OwnRoutes["announced"],
  query: RouteQuery,
): readonly Part<RouteSnapshot>[] {
  if (query.prefix !== undefined) return [partOf([...routesFor(speaker, query.prefix)])];
  if (query.local === true) {
    const own = partOf([...announced.keys()]);
    return [
      (from, limit) => {
        const { rows, next } = own(from, limit);
        return { rows: rows.flatMap((text) => [...routesFor(speaker, text)]), next };
      },
    ];
  }
  return FAMILIES.map((family) => (from, limit) => speaker.routesFrom(family, from, limit));
}

/** @throws CursorError */
export function announcementsPage(
  speaker: Speaker,
  query: AnnouncementQuery,
): Promise<Page<AnnouncementAnswer>> {
  const only = query.prefix === undefined ? undefined : parsePrefix(query.prefix);
  const asked = speaker.peers().filter((peer) => query.peer === undefined || isNamed(peer, query.peer));
  return pageOf(
    asked.flatMap(({ address }) =>
      only === undefined
        ? announcementParts(speaker, address)
        : [
            partOf(
              speaker.advertisedAt(address, only).map((route) => ({ route, peer: formatAddress(address) })),
            ),
          ],
    ),
    query,
    ({ route, peer }) => {
      // What is still to be sent has not been announced.
      if (route.pending) return undefined;
      const answer = announcementAnswer(route, peer);
      return query.kind === undefined || query.kind === answer.kind ? answer : undefined;
    },
  );
}

interface Told {
  readonly route: AdvertisedRoute;
  readonly peer: string;
}

export function announcementParts(
  speaker: Speaker,
  address: Address,
  families: readonly Family[] = FAMILIES,
): Part<Told>[] {
  const peer = formatAddress(address);
  return families.map((family) => (from, limit) => {
    const { rows, next } = speaker.advertisedFrom(address, family, from, limit);
    return { rows: rows.map((route) => ({ route, peer })), next };
  });
}

/** @throws CursorError */
export function receivedPage(speaker: Speaker, query: ReceivedQuery): Promise<Page<ReceivedAnswer>> {
  const only = query.prefix === undefined ? undefined : parsePrefix(query.prefix);
  const peer = speaker.peers().find((each) => isNamed(each, query.peer))?.address;
  const parts = FAMILIES.map(
    (family): Part<ReceivedRoute> =>
      (from, limit) =>
        peer === undefined ? { rows: [], next: -1 } : speaker.receivedFrom(peer, family, from, limit),
  );
  return pageOf(parts, query, (route) =>
    only !== undefined && !samePrefix(only, route.prefix)
      ? undefined
      : receivedAnswer(speaker, route, query.peer),
  );
}

/** Why each peer is told a prefix or is not, and what it was told. */
export const exportsWith = (
  speaker: Speaker,
  prefix: Prefix,
): (RouteExport & { readonly told: readonly AnnouncementAnswer[] })[] =>
  speaker.exportsOf(prefix).map((one) => ({
    ...exportAnswer(one),
    told: speaker
      .advertisedAt(one.peer, prefix)
      .filter(({ pending }) => !pending)
      .map((route) => announcementAnswer(route, formatAddress(one.peer))),
  }));

const exportsOf = (speaker: Speaker, prefix: Prefix): RouteExport[] =>
  speaker.exportsOf(prefix).map(exportAnswer);

const exportAnswer = ({ peer, sent, reason, rule }: ExportSnapshot): RouteExport => ({
  peer: formatAddress(peer),
  sent,
  reason,
  ...(rule !== undefined && { rule }),
});

/** The very prefix, or the longest one that holds an address and is in use. */
function* routesFor(speaker: Speaker, text: string): Generator<RouteSnapshot> {
  const prefix = parsePrefix(text);
  if (text.includes("/") && prefix !== undefined) {
    yield* speaker.routes({ prefix });
    return;
  }
  const address = parseAddress(text);
  if (address === undefined) return;
  for (let length: number = widthOf(address.family); length >= 0; length--) {
    const [route] = speaker.routes({ prefix: prefixOf(address, length) });
    // What was rejected, or loops, leads nowhere: a shorter prefix does.
    if (route?.paths.some(({ status }) => status === "best")) {
      yield route;
      return;
    }
  }
}

function routeAnswer(speaker: Speaker, route: RouteSnapshot, own: OwnRoutes): RouteAnswer {
  const prefix = formatPrefix(route.prefix);
  return {
    prefix,
    kind: kindOf(route.tag),
    local: route.local,
    installed: own.isInstalled(route.prefix),
    paths: route.paths.map((path) => ({
      ...routePath(path),
      ...wayOf(path, own),
      ...(path.peer !== undefined && validity(speaker, route.prefix, path.attributes)),
    })),
  };
}

function routePath({ peer, pathId, attributes, status, rule, stale }: PathSnapshot): RoutePath {
  return {
    peer: peer === undefined ? "local" : formatAddress(peer),
    ...pathIdOf(pathId),
    nextHop: peer === undefined ? "self" : formatAddress(attributes.nextHop),
    localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF,
    status,
    ...(rule !== undefined && { rule }),
    stale,
    ...shared(attributes),
  };
}

/** Of a path that import lets in. */
function wayOf({ peer, attributes, status }: PathSnapshot, { nextHop }: OwnRoutes): Partial<RoutePath> {
  const way = peer === undefined || status === "rejected" ? undefined : nextHop(attributes.nextHop);
  if (way === undefined) return {};
  return way.reason === undefined ? { igpMetric: way.metric } : { reason: way.reason };
}

/** Of the origin; nothing without RPKI caches. */
function validity(speaker: Speaker, prefix: Prefix, attributes: PathAttributes): Pick<RoutePath, "rpki"> {
  const rpki = speaker.rpki.validityOf(prefix, attributes);
  return rpki === undefined ? {} : { rpki };
}

function receivedAnswer(speaker: Speaker, route: ReceivedRoute, peer: string): ReceivedAnswer {
  const { prefix, pathId, received, accepted, rule = "", tag, stale } = route;
  return {
    prefix: formatPrefix(prefix),
    ...pathIdOf(pathId),
    kind: kindOf(tag),
    peer,
    accepted: accepted !== undefined,
    rule,
    ...validity(speaker, prefix, received),
    changes: accepted === undefined || accepted === received ? {} : changesOf(received, accepted),
    nextHop: formatAddress(received.nextHop),
    ...(received.localPref !== undefined && { localPref: received.localPref }),
    stale,
    ...shared(received),
  };
}

/** What differs, as it is afterwards. */
function changesOf(before: PathAttributes, after: PathAttributes): Record<string, string> {
  const [old, now] = [texts(before), texts(after)];
  return Object.fromEntries(Object.entries(now).filter(([name, text]) => text !== old[name]));
}

const texts = (attributes: PathAttributes): Record<string, string> => ({
  localPref: String(attributes.localPref ?? ""),
  med: String(attributes.med ?? ""),
  nextHop: formatAddress(attributes.nextHop),
  asPath: formatAsPath(attributes.asPath),
  communities: attributes.communities.map(formatCommunity).join(" "),
  largeCommunities: attributes.largeCommunities.map(formatLargeCommunity).join(" "),
  extendedCommunities: attributes.extendedCommunities.map(formatExtendedCommunity).join(" "),
  onlyToCustomer: String(attributes.onlyToCustomer ?? ""),
});

function announcementAnswer(
  { prefix, pathId, attributes, tag, rule }: AdvertisedRoute,
  peer: string,
): AnnouncementAnswer {
  return {
    prefix: formatPrefix(prefix),
    ...pathIdOf(pathId),
    kind: kindOf(tag),
    peer,
    nextHop: formatAddress(attributes.nextHop),
    ...(attributes.localPref !== undefined && { localPref: attributes.localPref }),
    ...(rule !== undefined && { rule }),
    ...shared(attributes),
  };
}

type Shared = Pick<
  RoutePath,
  "asPath" | "origin" | "med" | "communities" | "largeCommunities" | "extendedCommunities" | "onlyToCustomer"
>;

function shared({ asPath, origin, med, communities, ...others }: PathAttributes): Shared {
  const { largeCommunities, extendedCommunities, onlyToCustomer } = others;
  return {
    asPath: formatAsPath(asPath),
    origin: ORIGINS[origin],
    ...(med !== undefined && { med }),
    communities: communities.map(formatCommunity),
    largeCommunities: largeCommunities.map(formatLargeCommunity),
    ...(extendedCommunities.length > 0 && {
      extendedCommunities: extendedCommunities.map(formatExtendedCommunity),
    }),
    ...(onlyToCustomer !== undefined && { onlyToCustomer }),
  };
}
