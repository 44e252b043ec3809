/**
 * The file of a local store, or of a copy of another one: an LMDB database, read and written by one process alone.
 *
 * LMDB never overwrites what the last commit refers to: it writes new pages, waits for the disk, then writes the page
 * that refers to them, and waits again. So a commit is there whole or not at all, whenever the power goes. What it does
 * not do is check its pages: one that is missing or foreign makes the process that looks at it die of a signal, or shows
 * what nobody wrote. That is why this runs in a process of its own, writes with every commit how many rows there are and
 * what their checksums come to, and looks at all of them first.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { open, type RootDatabase } from "lmdb";
import type { Entry, Key } from "../store.ts";
import type { CommitRequest, Copied, CopyRequest, Failure, FileName, Outcome } from "./protocol.ts";

type File = RootDatabase<string, string>;

/** No key of an entry: those begin with "/". Of a copy, each prefix has one of its own too, which it follows. */
const REVISION = "revision";

/** What a copy is a copy of. */
const ORIGINAL = "original";

/** How many other rows there are, and the sum of their checksums. */
const DIGEST = "digest";

/** As in etcd, an empty store is at revision 1. */
const FIRST_REVISION = 1;

/** What a commit may want to write when it finds the disk full: its pages, and those above them. */
const ROOM_OCTETS = 2 * 1024 * 1024;

/** The file is not what was written. */
class CorruptError extends Error {}

interface Digest {
  readonly rows: number;
  /** Modulo 2^32. */
  readonly sum: number;
}

export class Table {
  readonly #file: File;
  /** Of the transaction that is under way. */
  #digest: Digest = { rows: 0, sum: 0 };

  /**
   * Opens the file in a directory, makes it when there is none, and looks at all of it. Entries of leases go: the
   * process that they told of is gone.
   * @throws CorruptError, or the system's error. Dies of SIGBUS, SIGSEGV or SIGABRT where pages are missing or foreign
   */
  static open(directory: string, name: FileName): Table {
    const path = join(directory, name);
    if (!existsSync(path)) create(path);
    // A new file is named so only when it has a revision: an empty one has lost everything.
    if (statSync(path).size === 0) throw new CorruptError("it is empty");
    const table = new Table(path);
    table.#verify();
    table.#endOldLeases(directory);
    return table;
  }

  private constructor(path: string) {
    this.#file = openFile(path);
  }

  get revision(): number {
    const revision = Number(this.#file.get(REVISION));
    if (!Number.isSafeInteger(revision)) throw new CorruptError("it has no revision");
    return revision;
  }

  /** In the order of their keys. To be taken before anything else is asked. */
  *entries(prefix: Key): Generator<[Key, Entry]> {
    for (const { key, value } of this.#file.getRange({ start: prefix, end: `${prefix}${BEYOND_KEYS}` })) {
      const { text, modRevision } = parseRow(key, value);
      yield [key, { value: text, modRevision }];
    }
  }

  get(key: Key): Entry | undefined {
    const row = this.#row(key);
    return row === undefined ? undefined : { value: row.text, modRevision: row.modRevision };
  }

  /**
   * Does several commits, each upon the one before, with one wait for the disk.
   * @throws the system's error: none of them is done
   */
  commit(requests: readonly CommitRequest[]): Outcome[] {
    return this.#change(() => requests.map((request) => this.#commit(request)));
  }

  /** Removes the entries of a lease. */
  endLease(lease: number): Outcome {
    return this.#endLeases((each) => each === lease);
  }

  /** Forgets everything when it is one of something else. @returns the latest revision copied, if any */
  beCopyOf(of: string): number | undefined {
    if (this.#file.get(ORIGINAL) === of) return this.revision === FIRST_REVISION ? undefined : this.revision;
    this.#change(() => {
      for (const key of [...this.#file.getKeys({})]) if (key !== DIGEST) this.#remove(key);
      this.#put(REVISION, String(FIRST_REVISION));
      this.#put(ORIGINAL, of);
    });
    return undefined;
  }

  /** All of it or nothing; what is there already costs no write. @throws Error: nothing is done */
  copy({ prefix, revision, after, put, remove }: CopyRequest): void {
    this.#change(() => {
      const held = Number(this.#file.get(REVISION + prefix));
      if (after !== undefined && held !== after)
        throw new Error(`${prefix}: a copy of ${held}, not of ${after}`);
      for (const key of after === undefined ? this.#others(prefix, put) : remove) this.#remove(key);
      for (const [key, { value, modRevision }] of put) this.#put(key, `${modRevision}:${value}`);
      this.#put(REVISION + prefix, String(revision));
      this.#put(REVISION, String(Math.max(this.revision, revision)));
    });
  }

  /** What was copied below a prefix; undefined: nothing ever. */
  copied(prefix: Key): Copied | undefined {
    const revision = this.#file.get(REVISION + prefix);
    if (revision === undefined) return undefined;
    return { revision: Number(revision), entries: [...this.entries(prefix)] };
  }

  #others(prefix: Key, put: CopyRequest["put"]): Key[] {
    const named = new Set(put.map(([key]) => key));
    return [...this.entries(prefix)].flatMap(([key]) => (named.has(key) ? [] : [key]));
  }

  #verify(): void {
    const { revision } = this;
    const expected = this.#readDigest();
    let [rows, sum] = [0, 0];
    for (const { key, value } of this.#file.getRange({})) {
      if (key === DIGEST) continue;
      // Pages that lead back to themselves would have no end.
      if (++rows > expected.rows) break;
      sum = (sum + checksum(key, value)) >>> 0;
      if (key.startsWith("/") && parseRow(key, value).modRevision > revision)
        throw new CorruptError("an entry is newer than the whole");
    }
    if (rows !== expected.rows || sum !== expected.sum)
      throw new CorruptError("what it holds is not what was written");
  }

  #readDigest(): Digest {
    const match = DIGEST_ROW.exec(this.#file.get(DIGEST) ?? "");
    if (match === null) throw new CorruptError("it has no checksums, as one that an earlier gatewayd wrote");
    return { rows: Number(match[1]), sum: Number(match[2]) };
  }

  /** All that is put and removed in one transaction, or nothing of it. @throws the system's error: nothing is done */
  #change<T>(work: () => T): T {
    return this.#file.transactionSync(() => {
      const before = this.#readDigest();
      this.#digest = before;
      const done = work();
      if (this.#digest !== before) this.#file.putSync(DIGEST, digestText(this.#digest));
      return done;
    });
  }

  /** What is there already costs no write. */
  #put(key: string, text: string): void {
    const before = this.#file.get(key);
    if (before === text) return;
    this.#file.putSync(key, text);
    const { rows, sum } = this.#digest;
    const old = before === undefined ? 0 : checksum(key, before);
    this.#digest = {
      rows: before === undefined ? rows + 1 : rows,
      sum: (sum - old + checksum(key, text)) >>> 0,
    };
  }

  /** False: there was no such row. */
  #remove(key: string): boolean {
    const before = this.#file.get(key);
    if (before === undefined) return false;
    this.#file.removeSync(key);
    const { rows, sum } = this.#digest;
    this.#digest = { rows: rows - 1, sum: (sum - checksum(key, before)) >>> 0 };
    return true;
  }

  #commit({ require, put, remove }: CommitRequest): Outcome {
    for (const { key, modRevision } of require) {
      if ((this.#row(key)?.modRevision ?? 0) !== modRevision) return { ok: false };
    }
    const removed = remove.filter((key) => this.#remove(key));
    if (put.length + removed.length === 0) return { ok: true, revision: this.revision, removed };
    const revision = this.#next();
    for (const { key, value, lease } of put) {
      this.#put(key, `${revision}${lease === undefined ? "" : `l${lease}`}:${value}`);
    }
    return { ok: true, revision, removed };
  }

  /** Where no room is left to write that they go, they stay for a while: they are of this machine, which says them anew. */
  #endOldLeases(directory: string): void {
    try {
      this.#endLeases(() => true);
    } catch (error) {
      if (failureOf(error, directory).code !== "full") throw error;
    }
  }

  #endLeases(which: (lease: number) => boolean): Outcome {
    return this.#change(() => {
      const remove: Key[] = [];
      for (const { key, value } of this.#file.getRange({ start: "/", end: `/${BEYOND_KEYS}` })) {
        const { lease } = parseRow(key, value);
        if (lease !== undefined && which(lease)) remove.push(key);
      }
      return this.#commit({ require: [], put: [], remove });
    });
  }

  #next(): number {
    const revision = this.revision + 1;
    this.#put(REVISION, String(revision));
    return revision;
  }

  #row(key: Key): Row | undefined {
    const value = this.#file.get(key);
    return value === undefined ? undefined : parseRow(key, value);
  }
}

/** Sorts behind every octet of a key. */
const BEYOND_KEYS = "\x7f";

/** What the daemon is told of an error of the store in `directory`. */
export function failureOf(error: unknown, directory: string): Failure {
  const { code, message } = error as Error & { code?: number | string };
  if (error instanceof CorruptError || LMDB_CORRUPT.has(code)) {
    const way = "put it back from a copy of it, or take it away to begin anew";
    return { code: "corrupt", message: `${directory}: the file of the store is damaged: ${message}; ${way}` };
  }
  // A write that was cut short is told as EIO.
  if (NO_SPACE.has(code) || (code === EIO && isFull(directory))) {
    return { code: "full", message: `${directory}: no space left on the disk` };
  }
  if (!UNUSABLE.has(code)) return { code: "unavailable", message: `${directory}: ${message}` };
  const way =
    "name another one in store.path, or write store: { type: none } to keep objects in memory alone";
  return { code: "unavailable", message: `${directory}: the store cannot be here (${message}); ${way}` };
}

/** Of a directory that cannot be made or written. */
const UNUSABLE: ReadonlySet<unknown> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"]);

function isFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize < ROOM_OCTETS;
}

/** Numbers from LMDB, names from Node. */
const NO_SPACE: ReadonlySet<unknown> = new Set([28, "ENOSPC", 122, "EDQUOT"]);
const EIO = 5;

/** lmdb.h: MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID. */
const LMDB_CORRUPT: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793]);

interface Row {
  readonly modRevision: number;
  readonly lease: number | undefined;
  readonly text: string;
}

const DIGEST_ROW = /^(\d+) (\d+)$/;

const digestText = ({ rows, sum }: Digest): string => `${rows} ${sum}`;

const checksum = (key: string, text: string): number => crc32(text, crc32(key));

const ROW = /^(\d{1,16})(?:l(\d{1,9}))?:/;

function parseRow(key: Key, value: string): Row {
  const match = ROW.exec(value);
  if (match === null) throw new CorruptError(`${key} is no entry of ours`);
  const lease = match[2] === undefined ? undefined : Number(match[2]);
  return { modRevision: Number(match[1]), lease, text: value.slice(match[0].length) };
}

/** Without `overlappingSync`, a transaction that has returned is on the disk. */
const openFile = (path: string): File =>
  open<string, string>({ path, noSubdir: true, overlappingSync: false, encoding: "string" });

/** Whatever happens meanwhile: the file is there with its revision, or it is not there. */
function create(path: string): void {
  const directory = join(path, "..");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unfinished = `${path}.new`;
  for (const left of [unfinished, `${unfinished}-lock`, `${path}-lock`]) rmSync(left, { force: true });
  const file = openFile(unfinished);
  const first = String(FIRST_REVISION);
  file.transactionSync(() => {
    file.putSync(REVISION, first);
    file.putSync(DIGEST, digestText({ rows: 1, sum: checksum(REVISION, first) }));
  });
  void file.close();
  rmSync(`${unfinished}-lock`, { force: true });
  renameSync(unfinished, path);
  const folder = openSync(directory, "r");
  fsyncSync(folder);
  closeSync(folder);
}
