/** What becomes of a path's attributes on the way out to a class of peers (RFC 4271 §5.1). */

import type { Address } from "../net/address.ts";
import { type AsPathSegment, MOST_IN_SEGMENT, type PathAttributes } from "../wire/path-attributes.ts";
import { DEFAULT_LOCAL_PREF, isNonTransitive } from "./attribute-columns.ts";
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
  /** Our own next hop for this family's prefixes. IPv6 prefixes need an IPv6 address. */
  readonly localAddress: Address;
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

/** What goes from one internal peer to another is reflected. */
export const isReflected = (source: Source, to: ExportClass): boolean =>
  !to.external && (source === SOURCE.internal || source === SOURCE.client);

/**
 * The attributes to send. Policy sees the path as it is in the Loc-RIB, but for what must not go further, so that a MED
 * that a rule sets is sent.
 */
export function outgoingAttributes(
  path: PathAttributes,
  { asn, source, originatorId, clusterId }: Origination,
  to: ExportClass,
  change: ((attributes: PathAttributes) => PathAttributes) | undefined,
): PathAttributes {
  const given = to.external && source !== SOURCE.local ? withoutOurs(path) : path;
  const judged = change === undefined ? given : change(given);
  const reflected = isReflected(source, to);
  return {
    ...judged,
    nextHop: isOurNextHop(judged, path, source, to) ? to.localAddress : judged.nextHop,
    // RFC 2545 §3: the link-local next hop of one link means nothing on another.
    linkLocalNextHop: undefined,
    // RFC 4271 §5.1.2, §5.1.5; RFC 4456 §8: to another AS, our own is prepended, and what is ours stays here.
    asPath: to.external ? prepended(judged.asPath, asn) : judged.asPath,
    localPref: to.external ? undefined : (judged.localPref ?? DEFAULT_LOCAL_PREF),
    // RFC 4456 §8: the first reflector says whose route it is, and every one that it passed here.
    originatorId: to.external ? undefined : (judged.originatorId ?? (reflected ? originatorId : undefined)),
    clusterList: to.external ? [] : reflected ? [clusterId, ...judged.clusterList] : judged.clusterList,
  };
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
  if (to.external) return source !== SOURCE.local;
  return source === SOURCE.external && to.nextHopSelf;
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
