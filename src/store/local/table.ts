/**
 * The file of a local store, or of a copy of another one: an LMDB database, read and written by one process alone.
 *
 * LMDB never overwrites what the last commit refers to: it writes new pages, waits for the disk, then writes the page
 * that refers to them, and waits again. So a commit is there whole or not at all, whenever the power goes. What it does
 * not do is check its pages: one that is missing or foreign makes the process that looks at it die of a signal. That is
 * why this runs in a process of its own, and looks at every entry first.
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
import { open, type RootDatabase } from "lmdb";
import type { Entry, Key } from "../store.ts";
import type { CommitRequest, Copied, CopyRequest, Failure, FileName, Outcome } from "./protocol.ts";

type File = RootDatabase<string, string>;

/** No key of an entry: those begin with "/". Of a copy, each prefix has one of its own too, which it follows. */
const REVISION = "revision";

/** What a copy is a copy of. */
const ORIGINAL = "original";

/** As in etcd, an empty store is at revision 1. */
const FIRST_REVISION = 1;

/** What a commit may want to write when it finds the disk full: its pages, and those above them. */
const ROOM_OCTETS = 2 * 1024 * 1024;

/** The file is not what was written. */
class CorruptError extends Error {}

export class Table {
  readonly #file: File;

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
    table.#lookOver();
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
    return this.#file.transactionSync(() => requests.map((request) => this.#commit(request)));
  }

  /** Removes the entries of a lease. */
  endLease(lease: number): Outcome {
    return this.#file.transactionSync(() => {
      const remove: Key[] = [];
      for (const { key, value } of this.#rows()) if (parseRow(key, value).lease === lease) remove.push(key);
      return this.#commit({ require: [], put: [], remove });
    });
  }

  /** Forgets everything when it is one of something else. @returns the latest revision copied, if any */
  beCopyOf(of: string): number | undefined {
    if (this.#file.get(ORIGINAL) === of) return this.revision === FIRST_REVISION ? undefined : this.revision;
    this.#file.transactionSync(() => {
      for (const key of [...this.#file.getKeys({})]) this.#file.removeSync(key);
      this.#file.putSync(REVISION, String(FIRST_REVISION));
      this.#file.putSync(ORIGINAL, of);
    });
    return undefined;
  }

  /** All of it or nothing; what is there already costs no write. @throws Error: nothing is done */
  copy({ prefix, revision, after, put, remove }: CopyRequest): void {
    this.#file.transactionSync(() => {
      const held = Number(this.#file.get(REVISION + prefix));
      if (after !== undefined && held !== after)
        throw new Error(`${prefix}: a copy of ${held}, not of ${after}`);
      for (const key of after === undefined ? this.#others(prefix, put) : remove) this.#file.removeSync(key);
      for (const [key, { value, modRevision }] of put) {
        const text = `${modRevision}:${value}`;
        if (this.#file.get(key) !== text) this.#file.putSync(key, text);
      }
      this.#file.putSync(REVISION + prefix, String(revision));
      this.#file.putSync(REVISION, String(Math.max(this.revision, revision)));
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

  /** At every entry once. */
  #lookOver(): void {
    let newest = FIRST_REVISION;
    const leased: Key[] = [];
    for (const { key, value } of this.#rows()) {
      const { modRevision, lease } = parseRow(key, value);
      newest = Math.max(newest, modRevision);
      if (lease !== undefined) leased.push(key);
    }
    if (this.revision < newest) throw new CorruptError("an entry is newer than the whole");
    this.commit([{ require: [], put: [], remove: leased }]);
  }

  #commit({ require, put, remove }: CommitRequest): Outcome {
    for (const { key, modRevision } of require) {
      if ((this.#row(key)?.modRevision ?? 0) !== modRevision) return { ok: false };
    }
    const removed = remove.filter((key) => this.#file.removeSync(key));
    if (put.length + removed.length === 0) return { ok: true, revision: this.revision, removed };
    const revision = this.#next();
    for (const { key, value, lease } of put) {
      this.#file.putSync(key, `${revision}${lease === undefined ? "" : `l${lease}`}:${value}`);
    }
    return { ok: true, revision, removed };
  }

  #rows(): Iterable<{ readonly key: Key; readonly value: string }> {
    return this.#file.getRange({ start: "/", end: `/${BEYOND_KEYS}` });
  }

  #next(): number {
    const revision = this.revision + 1;
    this.#file.putSync(REVISION, String(revision));
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
    return { code: "corrupt", message: `${directory}: the file of the store is damaged: ${message}` };
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
  file.transactionSync(() => file.putSync(REVISION, String(FIRST_REVISION)));
  void file.close();
  rmSync(`${unfinished}-lock`, { force: true });
  renameSync(unfinished, path);
  const folder = openSync(directory, "r");
  fsyncSync(folder);
  closeSync(folder);
}
