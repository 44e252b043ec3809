import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "./memory.ts";
import { migrate } from "./migrate.ts";
import { COMMIT_OPERATIONS, type Key, type Store, VALUE_OCTETS } from "./store.ts";

async function storeOf(values: ReadonlyMap<Key, string>): Promise<Store> {
  const store = new MemoryStore();
  for (const [key, value] of values) await store.commit({ put: [{ key, value }] });
  return store;
}

const valuesOf = async (store: Store): Promise<Map<Key, string>> =>
  new Map([...(await store.read("/")).entries].map(([key, { value }]) => [key, value]));

const numbered = (count: number, value = "1"): Map<Key, string> =>
  new Map(Array.from({ length: count }, (_, i) => [`/v1/${String(i).padStart(6, "0")}`, value]));

describe("migrate", () => {
  test.each<[string, Map<Key, string>]>([
    ["nothing", numbered(0)],
    ["one commit, full", numbered(COMMIT_OPERATIONS)],
    ["several commits", numbered(3 * COMMIT_OPERATIONS + 1)],
    ["values so long that few are a commit", numbered(9, "x".repeat(VALUE_OCTETS))],
  ])("%s: all of it", async (_, values) => {
    const [from, to] = [await storeOf(values), new MemoryStore()];
    expect(await migrate(from, to)).toEqual({ ok: true, entries: values.size });
    expect(await valuesOf(to)).toEqual(values);
    expect(await valuesOf(from)).toEqual(values);
  });

  test("goes on wherever it was interrupted, and a second time changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([...numbered(300)]), async (written) => {
        const [from, to] = [await storeOf(numbered(300)), await storeOf(new Map(written))];
        expect(await migrate(from, to)).toEqual({ ok: true, entries: 300 });
        const { revision } = await to.read("/");
        expect(await migrate(from, to)).toEqual({ ok: true, entries: 300 });
        expect((await to.read("/")).revision).toBe(revision);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ["another key", "/other", "1"],
    ["another value", "/v1/000001", "2"],
  ])("into a store that has %s: refused, and nothing is written", async (_, key, value) => {
    const to = await storeOf(new Map([[key, value]]));
    expect(await migrate(await storeOf(numbered(3)), to)).toEqual({ ok: false, reason: "occupied" });
    expect(await valuesOf(to)).toEqual(new Map([[key, value]]));
  });

  test("what is written to the first store meanwhile is not lost without a word", async () => {
    const [from, to] = [await storeOf(numbered(300)), new MemoryStore()];
    const { revision } = await to.read("/");
    const stop = to.watch(
      "/",
      revision,
      () => void from.commit({ put: [{ key: "/new", value: "1" }] }),
      neverCompacted,
    );
    expect(await migrate(from, to)).toEqual({ ok: false, reason: "changed" });
    stop();
    expect(await migrate(from, to)).toEqual({ ok: true, entries: 301 });
  });
});

const neverCompacted = (): void => expect.unreachable();
