/** The attributes of a path as values (RFC 4271 §5 and those that add to it). */

import type { Address } from "../net/address.ts";
import type { ExtendedCommunity, LargeCommunity } from "../net/communities.ts";

export interface PathAttributes {
  readonly origin: Origin;
  /** After the merge with AS4_PATH (RFC 6793 §4.2.3): numbers of up to four octets. */
  readonly asPath: readonly AsPathSegment[];
  readonly nextHop: Address;
  /** The second next hop of RFC 2545 §3. */
  readonly linkLocalNextHop: Address | undefined;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly atomicAggregate: boolean;
  readonly aggregator: Aggregator | undefined;
  /** RFC 1997, unsigned 32-bit, in wire order. */
  readonly communities: readonly number[];
  readonly extendedCommunities: readonly ExtendedCommunity[];
  readonly largeCommunities: readonly LargeCommunity[];
  readonly ipv6ExtendedCommunities: readonly Ipv6ExtendedCommunity[];
  /** RFC 4456: a BGP identifier, unsigned 32-bit. */
  readonly originatorId: number | undefined;
  /** RFC 4456: cluster ids, unsigned 32-bit, the latest first. */
  readonly clusterList: readonly number[];
  /** RFC 9234: an AS number. */
  readonly onlyToCustomer: number | undefined;
  /** Optional transitive attributes that we do not know, by code; passed along with the Partial bit (RFC 4271 §5). */
  readonly unknown: readonly RawAttribute[];
  /** Codes of known attributes that came with the Partial bit: once set, nobody clears it (RFC 4271 §4.3). */
  readonly partial: readonly number[];
}

/** 0 IGP, 1 EGP, 2 INCOMPLETE: the lower is better. */
export type Origin = 0 | 1 | 2;

export interface AsPathSegment {
  readonly type: "set" | "sequence" | "confed-sequence" | "confed-set";
  /** 1..4294967295 each. */
  readonly asns: readonly number[];
}

/** A segment counts its AS numbers in one octet (RFC 4271 §4.3 b). */
export const MOST_IN_SEGMENT = 255;

export interface Aggregator {
  readonly asn: number;
  /** IPv4 address, unsigned 32-bit. */
  readonly address: number;
}

/** RFC 5701: the twenty octets as five unsigned 32-bit words. */
export type Ipv6ExtendedCommunity = readonly [number, number, number, number, number];

export interface RawAttribute {
  readonly code: number;
  /** Optional, Transitive and Partial; never Extended Length. */
  readonly flags: number;
  readonly value: Uint8Array;
}

/** The attributes of a path of our own: ORIGIN IGP, an empty AS path, nothing optional. */
export function originatedAttributes(nextHop: Address): PathAttributes {
  return {
    origin: 0,
    asPath: [],
    nextHop,
    linkLocalNextHop: undefined,
    med: undefined,
    localPref: undefined,
    atomicAggregate: false,
    aggregator: undefined,
    communities: [],
    extendedCommunities: [],
    largeCommunities: [],
    ipv6ExtendedCommunities: [],
    originatorId: undefined,
    clusterList: [],
    onlyToCustomer: undefined,
    unknown: [],
    partial: [],
  };
}

/** AS numbers as the decision process counts them: a set is one, confederation segments none (RFC 4271 §9.1.2.2, RFC 5065 §5.3). */
export function asPathLength(path: readonly AsPathSegment[]): number {
  let count = 0;
  for (const segment of path) {
    if (segment.type === "sequence") count += segment.asns.length;
    else if (segment.type === "set") count += 1;
  }
  return count;
}

/** No AS number: what a path whose origin cannot be told has, since none may be 0 (RFC 7607 §2). */
export const NO_ORIGIN = 0;

/** Route Origin ASN (RFC 6811 §2): the AS that a path begins at; ours where it is empty or within a confederation. */
export function originAs(path: readonly AsPathSegment[], ownAsn: number): number {
  const last = path.at(-1);
  if (last === undefined || last.type === "confed-sequence" || last.type === "confed-set") return ownAsn;
  return last.type === "sequence" ? last.asns.at(-1)! : NO_ORIGIN;
}
