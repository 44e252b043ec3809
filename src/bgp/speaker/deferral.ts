/**
 * Waiting until every peer that is to be waited for has told what it knows (RFC 4724 §4.1), so that the caller may take
 * away what its predecessor left in the forwarding plane and nobody announces any more.
 */

import { type Address, compareAddresses } from "../net/address.ts";

export interface Learned {
  /** Those who did not come, or did not finish, in time. */
  readonly missing: readonly Address[];
}

interface Waiter {
  readonly deadlineMs: number;
  readonly resolve: (learned: Learned) => void;
}

export class Deferral {
  readonly #expected: Address[] = [];
  #waiters: Waiter[] = [];

  /** Waits for these too: peers of ranges, which are not known before they come. */
  expect(addresses: readonly Address[]): void {
    for (const address of addresses) {
      if (this.#expected.every((known) => compareAddresses(known, address) !== 0))
        this.#expected.push(address);
    }
  }

  get expected(): readonly Address[] {
    return this.#expected;
  }

  wait(deadlineMs: number): Promise<Learned> {
    return new Promise((resolve) => {
      this.#waiters.push({ deadlineMs, resolve });
    });
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadlineMs } of this.#waiters) next = Math.min(next, deadlineMs);
    return next;
  }

  /** Releases who waited long enough, or all when nobody is missing. */
  settle(nowMs: number, missing: () => readonly Address[]): void {
    if (this.#waiters.length === 0) return;
    const still = missing();
    const over = (waiter: Waiter): boolean => still.length === 0 || waiter.deadlineMs <= nowMs;
    const done = this.#waiters.filter(over);
    this.#waiters = this.#waiters.filter((waiter) => !over(waiter));
    for (const { resolve } of done) resolve({ missing: still });
  }
}
