/**
 * A store on this machine's disk, for one gatewayd. The file is another process's (process.ts); this is the daemon's
 * side: it asks, and knows the last commits for those who watch. When another process takes the place of that one, leases
 * are lost, and whoever watches may have to read again.
 */

import { Feed } from "../feed.ts";
import {
  type Batch,
  type Change,
  type Commit,
  type Committed,
  checkCommit,
  type Entry,
  type Key,
  type Lease,
  type Put,
  type Snapshot,
  type Store,
  StoreError,
} from "../store.ts";
import { Channel } from "./channel.ts";
import { LastingChannel } from "./lasting-channel.ts";
import type { Outcome } from "./protocol.ts";

const FILE = "store.mdb";

export class LocalStore implements Store {
  readonly #channel: LastingChannel;
  /** With what is called when they are lost. */
  readonly #leases = new Map<Lease, () => void>();
  readonly #feed: Feed;
  #leaseCount = 0;

  /** See {@link Channel.open}. @param onRevived - its process ended, and another one has taken its place; @throws StoreError */
  static async open(
    directory: string,
    script?: string,
    onRevived: () => void = () => undefined,
  ): Promise<LocalStore> {
    const channel = await LastingChannel.open({
      open: (onEnd) => Channel.open(directory, FILE, script, onEnd),
      // What is damaged stays so.
      isMendable: ({ detail }) => detail.code === "unavailable",
      onRevived: (revision) => {
        store.#forget(revision);
        onRevived();
      },
    });
    const store: LocalStore = new LocalStore(channel);
    return store;
  }

  private constructor(channel: LastingChannel) {
    this.#channel = channel;
    this.#feed = new Feed(channel.revision);
  }

  async read(prefix: Key): Promise<Snapshot> {
    const entries = new Map<Key, Entry>();
    const take = (some: readonly [Key, Entry][]): void => {
      for (const [key, entry] of some) entries.set(key, entry);
    };
    const last = await this.#channel.ask({ do: "read", prefix }, "read", (part) => take(part.entries));
    take(last.entries);
    return { revision: last.revision, entries };
  }

  async get(key: Key): Promise<Entry | undefined> {
    const { entry } = await this.#channel.ask({ do: "get", key }, "get");
    return entry;
  }

  async commit(commit: Commit): Promise<Committed> {
    checkCommit(commit);
    const { require = [], put = [], remove = [] } = commit;
    for (const { lease } of put) {
      if (lease !== undefined && !this.#leases.has(lease))
        throw new StoreError("lease-lost", "the lease has ended");
    }
    const leased = put.map(({ key, value, lease }) => ({ key, value, lease: lease && Number(lease.id) }));
    const request = { do: "commit", commit: { require, put: leased, remove } } as const;
    const { outcome } = await this.#channel.ask(request, "commit");
    this.#tell(outcome, put);
    return outcome.ok ? { ok: true, revision: outcome.revision } : { ok: false };
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    return this.#feed.watch(prefix, after, onEvents, onCompacted);
  }

  /** Lives as long as this process: its entries go at the latest when the file is opened the next time. */
  async lease(_ttlSeconds: number, onLost: () => void): Promise<Lease> {
    const lease: Lease = { id: String(++this.#leaseCount), end: () => this.#endLease(lease) };
    this.#leases.set(lease, onLost);
    return lease;
  }

  async close(): Promise<void> {
    // When they cannot be ended, they go when the file is opened the next time.
    await Promise.allSettled([...this.#leases.keys()].map((lease) => lease.end()));
    this.#feed.close();
    await this.#channel.close();
  }

  async #endLease(lease: Lease): Promise<void> {
    if (!this.#leases.delete(lease)) return;
    const { outcome } = await this.#channel.ask({ do: "end-lease", lease: Number(lease.id) }, "end-lease");
    this.#tell(outcome, []);
  }

  #forget(revision: number): void {
    this.#feed.forget(revision);
    const lost = [...this.#leases.values()];
    this.#leases.clear();
    for (const onLost of lost) onLost();
  }

  #tell(outcome: Outcome, put: readonly Put[]): void {
    if (!outcome.ok || put.length + outcome.removed.length === 0) return;
    const changes: Change[] = put.map(({ key, value }) => ({ key, value }));
    for (const key of outcome.removed) changes.push({ key, value: undefined });
    this.#feed.push({ revision: outcome.revision, changes });
  }
}
