/** What a rule does to the attributes of a route. */

import type { LargeCommunity } from "../net/communities.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { Changes } from "./rules.ts";

/** Large communities are removed before others are added, so that one rule can replace them. */
export function applyChanges(attributes: PathAttributes, changes: Changes): PathAttributes {
  return {
    ...attributes,
    localPref: changes.localPref ?? attributes.localPref,
    med: changes.med ?? attributes.med,
    communities: withAdded(attributes.communities, changes.addCommunities, Object.is),
    largeCommunities: withAdded(
      withoutLarge(attributes.largeCommunities, changes.removeLargeCommunities),
      changes.addLargeCommunities,
      sameLarge,
    ),
  };
}

/** False when all that it changes is the tag, which is no attribute. */
export const changesAttributes = ({ tag, ...others }: Changes): boolean =>
  Object.values(others).some((value) => value !== undefined);

export const sameLarge = (a: LargeCommunity, b: LargeCommunity): boolean =>
  a[0] === b[0] && a[1] === b[1] && a[2] === b[2];

/** Whether `removeLargeCommunities` means this one. */
export const isRemoved = (community: LargeCommunity, removed: Changes["removeLargeCommunities"]): boolean =>
  removed !== undefined && community[0] === removed[0] && community[1] === removed[1];

const withoutLarge = (
  communities: readonly LargeCommunity[],
  removed: Changes["removeLargeCommunities"],
): readonly LargeCommunity[] => communities.filter((community) => !isRemoved(community, removed));

function withAdded<T>(
  present: readonly T[],
  added: readonly T[] | undefined,
  same: (a: T, b: T) => boolean,
): readonly T[] {
  const all = [...present];
  for (const each of added ?? []) if (!all.some((other) => same(other, each))) all.push(each);
  return all;
}
