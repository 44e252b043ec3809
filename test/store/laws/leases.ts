/** What every lease keeps to. */

import { expect, test, vi } from "vitest";
import type { Lease, Store } from "../../../src/store/store.ts";
import { type Subject, WAIT, watched } from "./subject.ts";

export function leaseLaws(at: { readonly subject: Subject; store: Store }): void {
  test("entries of a lease go with it, and no other does", async () => {
    const lease = await at.store.lease(60, () => expect.unreachable());
    await at.store.commit({
      put: [
        { key: "/a", value: "1", lease },
        { key: "/b", value: "2" },
        { key: "/c", value: "3", lease },
      ],
    });
    // Written without a lease, an entry stays.
    const { revision } = (await at.store.commit({ put: [{ key: "/c", value: "4" }] })) as {
      revision: number;
    };
    const watch = watched(at.store, "/", revision);
    await lease.end();
    await lease.end();
    expect([...(await at.store.read("/")).entries.keys()]).toEqual(["/b", "/c"]);
    await vi.waitFor(() => expect(watch.batches).toHaveLength(1), WAIT);
    expect(watch.batches[0]?.changes).toEqual([{ key: "/a", value: undefined }]);
    await expect(at.store.commit({ put: [{ key: "/d", value: "5", lease }] })).rejects.toMatchObject({
      detail: { code: "lease-lost" },
    });
    expect(await at.store.get("/d")).toBeUndefined();
  });

  test("leases end when the store is closed", async () => {
    if (!at.subject.lasting) return;
    const lease: Lease = await at.store.lease(60, () => expect.unreachable());
    await at.store.commit({ put: [{ key: "/a", value: "1", lease }] });
    await at.store.commit({ put: [{ key: "/b", value: "2" }] });
    await at.store.close();
    at.store = await at.subject.open();
    expect([...(await at.store.read("/")).entries.keys()]).toEqual(["/b"]);
  });
}
