/**
 * A store on this machine's disk, for one gatewayd. The file is another process's (process.ts); this is the daemon's
 * side: it asks, and knows the last commits for those who watch.
 */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
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
import type { Answer, Outcome, Request } from "./protocol.ts";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: StoreError) => void;
}

export class LocalStore implements Store {
  readonly #directory: string;
  readonly #process: ChildProcess;
  readonly #leases = new Set<Lease>();
  readonly #waiting: Waiting[] = [];
  #leaseCount = 0;
  #feed = new Feed(0);
  /** Why nothing can be asked any more. */
  #fault: StoreError | undefined;

  /**
   * @param directory - made when it is not there, for this user alone
   * @param script - the process's; as it is built beside this file
   * @throws StoreError corrupt; full; unavailable: another gatewayd has it, or this user may not write there
   */
  static async open(directory: string, script: string = BESIDE_THIS): Promise<LocalStore> {
    const store = new LocalStore(directory, script);
    try {
      const opened = await store.#next();
      if (opened.did !== "open") throw unexpected(opened);
      store.#feed = new Feed(opened.revision);
      return store;
    } catch (error) {
      if (store.#process.connected) store.#process.disconnect();
      throw error;
    }
  }

  private constructor(directory: string, script: string) {
    this.#directory = directory;
    this.#process = fork(script, [directory], { serialization: "advanced", execArgv: [] });
    this.#process.on("message", (answer: Answer) => this.#take(answer));
    this.#process.on("error", (error) =>
      this.#end(new StoreError("unavailable", error.message, { cause: error })),
    );
    this.#process.on("exit", (code, signal) => this.#end(this.#faultOf(code, signal)));
  }

  async read(prefix: Key): Promise<Snapshot> {
    const answer = await this.#ask({ do: "read", prefix });
    if (answer.did !== "read") throw unexpected(answer);
    return { revision: answer.revision, entries: new Map(answer.entries) };
  }

  async get(key: Key): Promise<Entry | undefined> {
    const answer = await this.#ask({ do: "get", key });
    if (answer.did !== "get") throw unexpected(answer);
    return answer.entry;
  }

  async commit(commit: Commit): Promise<Committed> {
    checkCommit(commit);
    const { require = [], put = [], remove = [] } = commit;
    for (const { lease } of put) {
      if (lease !== undefined && !this.#leases.has(lease))
        throw new StoreError("lease-lost", "the lease has ended");
    }
    const leased = put.map(({ key, value, lease }) => ({ key, value, lease: lease && Number(lease.id) }));
    const answer = await this.#ask({ do: "commit", commit: { require, put: leased, remove } });
    if (answer.did !== "commit") throw unexpected(answer);
    this.#tell(answer.outcome, put);
    return answer.outcome.ok ? { ok: true, revision: answer.outcome.revision } : { ok: false };
  }

  watch(prefix: Key, after: number, onEvents: (batch: Batch) => void, onCompacted: () => void): () => void {
    return this.#feed.watch(prefix, after, onEvents, onCompacted);
  }

  /** Lives as long as this process: its entries go at the latest when the file is opened the next time. */
  async lease(): Promise<Lease> {
    const lease: Lease = { id: String(++this.#leaseCount), end: () => this.#endLease(lease) };
    this.#leases.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    if (this.#fault !== undefined) return;
    const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    for (const lease of this.#leases) await lease.end();
    // What was answered is on the disk; there is nothing to be finished.
    this.#feed.close();
    this.#process.disconnect();
    await ended;
  }

  async #endLease(lease: Lease): Promise<void> {
    if (!this.#leases.delete(lease)) return;
    const answer = await this.#ask({ do: "end-lease", lease: Number(lease.id) });
    if (answer.did !== "end-lease") throw unexpected(answer);
    this.#tell(answer.outcome, []);
  }

  #tell(outcome: Outcome, put: readonly Put[]): void {
    if (!outcome.ok || put.length + outcome.removed.length === 0) return;
    const changes: Change[] = put.map(({ key, value }) => ({ key, value }));
    for (const key of outcome.removed) changes.push({ key, value: undefined });
    this.#feed.push({ revision: outcome.revision, changes });
  }

  async #ask(request: Request): Promise<Answer> {
    if (this.#fault !== undefined) throw this.#fault;
    const answer = this.#next();
    this.#process.send(request);
    return answer;
  }

  #next(): Promise<Answer> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Answers come in the order of the questions. */
  #take(answer: Answer): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new TypeError(`the store answers what nobody asked: ${answer.did}`);
    if (answer.did === "fail") waiting.reject(new StoreError(answer.failure.code, answer.failure.message));
    else waiting.resolve(answer);
  }

  #end(fault: StoreError): void {
    this.#fault ??= fault;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#fault);
  }

  #faultOf(code: number | null, signal: NodeJS.Signals | null): StoreError {
    if (signal !== null && DIES_OF_PAGES.has(signal)) {
      const what = "the file of the store is damaged: a part of it is missing or foreign";
      return new StoreError("corrupt", `${this.#directory}: ${what} (${signal})`);
    }
    return new StoreError("unavailable", `${this.#directory}: the store's process ended (${signal ?? code})`);
  }
}

/** What a process dies of that looks at a page that is not there, or not one. */
const DIES_OF_PAGES: ReadonlySet<NodeJS.Signals> = new Set(["SIGBUS", "SIGSEGV", "SIGABRT"]);

const BESIDE_THIS: string = fileURLToPath(new URL("./process.js", import.meta.url));

const unexpected = (answer: Answer): TypeError =>
  new TypeError(`unexpected answer of the store: ${answer.did}`);
