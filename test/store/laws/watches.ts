/** What every watch keeps to, beside what random steps show. */

import { expect, test, vi } from "vitest";
import type { Batch, Store } from "../../../src/store/store.ts";
import { type Subject, WAIT, watched } from "./subject.ts";

export function watchLaws(at: { readonly subject: Subject; readonly store: Store }): void {
  test("a watch never calls before it has returned, nor after it was stopped, not even by itself", async () => {
    const { revision } = await at.store.read("/");
    await at.store.commit({ put: [{ key: "/a", value: "1" }] });
    await at.store.commit({ put: [{ key: "/b", value: "2" }] });
    const told: Batch[] = [];
    let returned = false;
    const stop = at.store.watch(
      "/",
      revision,
      (batch) => {
        expect(returned).toBe(true);
        told.push(batch);
        stop();
      },
      () => expect.unreachable(),
    );
    returned = true;
    const after = watched(at.store, "/", revision);
    await after.until("/b");
    expect(told).toHaveLength(1);
  });

  test("what was forgotten is said to be", async () => {
    const { revision } = await at.store.read("/");
    await at.store.commit({ put: [{ key: "/a", value: "1" }] });
    await at.subject.forget(at.store);
    const compacted = vi.fn();
    at.store.watch("/", revision, () => expect.unreachable(), compacted);
    await vi.waitFor(() => expect(compacted).toHaveBeenCalledTimes(1), WAIT);
    const read = await at.store.read("/");
    const again = watched(at.store, "/", read.revision);
    await at.store.commit({ put: [{ key: "/b", value: "2" }] });
    await again.until("/b");
  });
}
