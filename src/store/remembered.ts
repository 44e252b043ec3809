/**
 * A store of others that may be out of reach when this process starts. What is read of it and told by it is copied to
 * this machine's disk; a process that starts without it begins with that, and goes on from there as soon as it can.
 *
 * Nothing is written but in the store itself. What is read while it is away is of one revision by prefix, and a watch
 * from there misses nothing, or says that it does.
 */

import type { Copy } from "./local/copy.ts";
import type { Batch, Commit, Committed, Entry, Key, Lease, Snapshot, Store } from "./store.ts";

export class RememberedStore implements Store {
  readonly #store: Store;
  readonly #copy: Copy;
  #isAway: boolean;

  /** @param isAway - the store was not reached: reading waits for no more of it, until it has spoken */
  constructor(store: Store, copy: Copy, isAway: boolean) {
    this.#store = store;
    this.#copy = copy;
    this.#isAway = isAway;
  }

  /** As of the copy while the store is away. @throws StoreError */
  async read(prefix: Key): Promise<Snapshot> {
    const copied = this.#isAway ? await this.#copy.read(prefix) : undefined;
    if (copied !== undefined) return copied;
    const snapshot = await this.#store.read(prefix);
    await this.#copy.replace(prefix, snapshot);
    return snapshot;
  }

  get(key: Key): Promise<Entry | undefined> {
    return this.#store.get(key);
  }

  commit(commit: Commit): Promise<Committed> {
    return this.#store.commit(commit);
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    return this.#store.watch(
      prefix,
      after,
      (batch) => {
        this.#isAway = false;
        this.#copy.take(prefix, batch);
        onEvents(batch);
      },
      () => {
        this.#isAway = false;
        onCompacted();
      },
    );
  }

  lease(ttlSeconds: number, onLost: () => void): Promise<Lease> {
    return this.#store.lease(ttlSeconds, onLost);
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#copy.close();
  }
}
