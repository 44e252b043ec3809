/**
 * What the rules of one policy can see of an attribute set.
 *
 * Every condition on attributes is asked once per attribute set; which of them hold is a pattern of bits, and each
 * pattern that occurs is a class. Rules are then asked once per class.
 *
 * Where a rule changes what a later rule asks for ("next"), that part of the attributes belongs to the class too, cut
 * down to what is asked for: what a rule's changes make of a class is another class, found once.
 */

import { ipv4 } from "../net/address.ts";
import { includesPattern, sameLarge } from "../net/communities.ts";
import { originatedAttributes, type PathAttributes } from "../wire/path-attributes.ts";
import { applyChanges, changedFields } from "./changes.ts";
import { type Condition, conditionsOf, type Field } from "./conditions.ts";
import type { Match, Rule } from "./rules.ts";

export interface ClassOfAttributes {
  /** By rule: do its conditions on what no rule changes hold? */
  readonly settled: readonly boolean[];
  /** What of the attributes may change on the way; all else is blank. */
  readonly seen: PathAttributes;
  /** By rule: do its conditions on attributes hold? */
  readonly holds: readonly boolean[];
  /** By rule: the class after its changes; undefined until asked for. */
  readonly after: (ClassOfAttributes | undefined)[];
}

/** The conditions of one rule. */
interface Asked {
  /** On what no rule changes. */
  readonly settled: readonly Condition[];
  /** On the rest. */
  readonly open: readonly Condition[];
}

/** Patterns kept. Peers choose which occur, so there is a limit; beyond it they are found again, at some cost. */
const MOST_PATTERNS = 1024;

const BLANK = originatedAttributes(ipv4(0));

export class AttributeClasses {
  readonly #rules: readonly Rule[];
  readonly #asked: readonly Asked[];
  /** Fields that some rule changes and some rule asks for. */
  readonly #open: ReadonlySet<Field>;
  readonly #byPattern: Map<string, ClassOfAttributes> = new Map();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    const changed = new Set(
      rules.flatMap(({ then, set }) => (then === "next" && set ? changedFields(set) : [])),
    );
    const conditions = rules.map(({ match }) => conditionsOf(match));
    const isOpen = ({ fields }: Condition): boolean => fields.some((field) => changed.has(field));
    this.#asked = conditions.map((each) => ({
      settled: each.filter((one) => !isOpen(one)),
      open: each.filter(isOpen),
    }));
    const fields = this.#asked.flatMap(({ open }) => open.flatMap((one) => one.fields));
    this.#open = new Set(fields);
  }

  /** The class of all attribute sets, when no rule asks for attributes. */
  get only(): ClassOfAttributes | undefined {
    const asks = this.#asked.some(({ settled, open }) => settled.length + open.length > 0);
    return asks ? undefined : this.of(BLANK);
  }

  of(attributes: PathAttributes): ClassOfAttributes {
    const settled = this.#asked.map((asked) => asked.settled.every(({ holds }) => holds(attributes)));
    return this.#intern(settled, attributes);
  }

  /** The class after a rule's changes. */
  after(before: ClassOfAttributes, rule: number): ClassOfAttributes {
    const known = before.after[rule];
    if (known !== undefined) return known;
    const { set } = this.#rules[rule]!;
    const changes = set !== undefined && changedFields(set).some((field) => this.#open.has(field));
    const next = changes ? this.#intern(before.settled, applyChanges(before.seen, set)) : before;
    before.after[rule] = next;
    return next;
  }

  #intern(settled: readonly boolean[], attributes: PathAttributes): ClassOfAttributes {
    const seen = this.#open.size === 0 ? BLANK : this.#cutDown(attributes);
    const pattern = settled.map(Number).join("") + (this.#open.size === 0 ? "" : JSON.stringify(seen));
    const known = this.#byPattern.get(pattern);
    if (known !== undefined) return known;
    if (this.#byPattern.size >= MOST_PATTERNS) this.#byPattern.clear();
    const holds = this.#asked.map(({ open }, i) => settled[i]! && open.every((one) => one.holds(seen)));
    const made: ClassOfAttributes = { settled, seen, holds, after: [] };
    this.#byPattern.set(pattern, made);
    return made;
  }

  #cutDown(given: PathAttributes): PathAttributes {
    const open = this.#open;
    const asks = (test: (match: Match) => boolean | undefined): boolean =>
      this.#rules.some(({ match }) => test(match) === true);
    const asksFor = (words: readonly number[]) =>
      asks(({ anyCommunity }) => anyCommunity && includesPattern(anyCommunity, words));
    return {
      ...BLANK,
      asPath: open.has("asPath") ? given.asPath : [],
      nextHop: open.has("nextHop") ? given.nextHop : BLANK.nextHop,
      communities: open.has("communities")
        ? given.communities
            .filter((each) => asks(({ communities }) => communities?.includes(each)) || asksFor([each]))
            .toSorted((a, b) => a - b)
        : [],
      largeCommunities: open.has("large")
        ? given.largeCommunities.filter(
            (each) =>
              asks(({ largeCommunities }) => largeCommunities?.some((one) => sameLarge(one, each))) ||
              asksFor(each),
          )
        : [],
      extendedCommunities: open.has("extended") ? given.extendedCommunities.filter(asksFor) : [],
    };
  }
}
