/** A store that is gone with its process: for `store: { type: none }`, for tests, and the model of the others. */

import { Feed } from "./feed.ts";
import {
  type Batch,
  type Commit,
  type Committed,
  checkCommit,
  type Entry,
  type Key,
  type Lease,
  type Snapshot,
  type Store,
  StoreError,
} from "./store.ts";

interface Row extends Entry {
  readonly lease: Lease | undefined;
}

export class MemoryStore implements Store {
  readonly #rows = new Map<Key, Row>();
  readonly #leases = new Set<Lease>();
  readonly #feed = new Feed(FIRST_REVISION);
  #revision = FIRST_REVISION;
  #leaseCount = 0;

  async read(prefix: Key): Promise<Snapshot> {
    const found = [...this.#rows].filter(([key]) => key.startsWith(prefix));
    found.sort(([one], [other]) => (one < other ? -1 : 1));
    return { revision: this.#revision, entries: new Map(found.map(([key, row]) => [key, entryOf(row)])) };
  }

  async get(key: Key): Promise<Entry | undefined> {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : entryOf(row);
  }

  async commit(commit: Commit): Promise<Committed> {
    checkCommit(commit);
    const { require = [], put = [], remove = [] } = commit;
    for (const { lease } of put) {
      if (lease !== undefined && !this.#leases.has(lease))
        throw new StoreError("lease-lost", "the lease has ended");
    }
    if (require.some(({ key, modRevision }) => (this.#rows.get(key)?.modRevision ?? 0) !== modRevision)) {
      return { ok: false };
    }
    const removed = remove.filter((key) => this.#rows.has(key));
    if (put.length + removed.length === 0) return { ok: true, revision: this.#revision };
    const revision = ++this.#revision;
    for (const { key, value, lease } of put) this.#rows.set(key, { value, modRevision: revision, lease });
    for (const key of removed) this.#rows.delete(key);
    this.#feed.push({
      revision,
      changes: [
        ...put.map(({ key, value }) => ({ key, value })),
        ...removed.map((key) => ({ key, value: undefined })),
      ],
    });
    return { ok: true, revision };
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    return this.#feed.watch(prefix, after, onEvents, onCompacted);
  }

  async lease(): Promise<Lease> {
    const lease: Lease = {
      id: String(++this.#leaseCount),
      end: async () => this.#end(lease),
    };
    this.#leases.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    this.#feed.close();
  }

  #end(lease: Lease): void {
    if (!this.#leases.delete(lease)) return;
    const gone = [...this.#rows].flatMap(([key, row]) => (row.lease === lease ? [key] : []));
    if (gone.length === 0) return;
    for (const key of gone) this.#rows.delete(key);
    this.#revision++;
    this.#feed.push({ revision: this.#revision, changes: gone.map((key) => ({ key, value: undefined })) });
  }
}

/** As in etcd, an empty store is at revision 1. */
const FIRST_REVISION = 1;

const entryOf = ({ value, modRevision }: Row): Entry => ({ value, modRevision });
