/**
 * Policies made fast: the form in which the RIB asks them.
 *
 * A rule can see four things. Attributes are boiled down, once per attribute set, to a class ({@link AttributeClasses});
 * the prefix is looked up in a table; the tag is a bit in a mask, and so is the validity of the origin, which is looked up
 * when the first rule asks for it. Per route there remain a few comparisons of numbers per rule, and no object is made:
 * verdicts are interned by the rules that were applied on the way, so that the RIB can remember what a verdict made of an
 * attribute set.
 *
 * A rule sees the route as the rules before it ("next") have left it.
 */

import type { Family } from "../net/address.ts";
import type { AttributeClass, RouteFilter, Verdict } from "../rib/route-filter.ts";
import { VALIDITIES, type VrpTable } from "../rpki/vrp-table.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { AttributeClasses, type ClassOfAttributes } from "./attribute-classes.ts";
import { applyChanges, changesAttributes } from "./changes.ts";
import { editsOf } from "./edits.ts";
import { PrefixRanges } from "./prefix-ranges.ts";
import type { Changes, Policy, Rule } from "./rules.ts";

/** What is asked of the VRPs. */
type OriginCheck = Pick<VrpTable, "validity">;

/** @param vrps - what rules on `rpki` ask; without them every origin is not found */
export function compilePolicy(policy: Policy, vrps: OriginCheck = NOTHING_FOUND): RouteFilter {
  return new CompiledPolicy(policy, vrps);
}

const NOTHING_FOUND: OriginCheck = { validity: () => VALIDITIES.indexOf("not-found") };

/** A rule with its conditions in the form in which they are asked. */
interface CompiledRule {
  readonly rule: Rule;
  readonly ranges: PrefixRanges | undefined;
  /** A bit per tag, 256 of them; undefined: any tag. */
  readonly tags: Uint32Array | undefined;
  /** A bit per index of VALIDITIES; undefined: any. */
  readonly validities: number | undefined;
}

/** The rules applied so far, as a node of a tree: one node per way through the rules. */
interface Applied {
  readonly changes: readonly Changes[];
  /** By the number of the rule that is applied next. */
  readonly next: (Applied | undefined)[];
  /** By the number of the rule that ended the walk; behind them all, `otherwise`. */
  readonly verdicts: (Verdict | undefined)[];
}

/** Ways through the rules that are remembered. Routes choose which are gone, so there is a limit. */
const MOST_NODES = 4096;

class CompiledPolicy implements RouteFilter {
  readonly onlyClass: AttributeClass | undefined;
  readonly usesPrefix: boolean;
  readonly honorsGracefulShutdown: boolean;
  readonly usesValidity: boolean;
  readonly #vrps: OriginCheck;
  readonly #otherwise: Policy["otherwise"];
  readonly #finally: readonly Changes[];
  readonly #rules: readonly CompiledRule[];
  readonly #classes: AttributeClasses;
  readonly #start: Applied = { changes: [], next: [], verdicts: [] };
  #nodes = 0;

  constructor(policy: Policy, vrps: OriginCheck) {
    const { rules, otherwise, finally: last, honorsGracefulShutdown = false } = policy;
    this.#vrps = vrps;
    this.#otherwise = otherwise;
    this.#finally = last === undefined ? [] : [last];
    this.honorsGracefulShutdown = honorsGracefulShutdown;
    this.#rules = rules.map(compileRule);
    this.#classes = new AttributeClasses(rules);
    this.onlyClass = this.#classes.only && branded(this.#classes.only);
    this.usesValidity = this.#rules.some(({ validities }) => validities !== undefined);
    this.usesPrefix = this.usesValidity || this.#rules.some(({ ranges }) => ranges !== undefined);
  }

  classify(attributes: PathAttributes): AttributeClass {
    return branded(this.#classes.of(attributes));
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
    let validity: number | undefined;
    let applied = this.#start;
    let nowClass = unbranded(attributeClass);
    let nowTag = tag;
    for (let i = 0; i < this.#rules.length; i++) {
      const { rule, ranges, tags, validities } = this.#rules[i]!;
      if (!nowClass.holds[i] || !hasTag(tags, nowTag)) continue;
      if (ranges !== undefined && !ranges.match(family, w0, w1, w2, w3, length)) continue;
      if (validities !== undefined) {
        validity ??= this.#vrps.validity(family, w0, w1, w2, w3, length, originAs);
        if ((validities & (1 << validity)) === 0) continue;
      }
      if (rule.then !== "next") return this.#ended(applied, i, rule.then, rule);
      nowTag = rule.set?.tag ?? nowTag;
      nowClass = this.#classes.after(nowClass, i);
      applied = this.#further(applied, i, rule);
    }
    return this.#ended(applied, this.#rules.length, this.#otherwise, undefined);
  }

  #further(applied: Applied, at: number, rule: Rule): Applied {
    if (rule.set === undefined) return applied;
    const known = applied.next[at];
    if (known !== undefined) return known;
    const next: Applied = { changes: [...applied.changes, rule.set], next: [], verdicts: [] };
    if (this.#nodes++ < MOST_NODES) applied.next[at] = next;
    return next;
  }

  #ended(applied: Applied, at: number, how: "accept" | "reject", rule: Rule | undefined): Verdict {
    const known = applied.verdicts[at];
    if (known !== undefined) return known;
    const own = rule?.set === undefined ? [] : [rule.set];
    const changes = [...applied.changes, ...own, ...this.#finally];
    const verdict = verdictOf(how === "accept", rule?.name ?? "otherwise", changes);
    applied.verdicts[at] = verdict;
    return verdict;
  }
}

/** The RIB keeps classes for us and looks into none. */
const branded = (known: ClassOfAttributes): AttributeClass => known as unknown as AttributeClass;
const unbranded = (known: AttributeClass): ClassOfAttributes => known as unknown as ClassOfAttributes;

function compileRule(rule: Rule): CompiledRule {
  const { prefixes, tags, rpki } = rule.match;
  return {
    rule,
    ranges: prefixes && new PrefixRanges(prefixes),
    tags: tags && tagMask(tags),
    validities: rpki?.reduce((mask, each) => mask | (1 << VALIDITIES.indexOf(each)), 0),
  };
}

function tagMask(tags: readonly number[]): Uint32Array {
  const mask = new Uint32Array(8);
  for (const tag of tags) mask[tag >>> 5]! |= 1 << (tag & 31);
  return mask;
}

const hasTag = (tags: Uint32Array | undefined, tag: number): boolean =>
  tags === undefined || (tags[tag >>> 5]! & (1 << (tag & 31))) !== 0;

function verdictOf(accepted: boolean, rule: string, changes: readonly Changes[]): Verdict {
  const matter = accepted ? changes.filter(changesAttributes) : [];
  return {
    accepted,
    rule,
    tag: accepted ? changes.findLast(({ tag }) => tag !== undefined)?.tag : undefined,
    change: matter.length === 0 ? undefined : (attributes) => matter.reduce(applyChanges, attributes),
    edits: matter.length === 0 ? undefined : editsOf(matter),
  };
}
