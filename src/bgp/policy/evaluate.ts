/**
 * Policies made fast: the form in which the RIB asks them.
 *
 * A rule can see four things. Attributes are boiled down, once per attribute set, to a class ({@link AttributeClasses});
 * the prefix is looked up in a table; the tag is a bit in a mask, and so is the validity of the origin, which is looked up
 * when the first rule asks for it. What follows from class and tag is worked out once ({@link Step}): per route, only rules
 * that ask for the prefix or the validity are asked, and no object is made. Verdicts are interned by the rules that were
 * applied on the way, so that the RIB can remember what a verdict made of an attribute set.
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

/** What the rules before have made of a route. */
interface Passing {
  readonly ofClass: ClassOfAttributes;
  readonly tag: number;
  readonly applied: Applied;
}

/** Where a route comes to: the next rule that asks about more than its class and tag, or the end. */
interface Step {
  /** The rule that asks. */
  readonly at: number;
  readonly ranges: PrefixRanges | undefined;
  /** A bit per index of VALIDITIES; undefined: any. */
  readonly validities: number | undefined;
  /** The end of the walk. */
  readonly verdict: Verdict | undefined;
  readonly passing: Passing;
  /** What comes after the rule if it applies, and if not; undefined until a route goes there. */
  yes: Step | undefined;
  no: Step | undefined;
}

/** The steps of one class of attributes. */
interface Steps {
  readonly ofClass: ClassOfAttributes;
  /** By the tag that a route comes with. */
  readonly first: (Step | undefined)[];
  count: number;
}

/** Ways through the rules that are remembered, and steps of each class. Routes choose which, so there is a limit. */
const MOST_NODES = 4096;
const MOST_STEPS = 256;

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
  readonly #steps: WeakMap<ClassOfAttributes, Steps> = new WeakMap();
  #nodes = 0;

  constructor(policy: Policy, vrps: OriginCheck) {
    const { rules, otherwise, finally: last, honorsGracefulShutdown = false } = policy;
    this.#vrps = vrps;
    this.#otherwise = otherwise;
    this.#finally = last === undefined ? [] : [last];
    this.honorsGracefulShutdown = honorsGracefulShutdown;
    this.#rules = rules.map(compileRule);
    this.#classes = new AttributeClasses(rules);
    this.onlyClass = this.#classes.only && branded(this.#stepsOf(this.#classes.only));
    this.usesValidity = this.#rules.some(({ validities }) => validities !== undefined);
    this.usesPrefix = this.usesValidity || this.#rules.some(({ ranges }) => ranges !== undefined);
  }

  classify(attributes: PathAttributes): AttributeClass {
    return branded(this.#stepsOf(this.#classes.of(attributes)));
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
    const steps = unbranded(attributeClass);
    let validity: number | undefined;
    let step = steps.first[tag] ?? this.#begin(steps, tag);
    for (;;) {
      const { verdict, ranges, validities } = step;
      if (verdict !== undefined) return verdict;
      let holds = ranges === undefined || ranges.match(family, w0, w1, w2, w3, length);
      if (holds && validities !== undefined) {
        validity ??= this.#vrps.validity(family, w0, w1, w2, w3, length, originAs);
        holds = (validities & (1 << validity)) !== 0;
      }
      step = (holds ? step.yes : step.no) ?? this.#follow(steps, step, holds);
    }
  }

  #stepsOf(ofClass: ClassOfAttributes): Steps {
    let steps = this.#steps.get(ofClass);
    if (steps === undefined) {
      steps = { ofClass, first: [], count: 0 };
      this.#steps.set(ofClass, steps);
    }
    return steps;
  }

  #begin(steps: Steps, tag: number): Step {
    const step = this.#stepFrom(0, { ofClass: steps.ofClass, tag, applied: this.#start });
    if (steps.count++ < MOST_STEPS) steps.first[tag] = step;
    return step;
  }

  #follow(steps: Steps, step: Step, holds: boolean): Step {
    const next = holds ? this.#stepBehind(step) : this.#stepFrom(step.at + 1, step.passing);
    if (steps.count++ >= MOST_STEPS) return next;
    if (holds) step.yes = next;
    else step.no = next;
    return next;
  }

  /** Where a route comes to when the rule of a step applies to it. */
  #stepBehind({ at, passing }: Step): Step {
    const ends = this.#rules[at]!.rule.then !== "next";
    return ends ? this.#end(at, passing) : this.#stepFrom(at + 1, this.#passed(at, passing));
  }

  /** Where a route comes to from the rule `from` on. */
  #stepFrom(from: number, before: Passing): Step {
    let passing = before;
    for (let at = from; at < this.#rules.length; at++) {
      const { rule, ranges, tags, validities } = this.#rules[at]!;
      if (!passing.ofClass.holds[at] || !hasTag(tags, passing.tag)) continue;
      if (ranges !== undefined || validities !== undefined) {
        return { at, ranges, validities, verdict: undefined, passing, yes: undefined, no: undefined };
      }
      if (rule.then !== "next") return this.#end(at, passing);
      passing = this.#passed(at, passing);
    }
    return this.#end(this.#rules.length, passing);
  }

  /** What a rule with "next" makes of a route. */
  #passed(at: number, { ofClass, tag, applied }: Passing): Passing {
    const { rule } = this.#rules[at]!;
    return {
      ofClass: this.#classes.after(ofClass, at),
      tag: rule.set?.tag ?? tag,
      applied: this.#further(applied, at, rule),
    };
  }

  /** @param at - the rule that ends the walk; behind them all: none does */
  #end(at: number, passing: Passing): Step {
    const rule = this.#rules[at]?.rule;
    const how = rule === undefined || rule.then === "next" ? this.#otherwise : rule.then;
    const verdict = this.#ended(passing.applied, at, how, rule);
    return { at, ranges: undefined, validities: undefined, verdict, passing, yes: undefined, no: undefined };
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
const branded = (steps: Steps): AttributeClass => steps as unknown as AttributeClass;
const unbranded = (known: AttributeClass): Steps => known as unknown as Steps;

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
