/** What every store keeps to. A plain model, a list of commits, says what random steps must lead to. */

import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { COMMIT_OPERATIONS, type Committed, type Key, type Store } from "../../../src/store/store.ts";
import { leaseLaws } from "./leases.ts";
import { limitLaws } from "./limits.ts";
import type { Subject } from "./subject.ts";
import { type Step, steps, Walk } from "./walk.ts";
import { watchLaws } from "./watches.ts";

/** @param runs - sequences of random steps */
export function laws(make: () => Promise<Subject>, { runs }: { readonly runs: number }): void {
  const at = {} as { subject: Subject; store: Store };
  beforeAll(async () => {
    at.subject = await make();
    at.store = await at.subject.open();
  });
  afterAll(async () => {
    await at.store.close();
    await at.subject.remove();
  });
  afterEach(async () => {
    const { entries } = await at.store.read("/");
    for (const keys of inParts([...entries.keys()])) await at.store.commit({ remove: keys });
  });

  test("any steps lead where the list of commits says, and every watch tells that list", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (given: readonly Step[]) => {
        const place = await make();
        const walk = await Walk.begin(place);
        try {
          for (const step of given) await walk.take(step);
          await walk.finish();
        } finally {
          await walk.end();
          await place.remove();
        }
      }),
      { numRuns: runs },
    );
  });

  commitLaws(at);
  watchLaws(at);
  leaseLaws(at);
  limitLaws(at);
}

function commitLaws(at: { readonly store: Store }): void {
  test("of those who create a key at once, one does", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => create(at.store, "/one", String(i))),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  });

  test("no increment is lost among many at once", async () => {
    await create(at.store, "/counter", "0");
    const increment = async (): Promise<void> => {
      for (;;) {
        const { value, modRevision } = (await at.store.get("/counter"))!;
        const answer = await at.store.commit({
          require: [{ key: "/counter", modRevision }],
          put: [{ key: "/counter", value: String(Number(value) + 1) }],
        });
        if (answer.ok) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect((await at.store.get("/counter"))?.value).toBe("20");
  });

  test("who writes reads what was written, and the snapshot is of that revision", async () => {
    for (let i = 0; i < 20; i++) {
      const answer = await at.store.commit({ put: [{ key: "/a", value: String(i) }] });
      const { revision, entries } = await at.store.read("/");
      expect(answer).toEqual({ ok: true, revision });
      expect(entries.get("/a")).toEqual({ value: String(i), modRevision: revision });
    }
  });
}

/** As many keys as one commit takes. */
const inParts = (keys: readonly Key[]): Key[][] =>
  keys.length === 0 ? [] : [keys.slice(0, COMMIT_OPERATIONS), ...inParts(keys.slice(COMMIT_OPERATIONS))];

const create = (store: Store, key: Key, value: string): Promise<Committed> =>
  store.commit({ require: [{ key, modRevision: 0 }], put: [{ key, value }] });
