/**
 * What the rules of one policy can see of an attribute set.
 *
 * Of all communities only those count that some rule asks for: the "facts". Which of them a set has is a pattern of
 * bits, and each pattern that occurs is a class. Rules are asked once per class; what a rule's changes do to a class is
 * another class, found once.
 */

import type { LargeCommunity } from "../net/communities.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { isRemoved, sameLarge } from "./changes.ts";
import type { Changes, Match, Rule } from "./rules.ts";

interface Facts {
  readonly communities: readonly number[];
  readonly large: readonly LargeCommunity[];
}

export interface CommunityClass {
  readonly facts: Facts;
  /** By rule: do its conditions on communities hold? */
  readonly holds: readonly boolean[];
  /** By rule: the class after its changes; undefined until asked for. */
  readonly after: (CommunityClass | undefined)[];
}

/** Patterns kept. Peers choose which occur, so there is a limit; beyond it they are found again, at some cost. */
const MOST_PATTERNS = 1024;

export class CommunityClasses {
  readonly #rules: readonly Rule[];
  /** What some rule asks for. */
  readonly #communities: readonly number[];
  readonly #large: readonly LargeCommunity[];
  readonly #byPattern: Map<string, CommunityClass> = new Map();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    this.#communities = [...new Set(rules.flatMap(({ match }) => match.communities ?? []))];
    this.#large = rules.flatMap(({ match }) => match.largeCommunities ?? []);
  }

  /** The class of all attribute sets, when no rule asks for communities. */
  get only(): CommunityClass | undefined {
    const asks = this.#rules.some(
      ({ match }) => match.communities !== undefined || match.largeCommunities !== undefined,
    );
    return asks ? undefined : this.#intern({ communities: [], large: [] });
  }

  of({ communities, largeCommunities }: PathAttributes): CommunityClass {
    return this.#intern({ communities, large: largeCommunities });
  }

  /** The class after a rule's changes. */
  after(before: CommunityClass, rule: number): CommunityClass {
    const known = before.after[rule];
    if (known !== undefined) return known;
    const next = this.#intern(changed(before.facts, this.#rules[rule]!.set));
    before.after[rule] = next;
    return next;
  }

  #intern(given: Facts): CommunityClass {
    const facts: Facts = {
      communities: this.#communities.filter((community) => given.communities.includes(community)),
      large: this.#large.filter((community) => given.large.some((other) => sameLarge(other, community))),
    };
    const pattern = JSON.stringify(facts);
    const known = this.#byPattern.get(pattern);
    if (known !== undefined) return known;
    if (this.#byPattern.size >= MOST_PATTERNS) this.#byPattern.clear();
    const holds = this.#rules.map(({ match }) => matches(match, facts));
    const made: CommunityClass = { facts, holds, after: [] };
    this.#byPattern.set(pattern, made);
    return made;
  }
}

/** Do the conditions on communities hold? Within a list, any one. */
function matches(match: Match, { communities, large }: Facts): boolean {
  if (match.communities?.some((community) => communities.includes(community)) === false) return false;
  const any = match.largeCommunities?.some((community) => large.some((other) => sameLarge(other, community)));
  return any !== false;
}

function changed({ communities, large }: Facts, changes: Changes | undefined): Facts {
  return {
    communities: [...communities, ...(changes?.addCommunities ?? [])],
    large: [
      ...large.filter((community) => !isRemoved(community, changes?.removeLargeCommunities)),
      ...(changes?.addLargeCommunities ?? []),
    ],
  };
}
