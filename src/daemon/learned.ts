/** What peers told us, best paths only, as the plan wants it. */

import { formatPrefix } from "../bgp/net/text.ts";
import type { RouteChange } from "../bgp/speaker/route-changes.ts";
import type { LearnedRoute } from "../gateway/intent.ts";
import { kindOf } from "../gateway/kinds.ts";

export class LearnedTable {
  readonly #routes: Map<string, LearnedRoute> = new Map();

  /** Takes over what changed in the Loc-RIB. */
  take(changes: readonly RouteChange[]): void {
    for (const { prefix, tag, paths } of changes) {
      const key = formatPrefix(prefix);
      if (paths.length === 0) this.#routes.delete(key);
      else this.#routes.set(key, { prefix, kind: kindOf(tag), paths });
    }
  }

  all(): readonly LearnedRoute[] {
    return [...this.#routes.values()];
  }

  get(prefixText: string): LearnedRoute | undefined {
    return this.#routes.get(prefixText);
  }
}
