/** Peers, routes and announcements as the API tells them. */

import type { AnnouncementAnswer, PeerAnswer, RouteAnswer, RoutePath } from "../api/schema.ts";
import { type AnnouncementQuery, CursorError, type Page, type RouteQuery } from "../api/source.ts";
import { ipv4, type Prefix, prefixOf, samePrefix, widthOf } from "../bgp/net/address.ts";
import { formatCommunity, formatLargeCommunity } from "../bgp/net/communities.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "../bgp/net/text.ts";
import type { AdvertisedRoute } from "../bgp/rib/snapshot.ts";
import type { PathSnapshot, PeerSnapshot, RouteSnapshot } from "../bgp/speaker/snapshots.ts";
import type { Speaker } from "../bgp/speaker/speaker.ts";
import type { AsPathSegment, PathAttributes } from "../bgp/wire/path-attributes.ts";
import { kindOf } from "../gateway/kinds.ts";

const ORIGINS = ["igp", "egp", "incomplete"] as const;
/** RFC 4271 §9.1.1: what a path without one is worth; only iBGP carries it. */
const DEFAULT_LOCAL_PREF = 100;

export function peerAnswer(peer: PeerSnapshot): PeerAnswer {
  const { description, group, routerId, holdSeconds, lastError } = peer;
  return {
    address: formatAddress(peer.address),
    asn: peer.asn,
    ...(description !== undefined && { description }),
    ...(group !== undefined && { group }),
    dynamic: peer.dynamic,
    state: peer.state,
    sinceSeconds: Math.floor(peer.inStateMs / 1000),
    ...(routerId !== undefined && { routerId: formatAddress(ipv4(routerId)) }),
    ...(holdSeconds !== undefined && { holdSeconds }),
    families: peer.families.map((family) => `ipv${family}`),
    gracefulRestart: peer.gracefulRestart,
    prefixes: peer.prefixes,
    messages: peer.messages,
    updateErrors: peer.updateErrors,
    flaps: peer.flaps,
    ...(lastError && {
      lastError: { at: new Date(Date.now() - lastError.agoMs).toISOString(), text: lastError.words },
    }),
  };
}

/** @param installed - prefix texts that the kernel holds */
export function routesPage(
  speaker: Speaker,
  installed: ReadonlySet<string>,
  query: RouteQuery,
): Page<RouteAnswer> {
  const routes = query.prefix === undefined ? speaker.routes() : routesFor(speaker, query.prefix);
  const answers = mapped(routes, (route) => {
    const kind = kindOf(route.tag);
    if (query.kind !== undefined && query.kind !== kind) return undefined;
    if (query.local !== undefined && query.local !== route.local) return undefined;
    return routeAnswer(route, installed);
  });
  return pageOf(answers, query);
}

export function announcementsPage(speaker: Speaker, query: AnnouncementQuery): Page<AnnouncementAnswer> {
  const only = query.prefix === undefined ? undefined : parsePrefix(query.prefix);
  return pageOf(announcements(speaker, query, only), query);
}

function* announcements(
  speaker: Speaker,
  query: AnnouncementQuery,
  only: Prefix | undefined,
): Generator<AnnouncementAnswer> {
  for (const { address } of speaker.peers()) {
    const peer = formatAddress(address);
    if (query.peer !== undefined && query.peer !== peer) continue;
    for (const route of speaker.advertised(address)) {
      // What is still to be sent has not been announced.
      if (route.pending || (only !== undefined && !samePrefix(only, route.prefix))) continue;
      const answer = announcementAnswer(route, peer);
      if (query.kind === undefined || query.kind === answer.kind) yield answer;
    }
  }
}

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

function routeAnswer(route: RouteSnapshot, installed: ReadonlySet<string>): RouteAnswer {
  const prefix = formatPrefix(route.prefix);
  return {
    prefix,
    kind: kindOf(route.tag),
    local: route.local,
    installed: installed.has(prefix),
    paths: route.paths.map(routePath),
  };
}

function routePath({ peer, attributes, status, stale }: PathSnapshot): RoutePath {
  return {
    peer: peer === undefined ? "local" : formatAddress(peer),
    nextHop: peer === undefined ? "self" : formatAddress(attributes.nextHop),
    origin: ORIGINS[attributes.origin],
    localPref: attributes.localPref ?? DEFAULT_LOCAL_PREF,
    largeCommunities: attributes.largeCommunities.map(formatLargeCommunity),
    status,
    stale,
    ...shared(attributes),
  };
}

function announcementAnswer({ prefix, attributes, tag }: AdvertisedRoute, peer: string): AnnouncementAnswer {
  return {
    prefix: formatPrefix(prefix),
    kind: kindOf(tag),
    peer,
    nextHop: formatAddress(attributes.nextHop),
    ...shared(attributes),
  };
}

function shared({ asPath, med, communities }: PathAttributes): {
  asPath: string;
  med?: number;
  communities: readonly string[];
} {
  return {
    asPath: asPath.map(segmentText).join(" "),
    ...(med !== undefined && { med }),
    communities: communities.map(formatCommunity),
  };
}

/** As routers write them: a sequence bare, a set in braces, confederation segments in brackets. */
function segmentText({ type, asns }: AsPathSegment): string {
  switch (type) {
    case "sequence":
      return asns.join(" ");
    case "set":
      return `{${asns.join(",")}}`;
    case "confed-sequence":
      return `(${asns.join(" ")})`;
    case "confed-set":
      return `[${asns.join(",")}]`;
    default:
      return type satisfies never;
  }
}

function* mapped<T, U>(items: Iterable<T>, to: (item: T) => U | undefined): Generator<U> {
  for (const item of items) {
    const made = to(item);
    if (made !== undefined) yield made;
  }
}

/** The cursor is how many items were given before: the order of a table stays while nothing is added or removed. */
function pageOf<T>(items: Iterable<T>, { limit, after }: { limit: number; after?: string }): Page<T> {
  if (after !== undefined && !/^\d{1,10}$/.test(after)) throw new CursorError("after is no cursor of ours");
  const first = Number(after ?? 0);
  const page: T[] = [];
  let at = 0;
  for (const item of items) {
    if (page.length === limit) return { items: page, next: String(first + limit) };
    if (at++ >= first) page.push(item);
  }
  return { items: page };
}
