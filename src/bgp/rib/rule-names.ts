/** Names of rules as numbers, for a column. 0 is none. */

import type { Verdict } from "./route-filter.ts";

export class RuleNames {
  readonly #names: string[] = [""];
  readonly #numberByVerdict: WeakMap<Verdict, number> = new WeakMap();

  nameOf(number: number): string | undefined {
    return this.#names[number];
  }

  /** Of the rule that a verdict bears. */
  numberOf(verdict: Verdict): number {
    const known = this.#numberByVerdict.get(verdict);
    if (known !== undefined) return known;
    let number = this.#names.indexOf(verdict.rule);
    if (number < 0) number = this.#names.push(verdict.rule) - 1;
    this.#numberByVerdict.set(verdict, number);
    return number;
  }
}
