/** Kinds as numbers: as tags inside a speaker, and as large communities between our own speakers. */

import type { LargeCommunity } from "../bgp/net/communities.ts";
import { KINDS, type Kind } from "../model/model.ts";

/** Local data 1 of the large communities (RFC 8092) that carry a kind; docs/adr/0001. */
export const KIND_COMMUNITY = 86;

/** 1..8, in the order of KINDS, which therefore never changes but at its end. */
export const tagOf = (kind: Kind): number => KINDS.indexOf(kind) + 1;

/** What a tag stands for; a route without one is "other". */
export const kindOf = (tag: number): Kind => KINDS[tag - 1] ?? "other";

/** What one of our speakers believes another one (docs/adr/0001). */
export const TOLD_KINDS: readonly Kind[] = KINDS.filter((kind) => kind !== "blackhole");

export const kindCommunity = (asn: number, kind: Kind): LargeCommunity => [asn, KIND_COMMUNITY, tagOf(kind)];
