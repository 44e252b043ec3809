/** Policies made fast, one filter for all that are equal: peers that share one share update groups. */

import { compilePolicy } from "../policy/evaluate.ts";
import type { Policy } from "../policy/rules.ts";
import type { RouteFilter } from "../rib/route-filter.ts";
import type { VrpTable } from "../rpki/vrp-table.ts";

export class Filters {
  readonly #vrps: VrpTable;
  #byText: Map<string, RouteFilter> = new Map();

  constructor(vrps: VrpTable) {
    this.#vrps = vrps;
  }

  of(policy: Policy): RouteFilter {
    return this.#find(policy, this.#byText);
  }

  /** Forgets all but the filters of these, which stay the same objects. */
  keep(policies: readonly Policy[]): void {
    const before = this.#byText;
    this.#byText = new Map();
    for (const policy of policies) this.#find(policy, before);
  }

  #find(policy: Policy, known: ReadonlyMap<string, RouteFilter>): RouteFilter {
    const key = JSON.stringify(policy);
    const filter = this.#byText.get(key) ?? known.get(key) ?? compilePolicy(policy, this.#vrps);
    this.#byText.set(key, filter);
    return filter;
  }
}
