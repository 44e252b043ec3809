/**
 * What stands before the import policy of some peers, whatever that says: route leaks are refused and paths marked
 * (RFC 9234), and where we present another AS number to the peer (local-as), that one is looked for as our own is, and put
 * in front.
 *
 * All of it depends on attributes alone. So it is part of their class, found once per attribute set, and costs a route
 * nothing; policy sees what it made of them.
 */

import type { Family } from "../net/address.ts";
import type { AttributeClass, RouteFilter, Verdict } from "../rib/route-filter.ts";
import { occurrences, withFront } from "../wire/as-path.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { ROLE_RULES, type Role } from "../wire/roles.ts";
import { composedEdits, type Edits, onlyToCustomer, front as putInFront } from "./edits.ts";

/** Of one peer in another AS. */
export interface EntryRules {
  readonly remoteAsn: number;
  /** What we are to the peer. */
  readonly role: Role | undefined;
  /** What the peer takes for our AS number, where it is another than the speaker's. */
  readonly localAsn: number | undefined;
  /** That number is put in front of the peer's paths. */
  readonly prepends: boolean;
  /** How often it may be in a path before that is a loop. */
  readonly allowOwnAs: number;
}

export const withEntry = (policy: RouteFilter, rules: EntryRules): RouteFilter => new Entry(policy, rules);

/** An attribute set as it comes in. */
interface Entered {
  readonly refused: Verdict | undefined;
  /** What the policy says of it. */
  readonly seen: AttributeClass;
  /** What is made of it before. */
  readonly made: Made;
}

/** One way of changing attributes, and the policy's verdicts with that put before what they change. */
interface Made {
  /** Undefined: none. */
  readonly change: Verdict["change"];
  /** The same. */
  readonly edits: Edits;
  readonly verdicts: WeakMap<Verdict, Verdict>;
}

const LEAK = "leak (RFC 9234)";
const LOCAL_AS_LOOP = "localAs in the AS path";

class Entry implements RouteFilter {
  readonly onlyClass: undefined = undefined;
  readonly usesPrefix: boolean;
  readonly usesValidity: boolean;
  readonly honorsGracefulShutdown: boolean;
  readonly #policy: RouteFilter;
  readonly #rules: EntryRules;
  readonly #leak: Verdict = refusal(LEAK);
  readonly #loop: Verdict = refusal(LOCAL_AS_LOOP);
  readonly #plain: Made;
  readonly #marked: Made;

  constructor(policy: RouteFilter, rules: EntryRules) {
    this.#policy = policy;
    this.#rules = rules;
    this.usesPrefix = policy.usesPrefix;
    this.usesValidity = policy.usesValidity;
    this.honorsGracefulShutdown = policy.honorsGracefulShutdown;
    const { localAsn, prepends, remoteAsn } = rules;
    const front =
      prepends && localAsn !== undefined
        ? (given: PathAttributes) => ({ ...given, asPath: withFront(given.asPath, [localAsn]) })
        : undefined;
    const fronted = prepends && localAsn !== undefined ? [putInFront([localAsn])] : [];
    const mark = (given: PathAttributes) => ({ ...(front?.(given) ?? given), onlyToCustomer: remoteAsn });
    this.#plain = { change: front, edits: fronted, verdicts: new WeakMap() };
    const marked = composedEdits(fronted, [onlyToCustomer(remoteAsn)]);
    this.#marked = { change: mark, edits: marked, verdicts: new WeakMap() };
  }

  classify(attributes: PathAttributes): AttributeClass {
    const made = this.#marks(attributes) ? this.#marked : this.#plain;
    const seen = this.#policy.onlyClass ?? this.#policy.classify(made.change?.(attributes) ?? attributes);
    return branded({ refused: this.#refusalOf(attributes), seen, made });
  }

  judge(
    attributeClass: AttributeClass,
    family: Family,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    tag: number,
    originAs: number,
  ): Verdict {
    const { refused, seen, made } = unbranded(attributeClass);
    if (refused !== undefined) return refused;
    const verdict = this.#policy.judge(seen, family, w0, w1, w2, w3, length, tag, originAs);
    if (made.change === undefined || !verdict.accepted) return verdict;
    const known = made.verdicts.get(verdict);
    if (known !== undefined) return known;
    const isEdited = verdict.change === undefined || verdict.edits !== undefined;
    const entered: Verdict = {
      ...verdict,
      change: composed(made.change, verdict.change),
      edits: isEdited ? composedEdits(made.edits, verdict.edits ?? []) : undefined,
    };
    made.verdicts.set(verdict, entered);
    return entered;
  }

  /** RFC 9234 §5: from a provider, a peer or a route server, a path without OTC gets it. */
  #marks({ onlyToCustomer }: PathAttributes): boolean {
    const { role } = this.#rules;
    return onlyToCustomer === undefined && role !== undefined && ROLE_RULES[role].marksReceived;
  }

  #refusalOf({ onlyToCustomer, asPath }: PathAttributes): Verdict | undefined {
    const { role, localAsn, allowOwnAs, remoteAsn } = this.#rules;
    if (role !== undefined && onlyToCustomer !== undefined) {
      // RFC 9234 §5: who may send it only to customers has sent it to us.
      const { leaked } = ROLE_RULES[role];
      if (leaked === "always" || (leaked === "unless-remote" && onlyToCustomer !== remoteAsn)) {
        return this.#leak;
      }
    }
    // RFC 4271 §9.1.2, for our other AS number.
    const isLoop = localAsn !== undefined && occurrences(asPath, localAsn) > allowOwnAs;
    return isLoop ? this.#loop : undefined;
  }
}

const branded = (entered: Entered): AttributeClass => entered as unknown as AttributeClass;
const unbranded = (known: AttributeClass): Entered => known as unknown as Entered;

const refusal = (rule: string): Verdict => ({ accepted: false, rule, tag: undefined, change: undefined });

const composed = (
  first: NonNullable<Verdict["change"]>,
  then: Verdict["change"],
): NonNullable<Verdict["change"]> => (then === undefined ? first : (given) => then(first(given)));
