/** Names of rules as numbers, for a column. 0 is none. */

import type { Verdict } from "./route-filter.ts";

export class RuleNames {
  readonly #names: string[] = [""];
  readonly #numberByVerdict: WeakMap<Verdict, number> = new WeakMap();
  #lastVerdict: Verdict | undefined;
  #numberOfLast = 0;

  nameOf(number: number): string | undefined {
    return this.#names[number];
  }

  /** Of the rule that a verdict bears. Remembers the last: most are as the one before. */
  numberOf(verdict: Verdict): number {
    if (verdict !== this.#lastVerdict) {
      this.#numberOfLast = this.#numberByVerdict.get(verdict) ?? this.#add(verdict);
      this.#lastVerdict = verdict;
    }
    return this.#numberOfLast;
  }

  #add(verdict: Verdict): number {
    let number = this.#names.indexOf(verdict.rule);
    if (number < 0) number = this.#names.push(verdict.rule) - 1;
    this.#numberByVerdict.set(verdict, number);
    return number;
  }
}
