/**
 * What every path attribute is described by: one {@link AttributeRow}. The rules that hold for all (flags, repetition,
 * length) stand once, in `attribute-block.ts`; a row says only what is its own.
 */

import type { Address } from "../../net/address.ts";
import type { ExtendedCommunity, LargeCommunity } from "../../net/communities.ts";
import type { DecodeContext, EncodeContext } from "../context.ts";
import type { Cursor } from "../cursor.ts";
import { Fault, type Reaction } from "../fault.ts";
import type {
  Aggregator,
  AsPathSegment,
  Ipv6ExtendedCommunity,
  Origin,
  PathAttributes,
  RawAttribute,
} from "../path-attributes.ts";

/** Bits of the attribute flags octet (RFC 4271 §4.3). */
export const OPTIONAL = 0x80;
export const TRANSITIVE = 0x40;
export const PARTIAL = 0x20;
export const EXTENDED_LENGTH = 0x10;

/** Subcodes of UPDATE Message Error (RFC 4271 §6.3). */
export const SUBCODE = {
  malformedAttributeList: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  flags: 4,
  length: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

const UPDATE_ERROR = 3;
/** So that the NOTIFICATION that quotes them stays within 4096 octets. */
export const MOST_DATA_OCTETS: number = 4096 - 21;

/** A fault whose NOTIFICATION, should it come to that, is UPDATE Message Error. */
export function updateFault(facts: {
  readonly reaction: Reaction;
  readonly why: string;
  readonly rfc: string;
  readonly subcode: number;
  readonly data?: Uint8Array;
  readonly attribute?: number;
}): Fault {
  const { reaction, why, rfc, subcode, data = new Uint8Array(0), attribute } = facts;
  return new Fault({ reaction, why, rfc, attribute, notification: { code: UPDATE_ERROR, subcode, data } });
}

/** What is wrong with a value; with an RFC where it is another one than the row names. */
export type Wrong = string | { readonly why: string; readonly rfc: string };

export const isWrong = (value: object | string): value is Wrong =>
  typeof value === "string" || "why" in value;

export interface AttributeRow {
  readonly code: number;
  /** As the registry of IANA spells it. */
  readonly name: string;
  /** The Optional and Transitive bits that it must have. */
  readonly flags: number;
  /** Octets of the value: an exact number, whole entries of so many octets and at least one, or for `decode` to judge. */
  readonly length: number | { readonly entriesOf: number } | "any";
  /** Discarded, unread, from an external peer; not sent to one. */
  readonly ibgpOnly?: true;
  /** For speakers without 4-octet AS numbers alone (RFC 6793 §4.1): discarded from others, not sent to them. */
  readonly oldSpeakerOnly?: true;
  /** What a wrong length or value costs. */
  readonly malformed: Reaction;
  /** What says so: RFC 7606 §7, or the attribute's own RFC. */
  readonly errors: string;
  /** Subcode for a wrong value, when the session is lost over it. */
  readonly subcode: number;
  /**
   * Whether `decode` finds nothing wrong with a value of a right length, and leaves nothing out; makes no object. Without
   * it, any value is right. May say false of what is right, since `decode` is asked then.
   */
  isSound?(octets: Uint8Array, start: number, end: number, context: DecodeContext): boolean;
  /** Reads a value of a right length into the draft. Returns what is wrong with it, if anything. */
  decode(value: Cursor, draft: Draft, context: DecodeContext): Wrong | undefined;
  /** The value, undefined when these attributes do not have it. */
  encode(attributes: PathAttributes, context: EncodeContext): Uint8Array | undefined;
}

/** Attributes while they are read: what has not been seen is undefined or empty. */
export interface Draft {
  origin: Origin | undefined;
  asPath: AsPathSegment[] | undefined;
  /** Of NEXT_HOP. */
  nextHop: Address | undefined;
  /** Of MP_REACH_NLRI. */
  mpNextHop: Address | undefined;
  linkLocalNextHop: Address | undefined;
  med: number | undefined;
  localPref: number | undefined;
  atomicAggregate: boolean;
  aggregator: Aggregator | undefined;
  communities: number[];
  extendedCommunities: ExtendedCommunity[];
  largeCommunities: LargeCommunity[];
  ipv6ExtendedCommunities: Ipv6ExtendedCommunity[];
  originatorId: number | undefined;
  clusterList: number[];
  onlyToCustomer: number | undefined;
  as4Path: AsPathSegment[] | undefined;
  as4Aggregator: Aggregator | undefined;
  unknown: RawAttribute[];
  partial: number[];
  /** The octets say just this: nothing was left out. */
  literal: boolean;
}

export function emptyDraft(): Draft {
  return {
    origin: undefined,
    asPath: undefined,
    nextHop: undefined,
    mpNextHop: undefined,
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
    as4Path: undefined,
    as4Aggregator: undefined,
    unknown: [],
    partial: [],
    literal: true,
  };
}

/** Four octets in network order. */
export const u32Octets = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

/** The 32-bit words of a list, undefined when it is empty: an attribute without entries is malformed. */
export function wordOctets(words: readonly number[]): Uint8Array | undefined {
  if (words.length === 0) return undefined;
  const octets = new Uint8Array(words.length * 4);
  const view = new DataView(octets.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word);
  return octets;
}

/** All that is left, as 32-bit words. */
export function words(value: Cursor): number[] {
  const all: number[] = [];
  while (value.left > 0) all.push(value.u32());
  return all;
}
