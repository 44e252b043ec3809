/** A store whose questions are counted and timed, whatever it is. */

import {
  type Batch,
  type Commit,
  type Committed,
  type Entry,
  type Key,
  type Lease,
  type Snapshot,
  type Store,
  StoreError,
  type StoreFault,
} from "./store.ts";

export type Operation = "read" | "get" | "commit" | "lease";

/** ok; not-met: a commit whose requirements did not hold; or why it failed. */
export type Result = "ok" | "not-met" | StoreFault;

/** Hears of every question that is over. @param reason - of a fault, in words */
export type Observe = (operation: Operation, result: Result, seconds: number, reason?: string) => void;

export class MeasuredStore implements Store {
  readonly #store: Store;
  readonly #observe: Observe;
  readonly #nowMs: () => number;

  constructor(store: Store, nowMs: () => number, observe: Observe) {
    this.#store = store;
    this.#observe = observe;
    this.#nowMs = nowMs;
  }

  read(prefix: Key): Promise<Snapshot> {
    return this.#timed("read", () => this.#store.read(prefix));
  }

  get(key: Key): Promise<Entry | undefined> {
    return this.#timed("get", () => this.#store.get(key));
  }

  commit(commit: Commit): Promise<Committed> {
    const resultOf = ({ ok }: Committed): Result => (ok ? "ok" : "not-met");
    return this.#timed("commit", () => this.#store.commit(commit), resultOf);
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    return this.#store.watch(prefix, after, onEvents, onCompacted);
  }

  lease(ttlSeconds: number, onLost: () => void): Promise<Lease> {
    return this.#timed("lease", () => this.#store.lease(ttlSeconds, onLost));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #timed<T>(
    operation: Operation,
    ask: () => Promise<T>,
    resultOf: (answer: T) => Result = () => "ok",
  ): Promise<T> {
    const beganMs = this.#nowMs();
    const tell = (result: Result, reason?: string): void =>
      this.#observe(operation, result, (this.#nowMs() - beganMs) / 1000, reason);
    try {
      const answer = await ask();
      tell(resultOf(answer));
      return answer;
    } catch (error) {
      if (error instanceof StoreError) tell(error.detail.code, error.message);
      throw error;
    }
  }
}
