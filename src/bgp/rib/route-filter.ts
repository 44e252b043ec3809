/** What the RIB asks of a policy. The rules themselves are in policy/, which depends on this and not the reverse. */

import type { Family } from "../net/address.ts";
import type { CommunityPattern } from "../net/communities.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";

declare const brand: unique symbol;
/** What of an attribute set the rules of one filter can see. Means something to that filter only. */
export interface AttributeClass {
  readonly [brand]: never;
}

/**
 * A policy made fast. What a rule can see is cut in two, because the one half repeats: the attributes, classified once
 * per attribute set; and prefix, tag and the validity of the origin, judged per route.
 */
export interface RouteFilter {
  /** Set when no verdict depends on the attributes: the class of all of them, so that they need not be parsed. */
  readonly onlyClass: AttributeClass | undefined;
  /** False: no verdict depends on the prefix, so that one serves a whole batch. */
  readonly usesPrefix: boolean;
  /** On import: what says GRACEFUL_SHUTDOWN when it has passed is accepted with local preference 0 (RFC 8326 §4.1). */
  readonly honorsGracefulShutdown: boolean;
  /** True: verdicts depend on what is known of the prefix's rightful origins (RFC 6811), which may change. */
  readonly usesValidity: boolean;
  classify(attributes: PathAttributes): AttributeClass;
  judge(
    attributeClass: AttributeClass,
    family: Family,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    tag: number,
    /** Route Origin ASN (RFC 6811 §2). */
    originAs: number,
  ): Verdict;
}

/** Interned by its filter: there are few, and equal ones are (but for excess) the same object. */
export interface Verdict {
  readonly accepted: boolean;
  /** Name of the rule that ended the walk; "otherwise" when none did. */
  readonly rule: string;
  /** The route's tag afterwards; undefined: unchanged. */
  readonly tag: number | undefined;
  /** The attributes afterwards; undefined: unchanged. Depends on its argument alone. */
  readonly change: ((attributes: PathAttributes) => PathAttributes) | undefined;
  /** The same, as what it does to octets: in order of codes, each once. Undefined: only `change` can make it. */
  readonly edits?: readonly AttributeEdit[] | undefined;
}

/**
 * What becomes of one path attribute: the number that it is afterwards, AS numbers in front of what is there, or entries
 * taken out of a list and put behind it, step by step; a list that is left empty goes.
 */
export type AttributeEdit = {
  readonly code: number;
  /** Where it was not there before. */
  readonly flags: number;
} & (
  | { readonly kind: "word"; readonly value: number }
  | { readonly kind: "front"; readonly asns: readonly number[] }
  | { readonly kind: "list"; readonly entryWords: number; readonly steps: readonly ListStep[] }
);

export interface ListStep {
  /** Goes, if it fits any. */
  readonly removed: readonly CommunityPattern[];
  /** Comes, unless it is there. */
  readonly added: readonly (readonly number[])[];
}
