/**
 * Import and export policies as data.
 *
 * A policy is an ordered list of rules. A rule that matches with "accept" or "reject" ends the walk; one with "next"
 * applies its changes and goes on. What no rule ends falls to `otherwise`. An eBGP peer without a policy is sent and
 * believed nothing (RFC 8212).
 */

import type { Prefix } from "../net/address.ts";

export interface Policy {
  readonly rules: readonly Rule[];
  readonly otherwise: "accept" | "reject";
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
}

/** Prefixes within `prefix` with a length in minLength..maxLength. Exactly one: both equal to its own length. */
export interface PrefixRange {
  readonly prefix: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
}

/** RFC 8092: global administrator, local data 1, local data 2. */
export type LargeCommunity = readonly [number, number, number];

export interface Changes {
  readonly localPref?: number;
  readonly med?: number;
  readonly addCommunities?: readonly number[];
  readonly addLargeCommunities?: readonly LargeCommunity[];
  /** Removes every large community with this global administrator and local data 1. */
  readonly removeLargeCommunities?: readonly [number, number];
  readonly tag?: number;
}

export const ACCEPT_ALL: Policy = { rules: [], otherwise: "accept" };
/** RFC 8212: what an eBGP peer without a policy gets. */
export const REJECT_ALL: Policy = { rules: [], otherwise: "reject" };
