/** What well-known communities make of a path that its policy has accepted. */

import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import type { AppliedFilter } from "./applied-filter.ts";
import type { AttrId, AttributePool } from "./attribute-pool.ts";

interface Amendment {
  /** What an {@link AppliedFilter} remembers it by. */
  readonly way: number;
  readonly make: (attributes: PathAttributes) => PathAttributes;
}

const STALE = WELL_KNOWN_COMMUNITIES["llgr-stale"];

/** RFC 9494 §4.2: its peer has been away for longer than a restart takes. */
export const WITH_LLGR_STALE: Amendment = {
  way: 0,
  make: (given) =>
    given.communities.includes(STALE) ? given : { ...given, communities: [...given.communities, STALE] },
};

/** RFC 8326 §4.1: the way that it came is about to end. */
export const WITHOUT_PREFERENCE: Amendment = { way: 1, make: (given) => ({ ...given, localPref: 0 }) };

/** Made once for each attribute set. Gives one reference back and takes one on the outcome. 0 is made of 0, or too long. */
export function changed(
  pool: AttributePool,
  filter: AppliedFilter,
  attrs: AttrId,
  { way, make }: Amendment,
): AttrId {
  if (attrs === 0) return attrs;
  const made = filter.derive(attrs, way, () => pool.intern(make(pool.attributes(attrs))));
  pool.release(attrs);
  return made;
}
