/**
 * A store that several gateways and hosts share: etcd 3. Everything stands under one prefix; revisions are etcd's own,
 * so that they grow by more than one where others write to the same etcd.
 */

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
  type StoreError,
} from "../store.ts";
import { type RangeResponse, range, type TxnRequest, txn } from "./api.ts";
import { EtcdLease } from "./lease.ts";
import { type EtcdSettings, isCompacted, Members } from "./members.ts";
import { Watch } from "./watch.ts";

/** Entries that are asked for at a time. */
const PAGE = 1000;

/** Compactions under a read that it begins again after. */
const READS = 5;

/** How it is with the cluster, as far as this process can tell. */
export interface EtcdState {
  /** Every watch has a member that tells it what happens. */
  readonly connected: boolean;
  /** Times that a watch had to be taken up again, with the same member or another. */
  readonly reconnects: number;
  /** How many revisions, of whatever keys, the watch that is the furthest behind has not got to since the last look. */
  readonly watchLag: number;
  /** Of the lease that ends first, unless etcd hears of us before; undefined: there is none. */
  readonly leaseSeconds: number | undefined;
}

/** Leases whose end nobody hears of by then end by themselves. */
const CLOSE_MS = 2000;

export class EtcdStore implements Store {
  readonly #members: Members;
  readonly #onTurn: () => void;
  readonly #prefix: string;
  readonly #watches = new Set<Watch>();
  readonly #leases = new Set<EtcdLease>();
  /** Of watches that are over. */
  #restarts = 0;
  /** The latest revision that an answer bore. */
  #latest = 0;
  #latestBefore = 0;

  /**
   * Speaks to etcd once, so that a wrong address or certificate is told at once.
   * @throws StoreError unavailable
   */
  static async open(settings: EtcdSettings): Promise<EtcdStore> {
    const store = new EtcdStore(settings);
    try {
      await store.get("/");
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Speaks to nobody yet. @param onTurn - {@link EtcdState.connected} may be another */
  constructor(settings: EtcdSettings, onTurn: () => void = () => undefined) {
    this.#members = new Members(settings);
    this.#onTurn = onTurn;
    this.#prefix = settings.prefix;
  }

  /** Every watch has a member that tells it what happens. */
  get connected(): boolean {
    return [...this.#watches].every(({ isUp }) => isUp);
  }

  /** Why a watch was told nothing when it asked last; undefined: it has not asked since it was, or none has to. */
  get fault(): StoreError | undefined {
    for (const { fault } of this.#watches) if (fault !== undefined) return fault;
    return undefined;
  }

  look(): EtcdState {
    const watches = [...this.#watches];
    const leases = [...this.#leases].map(({ secondsLeft }) => secondsLeft);
    const reached = watches.map((watch) => watch.progress());
    const behind = reached.map((revision) => this.#latestBefore - revision);
    this.#latestBefore = Math.max(this.#latest, ...reached);
    return {
      connected: this.connected,
      reconnects: watches.reduce((sum, { restarts }) => sum + restarts, this.#restarts),
      watchLag: Math.max(0, ...behind),
      leaseSeconds: leases.length === 0 ? undefined : Math.min(...leases),
    };
  }

  async read(prefix: Key): Promise<Snapshot> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#readOnce(prefix);
      } catch (error) {
        if (!isCompacted(error) || tries === READS) throw error;
      }
    }
  }

  async get(key: Key): Promise<Entry | undefined> {
    const { header, kvs } = await this.#members.ask(range, { key: this.#octets(key) });
    this.#note(header);
    return kvs[0] && entryOf(kvs[0]);
  }

  async commit(commit: Commit): Promise<Committed> {
    checkCommit(commit);
    // While there is nobody, those who write are told so at once, and not one after the other when time has run out.
    if (this.fault !== undefined) throw this.fault;
    const { header, succeeded } = await this.#members.askOnce(txn, this.#txnOf(commit));
    this.#note(header);
    return succeeded ? { ok: true, revision: Number(header.revision) } : { ok: false };
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    const [key, range_end] = this.#rangeOf(prefix);
    const end = (): void => {
      watch.stop();
      if (this.#watches.delete(watch)) this.#restarts += watch.restarts;
    };
    const watch = new Watch(
      this.#members,
      { key, range_end, after, keyOf: (octets) => this.#keyOf(octets) },
      onEvents,
      () => {
        end();
        onCompacted();
      },
      this.#onTurn,
    );
    this.#watches.add(watch);
    return end;
  }

  async lease(ttlSeconds: number, onLost: () => void): Promise<Lease> {
    const lease = await EtcdLease.grant(this.#members, ttlSeconds, () => {
      this.#leases.delete(lease);
      onLost();
    });
    this.#leases.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    const ended = Promise.allSettled([...this.#leases].map((lease) => lease.end()));
    let late: NodeJS.Timeout | undefined;
    await Promise.race([ended, new Promise((resolve) => (late = setTimeout(resolve, CLOSE_MS)))]);
    clearTimeout(late);
    this.#members.close();
  }

  async #readOnce(prefix: Key): Promise<Snapshot> {
    const [from, range_end] = this.#rangeOf(prefix);
    const entries = new Map<Key, Entry>();
    let revision = 0;
    let key = from;
    for (;;) {
      const page: RangeResponse = await this.#members.ask(range, { key, range_end, limit: PAGE, revision });
      if (revision === 0) revision = Number(page.header.revision);
      for (const kv of page.kvs) entries.set(this.#keyOf(kv.key), entryOf(kv));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision, entries };
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  #note({ revision }: { readonly revision: string }): void {
    this.#latest = Math.max(this.#latest, Number(revision));
  }

  #txnOf({ require = [], put = [], remove = [] }: Commit): TxnRequest {
    return {
      compare: require.map(({ key, modRevision }) => ({
        target: "MOD",
        key: this.#octets(key),
        mod_revision: modRevision,
      })),
      success: [
        ...put.map(({ key, value, lease }) => ({
          request_put: {
            key: this.#octets(key),
            value: Buffer.from(value),
            ...(lease === undefined ? {} : { lease: lease.id }),
          },
        })),
        ...remove.map((key) => ({ request_delete_range: { key: this.#octets(key) } })),
      ],
    };
  }

  /** The first key of a prefix, and the first behind it: no octet of a key is beyond 0x7e. */
  #rangeOf(prefix: Key): [Buffer, Buffer] {
    const first = this.#octets(prefix);
    return [first, Buffer.concat([first, Buffer.of(0x7f)])];
  }

  #octets(key: Key): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  #keyOf(octets: Buffer): Key {
    return octets.toString("latin1", this.#prefix.length);
  }
}

const entryOf = (kv: { readonly value: Buffer; readonly mod_revision: string }): Entry => ({
  value: kv.value.toString(),
  modRevision: Number(kv.mod_revision),
});
