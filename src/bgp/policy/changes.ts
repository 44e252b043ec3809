/** What a rule does to the attributes of a route. */

import type { Address } from "../net/address.ts";
import { includesPattern, type LargeCommunity, sameLarge } from "../net/communities.ts";
import { withFront } from "../wire/as-path.ts";
import type { AsPathSegment, PathAttributes } from "../wire/path-attributes.ts";
import { type Field, fieldOf } from "./conditions.ts";
import type { Changes } from "./rules.ts";

/** Communities are removed before others are added, so that one rule can replace them. */
export function applyChanges(attributes: PathAttributes, changes: Changes): PathAttributes {
  const removed = changes.removeCommunities ?? [];
  const { removeLargeCommunities: removedLarge } = changes;
  return {
    ...attributes,
    localPref: changes.localPref ?? attributes.localPref,
    med: medAfter(attributes.med, changes),
    asPath: prepended(attributes.asPath, changes.prepend),
    nextHop: nextHopAfter(attributes.nextHop, changes.nextHop),
    communities: withAdded(
      attributes.communities.filter((each) => !includesPattern(removed, [each])),
      changes.addCommunities,
      Object.is,
    ),
    extendedCommunities: withAdded(
      attributes.extendedCommunities.filter((each) => !includesPattern(removed, each)),
      changes.addExtendedCommunities,
      (a, b) => a[0] === b[0] && a[1] === b[1],
    ),
    largeCommunities: withAdded(
      attributes.largeCommunities.filter(
        (each) => !isRemoved(each, removedLarge) && !includesPattern(removed, each),
      ),
      changes.addLargeCommunities,
      sameLarge,
    ),
  };
}

/** False when all that it changes is the tag, which is no attribute. */
export const changesAttributes = ({ tag, ...others }: Changes): boolean =>
  Object.values(others).some((value) => value !== undefined);

/** What of that which rules can ask for is changed. */
export function changedFields(changes: Changes): Field[] {
  const fields: Field[] = (changes.removeCommunities ?? []).map(fieldOf);
  if (changes.addCommunities !== undefined) fields.push("communities");
  if (changes.addExtendedCommunities !== undefined) fields.push("extended");
  if (changes.addLargeCommunities !== undefined || changes.removeLargeCommunities !== undefined) {
    fields.push("large");
  }
  if (changes.prepend !== undefined) fields.push("asPath");
  if (changes.nextHop !== undefined) fields.push("nextHop");
  return fields;
}

const MOST_MED = 0xffff_ffff;

function medAfter(before: number | undefined, { med, addMed }: Changes): number | undefined {
  const given = med ?? before;
  if (addMed === undefined) return given;
  return Math.min(MOST_MED, Math.max(0, (given ?? 0) + addMed));
}

/** The very same next hop where nothing changes: who sends it tells a chosen one by that. */
const nextHopAfter = (before: Address, chosen: Address | undefined): Address =>
  chosen?.family === before.family ? chosen : before;

const prepended = (path: readonly AsPathSegment[], prepend: Changes["prepend"]): readonly AsPathSegment[] =>
  prepend === undefined ? path : withFront(path, new Array<number>(prepend.times).fill(prepend.asn));

/** Whether `removeLargeCommunities` means this one. */
const isRemoved = (community: LargeCommunity, removed: Changes["removeLargeCommunities"]): boolean =>
  removed !== undefined && community[0] === removed[0] && community[1] === removed[1];

function withAdded<T>(
  present: readonly T[],
  added: readonly T[] | undefined,
  same: (a: T, b: T) => boolean,
): readonly T[] {
  const all = [...present];
  for (const each of added ?? []) if (!all.some((other) => same(other, each))) all.push(each);
  return all;
}
