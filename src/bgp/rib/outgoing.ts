/** What becomes of a path's attributes on the way out to a class of peers (RFC 4271 §5.1). */

import { type Address, isLinkLocal } from "../net/address.ts";
import { type AsPathSegment, MOST_IN_SEGMENT, type PathAttributes } from "../wire/path-attributes.ts";
import { DEFAULT_LOCAL_PREF } from "./attribute-columns.ts";
import { SOURCE, type Source } from "./peer-table.ts";
import type { RouteFilter } from "./route-filter.ts";

/** Peers for which all of this is equal (the filter: the same object) share one update group. */
export interface ExportClass {
  /** Compile a policy once and hand the same filter to every peer that has it. */
  readonly filter: RouteFilter;
  /** In another AS (eBGP). */
  readonly external: boolean;
  /** In our AS, and a client of ours (RFC 4456 §6). */
  readonly reflectorClient: boolean;
  /** To iBGP peers: our own address as next hop of what eBGP peers told us. */
  readonly nextHopSelf: boolean;
  /** The peer knows AS numbers of four octets (RFC 6793). */
  readonly as4: boolean;
  /** The peer takes messages of 65535 octets (RFC 8654). */
  readonly extendedMessage: boolean;
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
  return onLink || to.external || (source === SOURCE.external && to.nextHopSelf);
}

/** What goes from one internal peer to another is reflected. */
export const isReflected = (source: Source, to: ExportClass): boolean =>
  !to.external && (source === SOURCE.internal || source === SOURCE.client);

/**
 * The attributes to send. Policy sees the path as it is in the Loc-RIB, but for a MED that must not go further, so that
 * one that a rule sets is sent.
 */
export function outgoingAttributes(
  path: PathAttributes,
  { asn, source, originatorId, clusterId }: Origination,
  to: ExportClass,
  change: ((attributes: PathAttributes) => PathAttributes) | undefined,
): PathAttributes {
  // RFC 4271 §5.1.4: the MED of one neighbouring AS is not told to another.
  const hidesMed = to.external && source !== SOURCE.local && path.med !== undefined;
  const given = hidesMed ? { ...path, med: undefined } : path;
  const judged = change === undefined ? given : change(given);
  const reflected = isReflected(source, to);
  const ours = isOurNextHop(judged, path, source, to);
  return {
    ...judged,
    nextHop: ours ? to.localAddress : judged.nextHop,
    // RFC 2545 §3: the link-local next hop of one link means nothing on another.
    linkLocalNextHop: ours ? to.linkLocal : undefined,
    // RFC 4271 §5.1.2, §5.1.5; RFC 4456 §8: to another AS, our own is prepended, and what is ours stays here.
    asPath: to.external ? prepended(judged.asPath, asn) : judged.asPath,
    localPref: to.external ? undefined : (judged.localPref ?? DEFAULT_LOCAL_PREF),
    // RFC 4456 §8: the first reflector says whose route it is, and every one that it passed here.
    originatorId: to.external ? undefined : (judged.originatorId ?? (reflected ? originatorId : undefined)),
    clusterList: to.external ? [] : reflected ? [clusterId, ...judged.clusterList] : judged.clusterList,
  };
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

function prepended(path: readonly AsPathSegment[], asn: number): readonly AsPathSegment[] {
  // RFC 5065 §4.1 c 2: what is inside a confederation does not leave it.
  const outside = path.filter(({ type }) => type === "sequence" || type === "set");
  const first = outside[0];
  if (first?.type !== "sequence" || first.asns.length >= MOST_IN_SEGMENT) {
    return [{ type: "sequence", asns: [asn] }, ...outside];
  }
  return [{ type: "sequence", asns: [asn, ...first.asns] }, ...outside.slice(1)];
}
