/** What a peer's settings say of the paths that it tells. */

import { type ImportLimits, NO_IMPORT_LIMITS } from "../rib/import-limits.ts";
import type { RibPeer } from "../rib/peer-table.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { Source } from "./inbound.ts";
import type { PeerOptions } from "./options.ts";

/** What import policy is not asked about. */
export function importLimitsOf({ maxAsPathLength, maxCommunities, allowOwnAs }: PeerOptions): ImportLimits {
  return {
    ownAs: allowOwnAs ?? 0,
    asPathLength: maxAsPathLength ?? NO_IMPORT_LIMITS.asPathLength,
    communities: maxCommunities ?? NO_IMPORT_LIMITS.communities,
  };
}

/** What is asked of the AS path of what a peer tells, on a session. */
export function pathRulesOf(
  options: PeerOptions,
  { external, remoteAsn }: Pick<Negotiated, "external" | "remoteAsn">,
): Pick<Source, "firstAs" | "acceptsAsSets"> {
  const firstAs = external ? firstAsOf(options, remoteAsn) : 0;
  return { firstAs, acceptsAsSets: options.acceptAsSets === true };
}

/** Where an UPDATE of an external peer must say that it comes from (RFC 4271 §6.3); 0: nowhere. */
function firstAsOf({ role, enforceFirstAs }: PeerOptions, remoteAsn: number): number {
  // RFC 7947 §2.2.2.1: a route server does not put its own number in front.
  return (enforceFirstAs ?? role !== "rs-client") ? remoteAsn : 0;
}

/** What of its settings the RIB knows of a peer. */
export function ribSettings({ reflectorClient, routeServerClient, allowOwnAs }: PeerOptions): RibSettings {
  return { reflectorClient, routeServerClient: routeServerClient === true, allowOwnAs: allowOwnAs ?? 0 };
}

type RibSettings = Required<Pick<RibPeer, "reflectorClient" | "routeServerClient" | "allowOwnAs">>;
