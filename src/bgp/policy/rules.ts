/**
 * Import and export policies as data.
 *
 * A policy is an ordered list of rules. A rule that matches with "accept" or "reject" ends the walk; one with "next"
 * applies its changes and goes on. What no rule ends falls to `otherwise`. An eBGP peer without a policy is sent and
 * believed nothing (RFC 8212).
 */

import type { Address, Prefix } from "../net/address.ts";
import type { CommunityPattern, ExtendedCommunity, LargeCommunity } from "../net/communities.ts";
import type { Validity } from "../rpki/vrp-table.ts";
import type { Origin } from "../wire/path-attributes.ts";

export interface Policy {
  readonly rules: readonly Rule[];
  readonly otherwise: "accept" | "reject";
  /** What is done to every route that is accepted, behind all that its rules do. */
  readonly finally?: Changes;
  /** On import: what still says GRACEFUL_SHUTDOWN then is accepted with local preference 0 (RFC 8326 §4.1). */
  readonly honorsGracefulShutdown?: boolean;
}

export interface Rule {
  /** Shown as the reason of a decision; e.g. "export[0]". */
  readonly name: string;
  readonly match: Match;
  readonly then: "accept" | "reject" | "next";
  readonly set?: Changes;
}

/** All that is given must hold; within a list, any one. An empty match matches every route. */
export interface Match {
  readonly prefixes?: readonly PrefixRange[];
  /** The caller's own classification of a route, 0..255; 0 is "none". */
  readonly tags?: readonly number[];
  /** Any of these RFC 1997 communities, as unsigned 32-bit numbers. */
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** Any community of any kind that fits any of these. */
  readonly anyCommunity?: readonly CommunityPattern[];
  /** Patterns as routers take them, such as "^64512_", "_65000$" and "^$": see net/as-path-pattern.ts. */
  readonly asPath?: readonly string[];
  /** AS numbers as the decision process counts them: a set is one. Both ends included. */
  readonly asPathLength?: { readonly min: number; readonly max: number };
  /** The next hop lies within any of these. */
  readonly nextHops?: readonly Prefix[];
  readonly origins?: readonly Origin[];
  /** What origin validation (RFC 6811) says of the prefix and the origin of the path, as it came. */
  readonly rpki?: readonly Validity[];
}

/** Prefixes within `prefix` with a length in minLength..maxLength. Exactly one: both equal to its own length. */
export interface PrefixRange {
  readonly prefix: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
}

/** Communities are removed before others are added, so that one rule can replace them. */
export interface Changes {
  readonly localPref?: number;
  readonly med?: number;
  /** Added to the MED, or to 0 where there is none; stays within 0..4294967295. */
  readonly addMed?: number;
  readonly addCommunities?: readonly number[];
  readonly addLargeCommunities?: readonly LargeCommunity[];
  readonly addExtendedCommunities?: readonly ExtendedCommunity[];
  /** Of any kind. */
  readonly removeCommunities?: readonly CommunityPattern[];
  /** Removes every large community with this global administrator and local data 1. */
  readonly removeLargeCommunities?: readonly [number, number];
  /** Put in front of the AS path, `times` times; to eBGP peers our own AS number still comes before it. */
  readonly prepend?: { readonly asn: number; readonly times: number };
  /** Has no effect on a path whose next hop is of the other family. */
  readonly nextHop?: Address;
  readonly tag?: number;
}

export const ACCEPT_ALL: Policy = { rules: [], otherwise: "accept" };
/** RFC 8212: what an eBGP peer without a policy gets. */
export const REJECT_ALL: Policy = { rules: [], otherwise: "reject" };
