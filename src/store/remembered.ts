/**
 * A store of others that may be out of reach when this process starts. What is read of it and told by it is copied to
 * this machine's disk; a process that starts without it begins with that, and goes on from there as soon as it can.
 *
 * Nothing is written but in the store itself. What is read while it is away is of one revision by prefix, and a watch
 * from there misses nothing, or says that it does. A prefix whose copy could not be kept up is read again for it.
 */

import type { Copy } from "./local/copy.ts";
import { type After, afterMs } from "./reached.ts";
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
} from "./store.ts";

/** Until what could not be copied is read again for the copy: doubled with each try in vain. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

interface Around {
  /** The store was not reached: reading waits for no more of it, until it has spoken. */
  readonly isAway: boolean;
  /** The copy stays as it was, with why; or, undefined, it is kept up again. */
  readonly onCopy: (fault: StoreError | undefined) => void;
  readonly after?: After;
}

export class RememberedStore implements Store {
  readonly #store: Store;
  readonly #copy: Copy;
  readonly #around: Around;
  #isAway: boolean;
  /** What of the copy stays as it was. */
  readonly #behind = new Set<Key>();
  #tries = 0;
  #callOff: (() => void) | undefined;
  #catchingUp: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(store: Store, copy: Copy, around: Around) {
    this.#store = store;
    this.#copy = copy;
    this.#around = around;
    this.#isAway = around.isAway;
  }

  /** As of the copy while the store is away. @throws StoreError */
  async read(prefix: Key): Promise<Snapshot> {
    const copied = this.#isAway ? await this.#copy.read(prefix) : undefined;
    return copied ?? (await this.#readAndCopy(prefix));
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
        void this.#copy.take(prefix, batch).then((fault) => this.#heed(prefix, fault));
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
    this.#isClosed = true;
    this.#callOff?.();
    await this.#store.close();
    await this.#catchingUp;
    await this.#copy.close();
  }

  async #readAndCopy(prefix: Key): Promise<Snapshot> {
    this.#copy.begin(prefix);
    const snapshot = await this.#store.read(prefix);
    this.#heed(prefix, await this.#copy.replace(prefix, snapshot));
    return snapshot;
  }

  #heed(prefix: Key, fault: StoreError | undefined): void {
    if (fault === undefined || this.#isClosed) return;
    this.#behind.add(prefix);
    this.#around.onCopy(fault);
    this.#catchUpLater();
  }

  #catchUpLater(): void {
    if (this.#callOff !== undefined || this.#isClosed) return;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#tries, LONGEST_WAIT_MS);
    this.#tries += 1;
    this.#callOff = (this.#around.after ?? afterMs)(waitMs, () => {
      this.#callOff = undefined;
      this.#catchingUp = this.#catchingUp.then(() => this.#catchUp());
    });
  }

  async #catchUp(): Promise<void> {
    for (const prefix of [...this.#behind]) {
      this.#behind.delete(prefix);
      try {
        await this.#readAndCopy(prefix);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#behind.add(prefix);
      }
    }
    if (this.#behind.size > 0) {
      this.#catchUpLater();
      return;
    }
    this.#tries = 0;
    this.#around.onCopy(undefined);
  }
}
