/**
 * Where objects live that are made while the daemon runs: keys such as /v1/networks/UUID, values in JSON.
 *
 * A store is a sequence of commits. Each that changes something has a revision, larger than the one before; an entry
 * bears that of the commit which wrote it last. `read` shows the entries at one revision, `watch` goes on from there
 * commit by commit, so that whoever reads and then watches misses nothing and sees nothing twice. A commit names
 * what it rests on, and does all or nothing. Every implementation passes the laws in testing/laws.ts.
 */

/** An octet string of printable ASCII that begins with "/", at most {@link KEY_OCTETS}. */
export type Key = string;

export interface Entry {
  /** JSON, as it was put. */
  readonly value: string;
  /** The commit that wrote it last. */
  readonly modRevision: number;
}

/** What the store held at one moment. */
export interface Snapshot {
  readonly revision: number;
  /** In the order of the keys' octets. */
  readonly entries: ReadonlyMap<Key, Entry>;
}

export interface Commit {
  /** Nothing is done unless each key's entry is of this `modRevision`; 0: unless there is none. */
  readonly require?: readonly { readonly key: Key; readonly modRevision: number }[];
  readonly put?: readonly Put[];
  /** A key that is not there is no error. */
  readonly remove?: readonly Key[];
}

export interface Put {
  readonly key: Key;
  /** JSON, at most {@link VALUE_OCTETS} of UTF-8. */
  readonly value: string;
  /** The entry vanishes with it. */
  readonly lease?: Lease;
}

/** ok: it is done and kept, whatever happens to any process. Otherwise something required did not hold. */
export type Committed = { readonly ok: true; readonly revision: number } | { readonly ok: false };

/** What one commit, or a lease that ran out, did to the keys that are watched. */
export interface Batch {
  readonly revision: number;
  readonly changes: readonly Change[];
}

export interface Change {
  readonly key: Key;
  /** Undefined: removed. */
  readonly value: string | undefined;
}

/** Entries of a process that lives. They go when it is ended, or when its process has not been heard of for its time. */
export interface Lease {
  readonly id: string;
  /** Removes its entries. Harmless when it is gone already. @throws StoreError unavailable: they go when its time is over */
  end(): Promise<void>;
}

export interface Store {
  /**
   * All entries whose key begins with `prefix`, at one revision.
   * @throws StoreError unavailable, corrupt
   */
  read(prefix: Key): Promise<Snapshot>;

  /** @throws StoreError unavailable, corrupt */
  get(key: Key): Promise<Entry | undefined>;

  /**
   * Does all of it or nothing. A key may be named once in `put` and `remove`. Without a change, `revision` is the
   * latest there is.
   * @throws StoreError full, too-large, lease-lost: nothing was done; unavailable: whether it was done is unknown, and a
   * read tells
   * @throws RangeError on a key that is none, a value that no UTF-8 can write, or a key that is named twice
   */
  commit(commit: Commit): Promise<Committed>;

  /**
   * Tells each change later than the revision `after` to keys that begin with `prefix`: all of one commit together,
   * commits in order, none left out, none twice, however often the connection breaks. Never calls before it returns.
   * @param after - the revision of a read
   * @param onCompacted - what happened after `after` is no longer known: the watch is over; read and watch again
   * @returns stops it: nothing is called any more
   */
  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void;

  /**
   * Kept alive from here until it is ended or the store closed.
   * @param ttlSeconds - 5..3600; how long its entries outlive a process that died
   * @param onLost - its entries are gone, or may be: it could not be kept alive for its time. Called at most once, and
   * not after `end`
   * @throws StoreError unavailable, full
   */
  lease(ttlSeconds: number, onLost: () => void): Promise<Lease>;

  /** Ends leases and watches. Nothing may be called afterwards. */
  close(): Promise<void>;
}

export type StoreFault =
  /** It cannot be reached, or has no majority. Trying again later is right. */
  | "unavailable"
  /** No room on its disk, or in the quota that it was given. Reading still works. */
  | "full"
  /** What lies on the disk is not what was written. */
  | "corrupt"
  /** The commit is beyond one of the limits below. */
  | "too-large"
  /** A lease that a `put` names is gone. */
  | "lease-lost";

export class StoreError extends Error {
  readonly detail: { readonly code: StoreFault };

  constructor(code: StoreFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.detail = { code };
  }
}

/** Requirements of a commit, and puts and removals together: what etcd takes as it is shipped (--max-txn-ops). */
export const COMMIT_OPERATIONS = 128;

/** Keys and values of a commit together. etcd refuses requests of more than 1.5 MiB (--max-request-bytes). */
const COMMIT_OCTETS = 1024 * 1024;

export const VALUE_OCTETS: number = 256 * 1024;

export const KEY_OCTETS = 512;

/**
 * Holds a commit to the limits and to its form, the same for every store.
 * @throws StoreError too-large
 * @throws RangeError see {@link Store.commit}
 */
export function checkCommit({ require = [], put = [], remove = [] }: Commit): void {
  if (require.length > COMMIT_OPERATIONS || put.length + remove.length > COMMIT_OPERATIONS) {
    throw new StoreError(
      "too-large",
      `a commit has at most ${COMMIT_OPERATIONS} requirements and as many changes`,
    );
  }
  const written = new Set<Key>();
  let octets = 0;
  for (const key of [...put.map((each) => each.key), ...remove]) {
    if (written.has(key)) throw new RangeError(`${key} is written twice in one commit`);
    written.add(key);
  }
  for (const key of [...written, ...require.map((each) => each.key)]) {
    checkKey(key);
    octets += key.length;
  }
  for (const { key, value } of put) {
    if (LONE_SURROGATE.test(value)) throw new RangeError(`the value of ${key} is no Unicode text`);
    const length = Buffer.byteLength(value);
    if (length > VALUE_OCTETS) {
      throw new StoreError("too-large", `${key}: ${length} octets, a value has at most ${VALUE_OCTETS}`);
    }
    octets += length;
  }
  if (octets > COMMIT_OCTETS) {
    throw new StoreError("too-large", `a commit of ${octets} octets, at most ${COMMIT_OCTETS} are possible`);
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const KEY = /^\/[\x21-\x7e]*$/;

function checkKey(key: Key): void {
  if (key.length > KEY_OCTETS) throw new RangeError(`a key of ${key.length} octets, at most ${KEY_OCTETS}`);
  if (!KEY.test(key)) throw new RangeError(`${JSON.stringify(key)} is no key: printable ASCII, "/" first`);
}
