/** What selection and export read of an attribute set, as columns by attribute id: no object is touched per route. */

import { type Address, isLinkLocal, isUnspecified } from "../net/address.ts";
import { type ExtendedCommunity, WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import { occurrences } from "../wire/as-path.ts";
import { type AttributeBlock, AttributeHeader } from "../wire/attribute-block.ts";
import {
  type AsPathSegment,
  asPathLength,
  NO_ORIGIN,
  originAs,
  type PathAttributes,
} from "../wire/path-attributes.ts";
import { tableColumnOf } from "./columns.ts";

/** RFC 1997: not to peers in another AS (NO_EXPORT, and NO_EXPORT_SUBCONFED, since we know no confederation). */
export const NO_EXPORT = 1;
/** RFC 1997: to nobody. */
export const NO_ADVERTISE = 2;
/** Our own AS number is in the AS path (RFC 4271 §9.1.2). */
const AS_LOOP = 4;
/** ORIGINATOR_ID is our router id (RFC 4456 §8). */
const ORIGINATOR_LOOP = 8;
/** Our cluster id is in CLUSTER_LIST (RFC 4456 §8). */
const CLUSTER_LOOP = 16;
/** The next hop is 0.0.0.0 or ::, which stands for "our own address of the session that it is sent on". */
export const NEXT_HOP_OURS = 32;
/** RFC 9494: it outlived the restart of the one who told it (LLGR_STALE), and must not (NO_LLGR). */
export const LLGR_STALE = 64;
export const NO_LLGR = 128;
/** RFC 8326: the way that it came is about to end. */
export const GRACEFUL_SHUTDOWN = 256;
/** Only to Customer is there (RFC 9234). */
export const HAS_OTC = 512;
/** The next hop is link-local: it means nothing on another link. */
export const NEXT_HOP_ON_LINK = 1024;
/** The next hop is an IPv6 address. */
export const NEXT_HOP_SIX = 2048;
/** There is an AS_SET or AS_CONFED_SET in the AS path (RFC 9774). */
export const AS_SETS = 4096;
/** It has an extended community that does not leave the AS (RFC 4360 §6). */
export const NON_TRANSITIVE_COMMUNITY = 8192;

const LOOPS = AS_LOOP | ORIGINATOR_LOOP | CLUSTER_LOOP;
/** RFC 4271 leaves the value open; every implementation uses this one. */
export const DEFAULT_LOCAL_PREF = 100;

const FLAG_BY_COMMUNITY: ReadonlyMap<number, number> = new Map([
  [WELL_KNOWN_COMMUNITIES["no-export"], NO_EXPORT],
  [WELL_KNOWN_COMMUNITIES["no-export-subconfed"], NO_EXPORT],
  [WELL_KNOWN_COMMUNITIES["no-advertise"], NO_ADVERTISE],
  [WELL_KNOWN_COMMUNITIES["llgr-stale"], LLGR_STALE],
  [WELL_KNOWN_COMMUNITIES["no-llgr"], NO_LLGR],
  [WELL_KNOWN_COMMUNITIES["graceful-shutdown"], GRACEFUL_SHUTDOWN],
]);

/** Who we are, for the loop checks, and how attributes are read. */
export interface Identity {
  readonly asn: number;
  /** Unsigned 32-bit. */
  readonly routerId: number;
  /** Unsigned 32-bit (RFC 4456 §7). */
  readonly clusterId: number;
  /** A path without MED is the worst instead of the best. */
  readonly missingMedAsWorst?: boolean;
}

/** Of the path attributes that selection and export read, but for the next hop. */
const CODE = {
  origin: 1,
  asPath: 2,
  med: 4,
  localPref: 5,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  extended: 16,
  ipv6Extended: 25,
  large: 32,
  onlyToCustomer: 35,
} as const;

/** Segment types (RFC 4271 §4.3, RFC 5065 §3). */
const AS_SET = 1;
const AS_SEQUENCE = 2;
const CONFED_SET = 4;

const WORST_MED = 0xffff_ffff;

export class AttributeColumns {
  readonly #identity: Identity;
  readonly #header: AttributeHeader = new AttributeHeader();
  localPref: Uint32Array = new Uint32Array(256);
  /** RFC 4271 §9.1.2.2 a, RFC 5065 §5.3. Paths longer than 65535 count as that. */
  pathLength: Uint16Array = new Uint16Array(256);
  origin: Uint8Array = new Uint8Array(256);
  /** Where there is none: 0 (RFC 4271 §9.1.2.2 c), unless {@link Identity.missingMedAsWorst}. */
  med: Uint32Array = new Uint32Array(256);
  /** How often our own AS number is in the path; 255 for more. */
  ownAs: Uint8Array = new Uint8Array(256);
  /** The first AS of the path; 0 when the path is empty or begins with a set: our own AS. */
  neighbourAs: Uint32Array = new Uint32Array(256);
  /** RFC 6811 §2; NO_ORIGIN where it cannot be told. */
  originAs: Uint32Array = new Uint32Array(256);
  /** 0 when there is none. */
  originatorId: Uint32Array = new Uint32Array(256);
  clusterLength: Uint8Array = new Uint8Array(256);
  /** How many there are, of all kinds. */
  communities: Uint16Array = new Uint16Array(256);
  nextHop: Uint32Array = new Uint32Array(256);
  flags: Uint16Array = new Uint16Array(256);
  /** False until the first set that is LLGR_STALE: who never meets one pays nothing for it. */
  anyStale = false;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Fills row `id`. */
  set(id: number, attributes: PathAttributes, nextHop: number): void {
    this.#reserve(id + 1);
    this.localPref[id] = attributes.localPref ?? DEFAULT_LOCAL_PREF;
    this.pathLength[id] = Math.min(asPathLength(attributes.asPath), 0xffff);
    this.origin[id] = attributes.origin;
    this.med[id] = attributes.med ?? (this.#identity.missingMedAsWorst ? WORST_MED : 0);
    this.ownAs[id] = Math.min(occurrences(attributes.asPath, this.#identity.asn), 0xff);
    this.neighbourAs[id] = firstAs(attributes.asPath);
    this.originAs[id] = originAs(attributes.asPath, this.#identity.asn);
    this.originatorId[id] = attributes.originatorId ?? 0;
    this.clusterLength[id] = Math.min(attributes.clusterList.length, 0xff);
    this.communities[id] = communityCount(attributes);
    this.nextHop[id] = nextHop;
    const flags = this.#flagsOf(attributes);
    this.flags[id] = flags;
    if ((flags & LLGR_STALE) !== 0) this.anyStale = true;
  }

  /**
   * As {@link set}, from the octets of a block in which nothing is wrong, without making values of them.
   * @param asnOctets - of each AS number in AS_PATH. @param nextHop - the block's; `nextHopId` is its number
   */
  read(id: number, block: AttributeBlock, asnOctets: 2 | 4, nextHop: Address, nextHopId: number): void {
    this.#reserve(id + 1);
    this.localPref[id] = DEFAULT_LOCAL_PREF;
    this.#putMed(id, this.#identity.missingMedAsWorst ? WORST_MED : 0);
    if (this.originatorId[id] !== 0) this.originatorId[id] = 0;
    if (this.clusterLength[id] !== 0) this.clusterLength[id] = 0;
    this.communities[id] = 0;
    this.nextHop[id] = nextHopId;
    const flags = nextHopFlags(nextHop);
    if (this.flags[id] !== flags) this.flags[id] = flags;
    const header = this.#header;
    const { octets } = block;
    for (let at = block.start; at < block.end && header.read(octets, at, block.end); at = header.end) {
      this.#readOne(id, octets, header, asnOctets);
    }
    if ((this.flags[id]! & LLGR_STALE) !== 0) this.anyStale = true;
  }

  #putMed(id: number, med: number): void {
    if (this.med[id] !== med) this.med[id] = med;
  }

  #readOne(id: number, octets: Uint8Array, header: AttributeHeader, asnOctets: 2 | 4): void {
    const { code, start, end } = header;
    if (code === CODE.asPath) this.#readPath(id, octets, start, end, asnOctets);
    else if (code === CODE.communities) this.#readCommunities(id, octets, start, end);
    else if (code === CODE.origin) this.origin[id] = octets[start]!;
    else if (code === CODE.med) this.#putMed(id, u32(octets, start));
    else if (code === CODE.localPref) this.localPref[id] = u32(octets, start);
    else if (code === CODE.originatorId) this.#readOriginator(id, u32(octets, start));
    else if (code === CODE.clusterList) this.#readClusters(id, octets, start, end);
    else if (code === CODE.extended) this.#readExtended(id, octets, start, end);
    else if (code === CODE.large) this.communities[id]! += (end - start) / 12;
    else if (code === CODE.ipv6Extended) this.communities[id]! += (end - start) / 20;
    else if (code === CODE.onlyToCustomer) this.flags[id]! |= HAS_OTC;
  }

  /** What {@link set} finds by way of segments. */
  #readPath(id: number, octets: Uint8Array, start: number, end: number, asnOctets: 2 | 4): void {
    const { asn } = this.#identity;
    let length = 0;
    let own = 0;
    let neighbour = -1;
    let origin = asn;
    for (let at = start, next = start; at < end; at = next) {
      const type = octets[at]!;
      const count = octets[at + 1]!;
      next = at + 2 + count * asnOctets;
      own += occurrencesIn(octets, at + 2, next, asnOctets, asn);
      if (type === AS_SET || type === CONFED_SET) this.flags[id]! |= AS_SETS;
      // RFC 5065 §5.3: confederation segments are skipped, what counts is the AS outside.
      const inside = type !== AS_SET && type !== AS_SEQUENCE;
      origin = inside ? asn : asnOf(type, octets, next - asnOctets, asnOctets);
      if (inside) continue;
      length += type === AS_SET ? 1 : count;
      if (neighbour < 0) neighbour = asnOf(type, octets, at + 2, asnOctets);
    }
    if (own > 0) this.flags[id]! |= AS_LOOP;
    this.pathLength[id] = Math.min(length, 0xffff);
    const counted = Math.min(own, 0xff);
    if (this.ownAs[id] !== counted) this.ownAs[id] = counted;
    this.neighbourAs[id] = Math.max(neighbour, 0);
    this.originAs[id] = origin;
  }

  #readCommunities(id: number, octets: Uint8Array, start: number, end: number): void {
    this.communities[id]! += (end - start) / 4;
    for (let at = start; at < end; at += 4) {
      // All well-known ones begin so (RFC 1997).
      if ((octets[at]! & octets[at + 1]!) !== 0xff) continue;
      this.flags[id]! |= FLAG_BY_COMMUNITY.get(u32(octets, at)) ?? 0;
    }
  }

  #readExtended(id: number, octets: Uint8Array, start: number, end: number): void {
    this.communities[id]! += (end - start) / 8;
    for (let at = start; at < end; at += 8) {
      if ((octets[at]! & 0x40) !== 0) this.flags[id]! |= NON_TRANSITIVE_COMMUNITY;
    }
  }

  #readOriginator(id: number, originatorId: number): void {
    this.originatorId[id] = originatorId;
    if (originatorId === this.#identity.routerId) this.flags[id]! |= ORIGINATOR_LOOP;
  }

  #readClusters(id: number, octets: Uint8Array, start: number, end: number): void {
    this.clusterLength[id] = Math.min((end - start) / 4, 0xff);
    for (let at = start; at < end; at += 4) {
      if (u32(octets, at) === this.#identity.clusterId) this.flags[id]! |= CLUSTER_LOOP;
    }
  }

  isLooped(id: number): boolean {
    return (this.flags[id]! & LOOPS) !== 0;
  }

  /** Which loop it is, of a row that {@link isLooped}; undefined: our own AS is there, and as often as is allowed. */
  loopOf(id: number, allowedOwnAs: number): "asLoop" | "originatorLoop" | "clusterLoop" | undefined {
    const flags = this.flags[id]!;
    if (this.ownAs[id]! > allowedOwnAs) return "asLoop";
    if ((flags & ORIGINATOR_LOOP) !== 0) return "originatorLoop";
    return (flags & CLUSTER_LOOP) !== 0 ? "clusterLoop" : undefined;
  }

  #flagsOf(attributes: PathAttributes): number {
    const { asn, routerId, clusterId } = this.#identity;
    let flags = nextHopFlags(attributes.nextHop) | communityFlags(attributes);
    for (const { type, asns } of attributes.asPath) {
      if (asns.includes(asn)) flags |= AS_LOOP;
      if (type === "set" || type === "confed-set") flags |= AS_SETS;
    }
    if (attributes.originatorId === routerId) flags |= ORIGINATOR_LOOP;
    if (attributes.clusterList.includes(clusterId)) flags |= CLUSTER_LOOP;
    if (attributes.onlyToCustomer !== undefined) flags |= HAS_OTC;
    return flags;
  }

  #reserve(rows: number): void {
    if (rows <= this.flags.length) return;
    this.localPref = tableColumnOf(this.localPref, rows);
    this.pathLength = tableColumnOf(this.pathLength, rows);
    this.origin = tableColumnOf(this.origin, rows);
    this.med = tableColumnOf(this.med, rows);
    this.ownAs = tableColumnOf(this.ownAs, rows);
    this.neighbourAs = tableColumnOf(this.neighbourAs, rows);
    this.originAs = tableColumnOf(this.originAs, rows);
    this.originatorId = tableColumnOf(this.originatorId, rows);
    this.clusterLength = tableColumnOf(this.clusterLength, rows);
    this.communities = tableColumnOf(this.communities, rows);
    this.nextHop = tableColumnOf(this.nextHop, rows);
    this.flags = tableColumnOf(this.flags, rows);
  }
}

// One message holds no more than 16 bits can count: even the smallest kind takes four octets.
const communityCount = (attributes: PathAttributes): number =>
  attributes.communities.length +
  attributes.extendedCommunities.length +
  attributes.largeCommunities.length +
  attributes.ipv6ExtendedCommunities.length;

function nextHopFlags(nextHop: Address): number {
  const flags = isUnspecified(nextHop) ? NEXT_HOP_OURS : 0;
  if (nextHop.family === 4) return flags;
  return flags | (isLinkLocal(nextHop) ? NEXT_HOP_SIX | NEXT_HOP_ON_LINK : NEXT_HOP_SIX);
}

const u32 = (octets: Uint8Array, at: number): number =>
  ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0;

const asnAt = (octets: Uint8Array, at: number, asnOctets: 2 | 4): number =>
  asnOctets === 4 ? u32(octets, at) : (octets[at]! << 8) | octets[at + 1]!;

/** An AS number of a segment; of a set, which has no first and no last, none. */
const asnOf = (type: number, octets: Uint8Array, at: number, asnOctets: 2 | 4): number =>
  type === AS_SET ? NO_ORIGIN : asnAt(octets, at, asnOctets);

function occurrencesIn(
  octets: Uint8Array,
  start: number,
  end: number,
  asnOctets: 2 | 4,
  asn: number,
): number {
  let count = 0;
  for (let at = start; at < end; at += asnOctets) if (asnAt(octets, at, asnOctets) === asn) count++;
  return count;
}

function communityFlags({ communities, extendedCommunities }: PathAttributes): number {
  let flags = extendedCommunities.some(isNonTransitive) ? NON_TRANSITIVE_COMMUNITY : 0;
  for (const community of communities) flags |= FLAG_BY_COMMUNITY.get(community) ?? 0;
  return flags;
}

/** RFC 4360 §3: the T bit of its type. */
export const isNonTransitive = ([high]: ExtendedCommunity): boolean => (high & 0x4000_0000) !== 0;

function firstAs(path: readonly AsPathSegment[]): number {
  // RFC 5065 §5.3: confederation segments are skipped, what counts is the AS outside.
  const first = path.find(({ type }) => type === "sequence" || type === "set");
  return first?.type === "sequence" ? first.asns[0]! : 0;
}
