/** A machine's way to a store that others have too. It can be cut, with what was under way, and what it missed be forgotten. */

import type { MemoryStore } from "../../store/memory.ts";
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
} from "../../store/store.ts";

interface Watching {
  readonly prefix: Key;
  readonly onEvents: (batch: Batch) => void;
  readonly onCompacted: () => void;
  /** The revision up to which it knows everything. */
  told: number;
  stop: () => void;
}

/** When a commit is under way: nothing of it arrives, or no answer to it does, or its answer is the last that does. */
export type Breaking = "before" | "unanswered" | "untold";

export class Way implements Store {
  isCut = false;
  /** What becomes of the next commit. */
  breaking: Breaking | undefined;
  commits = 0;
  readonly #store: MemoryStore;
  readonly #watches = new Set<Watching>();
  #held: { readonly lease: Lease; readonly onLost: () => void } | undefined;

  constructor(to: MemoryStore) {
    this.#store = to;
  }

  async read(prefix: Key): Promise<Snapshot> {
    return await this.#reached().read(prefix);
  }

  async get(key: Key): Promise<Entry | undefined> {
    return await this.#reached().get(key);
  }

  async commit(commit: Commit): Promise<Committed> {
    this.commits += 1;
    const { breaking } = this;
    this.breaking = undefined;
    if (breaking !== undefined) this.cut();
    if (breaking === undefined || breaking === "before") return await this.#reached().commit(commit);
    const done = await this.#store.commit(commit);
    return breaking === "untold" ? done : await this.#reached().commit(commit);
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    const watching: Watching = { prefix, onEvents, onCompacted, told: after, stop: () => undefined };
    this.#watches.add(watching);
    if (!this.isCut) this.#begin(watching);
    return () => this.#end(watching);
  }

  async lease(_ttlSeconds: number, onLost: () => void): Promise<Lease> {
    const lease = await this.#reached().lease();
    this.#held = { lease, onLost };
    return lease;
  }

  async close(): Promise<void> {
    for (const watching of [...this.#watches]) this.#end(watching);
  }

  cut(): void {
    this.isCut = true;
    for (const { stop } of this.#watches) stop();
  }

  /** @param isForgotten - what happened meanwhile can only be read */
  heal(isForgotten: boolean): void {
    if (!this.isCut) return;
    this.isCut = false;
    for (const watching of [...this.#watches]) {
      if (!isForgotten) this.#begin(watching);
      else {
        this.#end(watching);
        watching.onCompacted();
      }
    }
  }

  /** Nobody has heard of the machine for the time of its lease: the store forgets it, and the machine knows that it does. */
  async timeIsOver(): Promise<void> {
    await this.#held?.lease.end();
    this.#held?.onLost();
    this.#held = undefined;
  }

  /** The same of a machine that slept meanwhile, and does not know. */
  async slept(): Promise<void> {
    await this.#held?.lease.end();
  }

  #begin(watching: Watching): void {
    const { prefix, told, onCompacted } = watching;
    watching.stop = this.#store.watch(
      prefix,
      told,
      (batch) => {
        watching.told = batch.revision;
        watching.onEvents(batch);
      },
      onCompacted,
    );
  }

  #end(watching: Watching): void {
    watching.stop();
    this.#watches.delete(watching);
  }

  #reached(): MemoryStore {
    if (this.isCut) throw new StoreError("unavailable", "cut off");
    return this.#store;
  }
}
