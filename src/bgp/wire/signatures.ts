/**
 * What is being written in wire/, as signatures. The names and files are final; this page goes when they are there.
 */

import type { Family } from "../net/address.ts";
import type { DecodeContext, EncodeContext } from "./context.ts";
import type { Fault, Reaction, Refusal } from "./fault.ts";
import type { Capability, Message, Notification, Open, RouteRefresh } from "./messages.ts";
import type { PathAttributes } from "./path-attributes.ts";
import type { PrefixBatch } from "./prefix-batch.ts";

// header.ts — framing reads 19 octets at `at`, then waits for the length that this returns.
export declare const HEADER_OCTETS: 19;
/** Length of the message that begins at `at`, header included, or why the session ends (RFC 4271 §6.1). */
export declare function checkHeader(
  octets: Uint8Array,
  at: number,
  extendedMessage: boolean,
): number | Refusal;
/** The length field of a message at `at`, e.g. of one that a packer just wrote. */
export declare function messageLengthAt(octets: Uint8Array, at: number): number;

// codec.ts — one whole message, header included (already checked).
export declare function decodeMessage(octets: Uint8Array, context: DecodeContext): Message | Refusal;
/** A copy of its own, header included. */
export declare function encodeMessage(message: Message): Uint8Array;

// open.ts
export declare function decodeOpen(message: Uint8Array): Open | Refusal;
export declare function encodeOpen(open: Open): Uint8Array;
/** The AS number of the sender: of the 4-octet capability, else of the field. */
export declare function asnOf(open: Open): number;
/** The first capability of a kind; typed by it. */
export declare function capability<K extends Capability["is"]>(
  open: Open,
  is: K,
): Extract<Capability, { is: K }> | undefined;
/** Families of the multiprotocol capabilities; IPv4 alone when there is none (RFC 4760 §8). */
export declare function familiesOf(open: Open): readonly Family[];

// open-check.ts
export interface Expected {
  readonly localAsn: number;
  readonly remoteAsn: number;
  readonly localRouterId: number;
}
/** RFC 4271 §6.2: bad peer AS, bad BGP identifier, unacceptable hold time. Undefined: acceptable. */
export declare function checkOpen(open: Open, expected: Expected): Refusal | undefined;

// notification.ts
/** Cease with a subcode (RFC 4486) and, for shutdown (2) and reset (4), words for the other side (RFC 9003). */
export declare function cease(subcode: number, communication?: string): Notification;
export declare function shutdownCommunication(notification: Notification): string | undefined;
/** RFC 8538 §3: wraps, so that graceful restart is not used. */
export declare function hardReset(notification: Notification): Notification;
/** What a hard reset carries, undefined when this is none. */
export declare function unwrapHardReset(notification: Notification): Notification | undefined;
/** "Cease: Administrative Shutdown". */
export declare function describeNotification(notification: Notification): string;

// route-refresh.ts
export declare function encodeRouteRefresh(refresh: RouteRefresh): Uint8Array;

// update.ts — step 1: windows, columns, raw attribute blocks. No attribute is parsed.
/** Reused from message to message; what it holds is valid until the next decodeUpdate. One per speaker is enough. */
export declare class Update {
  /** Body, then MP_UNREACH_NLRI. */
  readonly withdrawn: readonly [PrefixBatch, PrefixBatch];
  /** Body, then MP_REACH_NLRI. `block` is meaningful only when `prefixes.count` > 0. */
  readonly announced: readonly [Announced, Announced];
  /** The family that this End-of-RIB is for (RFC 4724 §2). */
  endOfRib: Family | undefined;
  readonly faults: Fault[];
}
export interface Announced {
  readonly prefixes: PrefixBatch;
  readonly block: AttributeBlock;
}
/**
 * Raw octets of the attributes that these prefixes have: `octets[start..end)`. NLRI are not in it, the next hop is,
 * so equal octets with an equal context ({@link attributeContextKey}) mean equal attributes.
 */
export interface AttributeBlock {
  octets: Uint8Array;
  start: number;
  end: number;
}
/**
 * Returns the strongest reaction known without parsing attributes. "session-reset": nothing of it may be used, send
 * strongest(into.faults).notification. "treat-as-withdraw": what is announced is withdrawn too.
 */
export declare function decodeUpdate(
  message: Uint8Array,
  context: DecodeContext,
  into: Update,
): Reaction | undefined;

// attribute-block.ts — step 2, only for a block not seen before.
export interface DecodedAttributes {
  /** Undefined when the reaction is stronger than attribute-discard. */
  readonly attributes: PathAttributes | undefined;
  readonly reaction: Reaction | undefined;
  readonly faults: readonly Fault[];
}
export declare function decodeAttributes(block: AttributeBlock, context: DecodeContext): DecodedAttributes;
/** 0..7: contexts with an equal key decode an equal block alike. */
export declare function attributeContextKey(context: DecodeContext): number;

// attribute-encode.ts
export interface EncodedAttributes {
  readonly family: Family;
  /** All but MP_REACH_NLRI, ordered by code. */
  readonly octets: Uint8Array;
  /** The next hop field of MP_REACH_NLRI; undefined when NEXT_HOP is in `octets`. */
  readonly mpNextHop: Uint8Array | undefined;
}
/** For prefixes of `family`. */
export declare function encodeAttributes(
  attributes: PathAttributes,
  family: Family,
  context: EncodeContext,
): EncodedAttributes;

// update-pack.ts — each writes ONE message at out[at] and never past at + maxOctets or the end of `out`.
export interface Packing {
  readonly addPath: boolean;
  /** 4096 or 65535. */
  readonly maxOctets: number;
}
/**
 * Writes as many of prefixes[from..count) as fit; returns the first row not written. Equal to `from` (nothing written)
 * only when not one fits. The message's length is messageLengthAt(out, at).
 */
export declare function packAnnounced(
  out: Uint8Array,
  at: number,
  attributes: EncodedAttributes,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number;
export declare function packWithdrawn(
  out: Uint8Array,
  at: number,
  prefixes: PrefixBatch,
  from: number,
  packing: Packing,
): number;
/** A message of its own. */
export declare function encodeEndOfRib(family: Family): Uint8Array;
