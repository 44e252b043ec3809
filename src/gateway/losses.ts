/** Next hops that nobody is behind any more, until all that peers tell has been decided by that. */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";

export class Losses {
  readonly #byText = new Map<string, { decided: boolean }>();

  /** As text. */
  get nextHops(): ReadonlySet<string> {
    return new Set(this.#byText.keys());
  }

  /** @param decided - resolves when peers' paths have been decided without them */
  async add(nextHops: readonly Address[], decided: Promise<void>): Promise<void> {
    const loss = { decided: false };
    for (const nextHop of nextHops) this.#byText.set(formatAddress(nextHop), loss);
    await decided;
    loss.decided = true;
  }

  /** True when it was lost. */
  delete(nextHop: Address): boolean {
    return this.#byText.delete(formatAddress(nextHop));
  }

  /** What was decided has been judged too: who names such a next hop still, means it. True when there was one. */
  forgetDecided(): boolean {
    const before = this.#byText.size;
    for (const [key, { decided }] of this.#byText) if (decided) this.#byText.delete(key);
    return this.#byText.size < before;
  }
}
