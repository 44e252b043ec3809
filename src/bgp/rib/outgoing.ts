/** What becomes of a path's attributes on the way out to a class of peers (RFC 4271 §5.1). */

import { type Address, isLinkLocal } from "../net/address.ts";
import { withFront } from "../wire/as-path.ts";
import type { AsPathSegment, PathAttributes } from "../wire/path-attributes.ts";
import { ROLE_RULES, type Role } from "../wire/roles.ts";
import { type AsView, cleanedFor, frontOf } from "./as-view.ts";
import { DEFAULT_LOCAL_PREF, isNonTransitive } from "./attribute-columns.ts";
import { isExternal, SOURCE, type Source } from "./peer-table.ts";
import type { RouteFilter } from "./route-filter.ts";

/** Peers for which all of this is equal (the filter: the same object) share one update group. */
export interface ExportClass {
  /** Compile a policy once and hand the same filter to every peer that has it. */
  readonly filter: RouteFilter;
  /** In another AS (eBGP). */
  readonly external: boolean;
  /** In our AS, and a client of ours (RFC 4456 §6). */
  readonly reflectorClient: boolean;
  /** In another AS, and served by us as a route server (RFC 7947). */
  readonly routeServerClient: boolean;
  /** In another AS: what we are to these peers (RFC 9234); undefined: that is not said. */
  readonly role: Role | undefined;
  /** In another AS: which AS numbers they are shown; undefined: the usual ones. */
  readonly asView: AsView | undefined;
  /** To iBGP peers: our own address as next hop of what eBGP peers told us. */
  readonly nextHopSelf: boolean;
  /** The peer knows AS numbers of four octets (RFC 6793). */
  readonly as4: boolean;
  /** The peer takes messages of 65535 octets (RFC 8654). */
  readonly extendedMessage: boolean;
  /** Attributes that we do not know go on to it (RFC 4271 §5). */
  readonly passesUnknown: boolean;
  /** The peer knows what LLGR_STALE means (RFC 9494). */
  readonly longLived: boolean;
  /** Our own next hop for this family's prefixes. IPv6 prefixes need an IPv6 address. No zone. */
  readonly localAddress: Address;
  /** Beside a global one: our link-local address, for a peer on the same link (RFC 2545 §3). */
  readonly linkLocal?: Address | undefined;
  /** The peer takes IPv6 next hops for these prefixes: it always does for IPv6, for IPv4 as RFC 8950 has it. */
  readonly sixNextHop: boolean;
  /** How many paths of a prefix are sent at most, each with an identifier (RFC 7911); 0: the best, without. */
  readonly paths: number;
}

/** More than there are of any prefix. */
export const ALL_PATHS = 0xffff;

/** Who we are, and whose path it is. */
export interface Origination {
  readonly asn: number;
  readonly source: Source;
  /** Of an iBGP peer's path: what a reflected route says of itself (RFC 4456 §8). Unsigned 32-bit. */
  readonly originatorId: number;
  readonly clusterId: number;
}

/** What of a next hop decides whether it can be told to others. */
export interface NextHopKind {
  readonly six: boolean;
  readonly onLink: boolean;
}

/** RFC 4271 §5.1.3, of a next hop that no rule chose: does our own address take its place? */
export function takesOurs({ six, onLink }: NextHopKind, source: Source, to: ExportClass): boolean {
  // RFC 8950 §4: no IPv6 next hop of an IPv4 prefix to those who do not know it.
  if (six && !to.sixNextHop) return true;
  if (source === SOURCE.local) return false;
  // RFC 2545 §3: a link-local next hop means nothing on another link.
  if (onLink) return true;
  return to.external ? !isTransparent(source, to) : isExternal(source) && to.nextHopSelf;
}

/** What goes from one internal peer to another is reflected. */
export const isReflected = (source: Source, to: ExportClass): boolean =>
  !to.external && (source === SOURCE.internal || source === SOURCE.client);

/** What one client of the route server told is told to another as it came (RFC 7947 §2.2). */
export const isTransparent = (source: Source, to: ExportClass): boolean =>
  to.routeServerClient && source === SOURCE.served;

/** The OTC that a path without one gets (RFC 9234 §5); undefined: none. */
export const markOf = ({ role, asView }: ExportClass, asn: number): number | undefined =>
  role !== undefined && ROLE_RULES[role].marksSent ? (asView?.localAsn ?? asn) : undefined;

/**
 * The attributes to send. Policy sees the path as it is in the Loc-RIB, but for what must not go further (a MED, AS
 * numbers, non-transitive communities), so that what a rule sets of these is sent.
 */
export function outgoingAttributes(
  path: PathAttributes,
  from: Origination,
  to: ExportClass,
  change: ((attributes: PathAttributes) => PathAttributes) | undefined,
): PathAttributes {
  const { asn, source, originatorId, clusterId } = from;
  const given = beforePolicy(path, from, to);
  const judged = change === undefined ? given : change(given);
  const reflected = isReflected(source, to);
  const ours = isOurNextHop(judged, path, source, to);
  return {
    ...judged,
    nextHop: ours ? to.localAddress : judged.nextHop,
    // RFC 2545 §3: the link-local next hop of one link means nothing on another.
    linkLocalNextHop: ours ? to.linkLocal : undefined,
    // RFC 4271 §5.1.2, §5.1.5; RFC 4456 §8: to another AS, our own is prepended, and what is ours stays here.
    asPath: to.external && !isTransparent(source, to) ? fronted(judged.asPath, asn, to) : judged.asPath,
    localPref: to.external ? undefined : (judged.localPref ?? DEFAULT_LOCAL_PREF),
    // RFC 4456 §8: the first reflector says whose route it is, and every one that it passed here.
    ...passedBy(judged, reflected ? { originatorId, clusterId } : undefined, to),
    unknown: to.passesUnknown ? judged.unknown : [],
    onlyToCustomer: judged.onlyToCustomer ?? markOf(to, asn),
  };
}

/** RFC 4456 §8: whose route it is and which reflectors it passed, for those inside. @param us - we reflect it */
function passedBy(
  { originatorId, clusterList }: PathAttributes,
  us: Pick<Origination, "originatorId" | "clusterId"> | undefined,
  to: ExportClass,
): Pick<PathAttributes, "originatorId" | "clusterList"> {
  if (to.external) return { originatorId: undefined, clusterList: [] };
  if (us === undefined) return { originatorId, clusterList };
  return { originatorId: originatorId ?? us.originatorId, clusterList: [us.clusterId, ...clusterList] };
}

/** A path as export policy changes it: what it puts there stays, what was there before it may not. */
function beforePolicy(path: PathAttributes, { asn, source }: Origination, to: ExportClass): PathAttributes {
  if (!to.external || isTransparent(source, to)) return path;
  const given = source === SOURCE.local ? path : withoutOurs(path);
  return to.asView === undefined ? given : { ...given, asPath: cleanedFor(given.asPath, to.asView, asn) };
}

/** What stays inside an AS: the MED of one neighbour (RFC 4271 §5.1.4), and communities that say so (RFC 4360 §6). */
function withoutOurs(path: PathAttributes): PathAttributes {
  const { med, extendedCommunities } = path;
  if (med === undefined && !extendedCommunities.some(isNonTransitive)) return path;
  const transitive = extendedCommunities.filter((community) => !isNonTransitive(community));
  return { ...path, med: undefined, extendedCommunities: transitive };
}

/** RFC 4271 §5.1.3. A local route keeps the next hop that its owner gave it, any route the one that a rule chose. */
function isOurNextHop(
  { nextHop }: PathAttributes,
  before: PathAttributes,
  source: Source,
  to: ExportClass,
): boolean {
  if (nextHop !== before.nextHop) return false;
  if ((nextHop.w0 | nextHop.w1 | nextHop.w2 | nextHop.w3) === 0) return true;
  return takesOurs({ six: nextHop.family === 6, onLink: isLinkLocal(nextHop) }, source, to);
}

function fronted(
  path: readonly AsPathSegment[],
  asn: number,
  { asView }: ExportClass,
): readonly AsPathSegment[] {
  // RFC 5065 §4.1 c 2: what is inside a confederation does not leave it.
  const outside = path.filter(({ type }) => type === "sequence" || type === "set");
  return withFront(outside, asView === undefined ? [asn] : frontOf(asView, asn));
}
