/** Policies compiled once: equal ones give the same filter, so that their peers share update groups. */

import { compilePolicy } from "../policy/evaluate.ts";
import type { Policy } from "../policy/rules.ts";
import type { RouteFilter } from "../rib/route-filter.ts";
import type { VrpTable } from "../rpki/vrp-table.ts";

export class Filters {
  readonly #vrps: VrpTable;
  #current: Map<string, RouteFilter> = new Map();

  constructor(vrps: VrpTable) {
    this.#vrps = vrps;
  }

  of(policy: Policy): RouteFilter {
    const key = JSON.stringify(policy);
    const filter = this.#current.get(key) ?? compilePolicy(policy, this.#vrps);
    this.#current.set(key, filter);
    return filter;
  }

  /** Forgets all but these. */
  keepOnly(policies: readonly Policy[]): void {
    const before = this.#current;
    this.#current = new Map();
    for (const policy of policies) {
      const key = JSON.stringify(policy);
      this.#current.set(key, before.get(key) ?? compilePolicy(policy, this.#vrps));
    }
  }
}
