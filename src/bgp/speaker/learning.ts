/** Whether a peer has told all that it knew, once in the life of this speaker (RFC 4724 §4.1). */

import type { Family } from "../net/address.ts";
import type { Negotiated } from "../session/negotiation.ts";

export class Learning {
  complete = false;
  /** Families whose End-of-RIB has not come in this session. */
  readonly #awaited: Set<Family> = new Set();

  begin({ gracefulRestart: restart, families }: Negotiated): void {
    this.#awaited.clear();
    // RFC 4724 §4.1: a peer that has restarted itself waits for us; waiting for it would be for ever.
    if (restart?.restarting === true) this.complete = true;
    else if (restart !== undefined) for (const family of families) this.#awaited.add(family);
  }

  endOfRib(family: Family): void {
    this.#awaited.delete(family);
    if (this.#awaited.size === 0) this.complete = true;
  }

  /**
   * Without End-of-RIB, the first KEEPALIVE of the session ends the wait: the table has been sent before it.
   * Returns true when it did.
   */
  keepalive(): boolean {
    if (this.#awaited.size > 0 || this.complete) return false;
    this.complete = true;
    return true;
  }
}
