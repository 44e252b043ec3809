/** Random steps through a store, with a list of commits beside it that says what must come of them. */

import fc from "fast-check";
import { expect } from "vitest";
import type { Batch, Change, Key, Lease, Store } from "../../../src/store/store.ts";
import { type Subject, watched } from "./subject.ts";

const KEYS: readonly Key[] = ["/a", "/a/1", "/a/2", "/ab", "/b/1", "/b/~"];
const PREFIXES: readonly Key[] = ["/", "/a", "/a/", "/b/", "/none"];

export type Step =
  | {
      readonly do: "commit";
      readonly require: readonly { readonly key: Key; readonly rightly: boolean }[];
      readonly write: readonly {
        readonly key: Key;
        readonly value: string | undefined;
        readonly leased: boolean;
      }[];
    }
  | { readonly do: "read" | "get"; readonly prefix: Key; readonly key: Key }
  | { readonly do: "watch"; readonly prefix: Key; readonly since: number }
  | { readonly do: "lease" | "end-lease" | "reopen" };

const key = fc.constantFrom(...KEYS);
const prefix = fc.constantFrom(...PREFIXES);
const value = fc.json({ maxDepth: 1 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("commit" as const),
      require: fc.array(fc.record({ key, rightly: fc.boolean() }), { maxLength: 2 }),
      write: fc.uniqueArray(
        fc.record({ key, value: fc.option(value, { nil: undefined }), leased: fc.boolean() }),
        { maxLength: 4, selector: (each) => each.key },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("read" as const, "get" as const), prefix, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("watch" as const), prefix, since: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("lease" as const, "end-lease" as const) }) },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 40 });

/** A batch whose revision is undefined was nobody's answer: a lease ended. */
interface Told {
  readonly revision: number | undefined;
  readonly changes: readonly Change[];
}

interface Watch {
  readonly prefix: Key;
  /** Where in the list it begins. */
  readonly from: number;
  readonly watch: ReturnType<typeof watched>;
}

export class Walk {
  readonly #subject: Subject;
  #store: Store;
  /** Since the store was opened. */
  #log: Told[] = [];
  /** `#revisions[i]`: a revision before which the first i of the list happened, and no other. */
  #revisions: number[];
  #rows = new Map<Key, { value: string; modRevision: number; lease: Lease | undefined }>();
  #watches: Watch[] = [];
  #lease: Lease | undefined;

  static async begin(subject: Subject): Promise<Walk> {
    const store = await subject.open();
    return new Walk(subject, store, (await store.read("/")).revision);
  }

  private constructor(subject: Subject, store: Store, revision: number) {
    this.#subject = subject;
    this.#store = store;
    this.#revisions = [revision];
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "commit":
        return this.#commit(step);
      case "read":
        return this.#read(step.prefix);
      case "get":
        expect(await this.#store.get(step.key)).toEqual(this.#entry(step.key));
        return;
      case "watch": {
        const from = Math.min(step.since, this.#log.length);
        const watch = watched(this.#store, step.prefix, this.#revisions[from]!);
        this.#watches.push({ prefix: step.prefix, from, watch });
        return;
      }
      case "lease":
        this.#lease ??= await this.#store.lease(60, () => expect.unreachable());
        return;
      case "end-lease":
        return this.#endLease();
      case "reopen":
        return this.#reopen();
    }
  }

  /** Every watch has told its part of the list, and nothing else. */
  async finish(): Promise<void> {
    await this.#write({ put: PREFIXES.map((each) => ({ key: `${each}-end`, value: "0" })) });
    for (const { prefix, from, watch } of this.#watches.splice(0)) {
      await watch.until(`${prefix}-end`);
      watch.stop();
      const expected = this.#log.slice(from).flatMap(({ revision, changes }) => {
        const seen = changes.filter((change) => change.key.startsWith(prefix));
        return seen.length === 0 ? [] : [{ revision: revision ?? expect.any(Number), changes: sorted(seen) }];
      });
      expect(watch.batches.map((batch) => ({ ...batch, changes: sorted(batch.changes) }))).toEqual(expected);
      expectRising(watch.batches);
    }
    await this.#read("/");
  }

  async end(): Promise<void> {
    await this.#store.close();
  }

  async #commit({ require, write }: Step & { do: "commit" }): Promise<void> {
    const required = require.map(({ key, rightly }) => {
      const modRevision = this.#rows.get(key)?.modRevision ?? 0;
      return { key, modRevision: rightly ? modRevision : modRevision + 1 };
    });
    const lease = this.#lease;
    const put = write.flatMap(({ key, value, leased }) =>
      value === undefined ? [] : [{ key, value, ...(leased && lease !== undefined ? { lease } : {}) }],
    );
    const remove = write.flatMap(({ key, value }) => (value === undefined ? [key] : []));
    if (require.every(({ rightly }) => rightly)) return this.#write({ require: required, put, remove });
    expect(await this.#store.commit({ require: required, put, remove })).toEqual({ ok: false });
  }

  async #write(
    commit: Required<Pick<Parameters<Store["commit"]>[0], "put">> & Parameters<Store["commit"]>[0],
  ): Promise<void> {
    const before = this.#revisions.at(-1)!;
    const answer = await this.#store.commit(commit);
    if (!answer.ok) return expect.unreachable("everything required was right");
    const removed = (commit.remove ?? []).filter((each) => this.#rows.delete(each));
    for (const { key, value, lease } of commit.put) {
      this.#rows.set(key, { value, modRevision: answer.revision, lease });
    }
    if (commit.put.length + removed.length === 0) {
      expect(answer.revision).toBe(before);
      return;
    }
    expect(answer.revision).toBeGreaterThan(before);
    this.#happened(answer.revision, [
      ...commit.put.map(({ key, value }) => ({ key, value })),
      ...removed.map((key) => ({ key, value: undefined })),
    ]);
    this.#revisions.push(answer.revision);
  }

  async #read(prefix: Key): Promise<void> {
    const { revision, entries } = await this.#store.read(prefix);
    expect(revision).toBe(this.#revisions.at(-1));
    const keys = [...this.#rows.keys()].filter((each) => each.startsWith(prefix)).sort();
    expect([...entries]).toEqual(keys.map((each) => [each, this.#entry(each)]));
  }

  async #endLease(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    await lease.end();
    const gone = this.#forgetLeased();
    if (gone.length === 0) return;
    this.#happened(
      undefined,
      gone.map((each) => ({ key: each, value: undefined })),
    );
    this.#revisions.push((await this.#store.read("/")).revision);
  }

  /** Only later changes than the opening can be watched: a store need not remember more over that. */
  async #reopen(): Promise<void> {
    if (!this.#subject.lasting) return;
    for (const { watch } of this.#watches.splice(0)) watch.stop();
    await this.#store.close();
    this.#store = await this.#subject.open();
    this.#lease = undefined;
    this.#forgetLeased();
    this.#log = [];
    const { revision } = await this.#store.read("/");
    expect(revision).toBeGreaterThanOrEqual(this.#revisions.at(-1)!);
    this.#revisions = [revision];
    await this.#read("/");
  }

  #forgetLeased(): Key[] {
    const gone = [...this.#rows].flatMap(([each, { lease }]) => (lease === undefined ? [] : [each]));
    for (const each of gone) this.#rows.delete(each);
    return gone;
  }

  #happened(revision: number | undefined, changes: readonly Change[]): void {
    this.#log.push({ revision, changes });
  }

  #entry(key: Key): { value: string; modRevision: number } | undefined {
    const row = this.#rows.get(key);
    return row === undefined ? undefined : { value: row.value, modRevision: row.modRevision };
  }
}

const sorted = (changes: readonly Change[]): Change[] =>
  [...changes].sort((one, other) => (one.key < other.key ? -1 : 1));

function expectRising(batches: readonly Batch[]): void {
  batches.forEach((batch, i) => {
    if (i > 0) expect(batch.revision).toBeGreaterThan(batches[i - 1]!.revision);
  });
}
