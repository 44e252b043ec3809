/** What rules ask of attributes, as predicates that know which attributes they read. */

import { contains, hostPrefix } from "../net/address.ts";
import { type AsPathPattern, parseAsPathPattern } from "../net/as-path-pattern.ts";
import { type CommunityPattern, includesPattern, sameLarge } from "../net/communities.ts";
import { formatAsPath } from "../wire/as-path-text.ts";
import { asPathLength, type PathAttributes } from "../wire/path-attributes.ts";
import type { Match } from "./rules.ts";

/** What of the attributes rules can ask for and change. The origin is asked for only. */
export type Field = "communities" | "large" | "extended" | "asPath" | "nextHop" | "origin";

export interface Condition {
  readonly fields: readonly Field[];
  readonly holds: (attributes: PathAttributes) => boolean;
}

/** All of them must hold. */
export function conditionsOf(match: Match): Condition[] {
  return [...communityConditions(match), ...pathConditions(match)];
}

function communityConditions({ communities, largeCommunities, anyCommunity }: Match): Condition[] {
  const found: Condition[] = [];
  if (communities !== undefined) {
    const holds = (given: PathAttributes) => communities.some((each) => given.communities.includes(each));
    found.push({ fields: ["communities"], holds });
  }
  if (largeCommunities !== undefined) {
    const holds = (given: PathAttributes) =>
      given.largeCommunities.some((each) => largeCommunities.some((one) => sameLarge(one, each)));
    found.push({ fields: ["large"], holds });
  }
  if (anyCommunity !== undefined) {
    const kinds = new Set(anyCommunity.map(fieldOf));
    const holds = (given: PathAttributes) =>
      given.communities.some((each) => includesPattern(anyCommunity, [each])) ||
      given.extendedCommunities.some((each) => includesPattern(anyCommunity, each)) ||
      given.largeCommunities.some((each) => includesPattern(anyCommunity, each));
    found.push({ fields: [...kinds], holds });
  }
  return found;
}

function pathConditions({ asPath, asPathLength: lengths, nextHops, origins }: Match): Condition[] {
  const found: Condition[] = [];
  if (asPath !== undefined) {
    const patterns = asPath.map(patternOf);
    const holds = (given: PathAttributes) => {
      const text = formatAsPath(given.asPath);
      return patterns.some((pattern) => pattern.matches(text));
    };
    found.push({ fields: ["asPath"], holds });
  }
  if (lengths !== undefined) {
    const holds = (given: PathAttributes) => {
      const length = asPathLength(given.asPath);
      return length >= lengths.min && length <= lengths.max;
    };
    found.push({ fields: ["asPath"], holds });
  }
  if (nextHops !== undefined) {
    const holds = (given: PathAttributes) => {
      const host = hostPrefix(given.nextHop);
      return nextHops.some((each) => contains(each, host));
    };
    found.push({ fields: ["nextHop"], holds });
  }
  if (origins !== undefined) {
    found.push({ fields: ["origin"], holds: (given) => origins.includes(given.origin) });
  }
  return found;
}

/** @throws RangeError that says what is wrong with the pattern */
function patternOf(source: string): AsPathPattern {
  const parsed = parseAsPathPattern(source);
  if ("at" in parsed) throw new RangeError(`AS path pattern ${source}: ${parsed.message}`);
  return parsed;
}

/** The kind of communities that a pattern means. */
export const fieldOf = ({ words }: CommunityPattern): "communities" | "extended" | "large" =>
  words.length === 1 ? "communities" : words.length === 2 ? "extended" : "large";
