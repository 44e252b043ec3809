/** The store in a real etcd, over TLS with certificates of both sides. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EtcdStore } from "../../src/store/etcd/etcd.ts";
import type { EtcdSettings } from "../../src/store/etcd/members.ts";
import { LocalStore } from "../../src/store/local/local.ts";
import { migrate } from "../../src/store/migrate.ts";
import { COMMIT_OPERATIONS } from "../../src/store/store.ts";
import { type Certificates, certificates, Etcd, missing, openFolder } from "./etcd-daemon.ts";
import { users } from "./etcd-users.ts";
import { laws } from "./laws/laws.ts";
import { networkingLaw } from "./laws/networking.ts";
import { type Subject, WAIT, watched } from "./laws/subject.ts";

const SCRIPT = new URL("../../dist/src/store/local/process.js", import.meta.url).pathname;
const absent = missing("etcd", "openssl");

describe.skipIf(absent !== undefined)(`in etcd${absent === undefined ? "" : `, missing: ${absent}`}`, () => {
  let etcd: Etcd & { certificates: Certificates };
  let prefixes = 0;
  beforeAll(async () => {
    etcd = await Etcd.start();
  });
  afterAll(() => etcd.stop());

  const settings = (): EtcdSettings => ({
    endpoints: [etcd.url],
    prefix: `/test/${++prefixes}`,
    tls: () => etcd.certificates.tls,
    login: undefined,
  });

  async function subject(): Promise<Subject> {
    const place = settings();
    return {
      open: () => EtcdStore.open(place),
      lasting: true,
      forget: async (store) => {
        // etcd still knows what the revision itself did that it is compacted at.
        await store.commit({ put: [{ key: "/x", value: "1" }] });
        await etcd.compact((await store.read("/")).revision);
      },
      remove: async () => undefined,
    };
  }

  describe("what every store keeps to", () => laws(subject, { runs: 25 }));

  const mortal = async () => {
    const place = settings();
    const kill = async (): Promise<void> => {
      await etcd.halt();
      await etcd.resume();
    };
    return { open: () => EtcdStore.open(place), kill, remove: async () => undefined };
  };
  networkingLaw(mortal, { runs: 1, kills: 2 });

  ownTests(settings);
  midway(settings, () => etcd);
  refusals(settings);
  users(settings, () => etcd);
});

function ownTests(settings: () => EtcdSettings): void {
  test("what others have in the same etcd is not ours, however alike their keys are", async () => {
    const place = settings();
    const [ours, theirs] = [
      await EtcdStore.open(place),
      await EtcdStore.open({ ...place, prefix: `${place.prefix}0` }),
    ];
    const { revision } = await ours.read("/");
    const watch = watched(ours, "/", revision);
    await theirs.commit({ put: [{ key: "/a", value: "1" }] });
    await ours.commit({ put: [{ key: "/b", value: "2" }] });
    await watch.until("/b");
    expect(watch.batches.flatMap(({ changes }) => changes)).toEqual([{ key: "/b", value: "2" }]);
    expect([...(await ours.read("/")).entries.keys()]).toEqual(["/b"]);
    await Promise.all([ours.close(), theirs.close()]);
  });

  test("a read of many pages is of one revision, whatever is written meanwhile", async () => {
    const store = await EtcdStore.open(settings());
    for (let part = 0; part < 20; part++) {
      await store.commit({
        put: Array.from({ length: 128 }, (_, i) => ({ key: `/${part}/${i}`, value: "0" })),
      });
    }
    const writeBoth = (n: number): Promise<unknown> =>
      store.commit({ put: ["/0/0", "/19/127"].map((key) => ({ key, value: String(n) })) });
    // Until then they are of two commits.
    await writeBoth(1);
    let over = false;
    const writes = (async () => {
      for (let n = 2; !over; n++) await writeBoth(n);
    })();
    for (let i = 0; i < 20; i++) {
      const { revision, entries } = await store.read("/");
      expect(entries.size).toBe(20 * 128);
      expect(entries.get("/0/0")).toEqual(entries.get("/19/127"));
      for (const { modRevision } of entries.values()) expect(modRevision).toBeLessThanOrEqual(revision);
    }
    over = true;
    await writes;
    await store.close();
  });
}

function midway(settings: () => EtcdSettings, etcd: () => Etcd & { certificates: Certificates }): void {
  test("ten thousand entries are told to whoever missed them, and go to a disk and back, as they were", async () => {
    const directory = mkdtempSync(join(tmpdir(), "gatewayd-migrated-"));
    const [first, last] = [await EtcdStore.open(settings()), await EtcdStore.open(settings())];
    const local = await LocalStore.open(directory, SCRIPT);
    const values = Array.from({ length: 10_000 }, (_, i) => ({
      key: `/v1/neutron/ports/${String(i).padStart(5, "0")}`,
      value: JSON.stringify({ id: String(i), revision_number: i, updated_at: "2026-01-01T00:00:00Z" }),
    }));
    const { revision } = await first.read("/");
    for (let i = 0; i < values.length; i += COMMIT_OPERATIONS)
      await first.commit({ put: values.slice(i, i + COMMIT_OPERATIONS) });
    // Whoever was away meanwhile is told all of it, commit by commit.
    const missed = watched(first, "/", revision);
    await missed.until(values.at(-1)!.key);
    expect(missed.batches.flatMap(({ changes }) => changes)).toEqual(values);
    expect(missed.batches).toHaveLength(Math.ceil(values.length / COMMIT_OPERATIONS));
    expect(await migrate(first, local)).toEqual({ ok: true, entries: values.length });
    expect(await migrate(local, last)).toEqual({ ok: true, entries: values.length });
    const { entries } = await last.read("/");
    expect([...entries].map(([key, { value }]) => ({ key, value }))).toEqual(values);
    await Promise.all([first, last, local].map((store) => store.close()));
    rmSync(directory, { recursive: true });
  });

  test("its authority is another one midway: that is why it is away, and no start is needed when we have its certificate", async () => {
    let { tls } = etcd().certificates;
    const store = await EtcdStore.open({ ...settings(), tls: () => tls });
    const { revision } = await store.read("/");
    const watch = watched(store, "/", revision);
    await etcd().renew();
    await vi.waitFor(() => expect(store.fault?.message).toMatch(/certificate/), WAIT);
    expect(store.connected).toBe(false);
    await expect(store.commit({ put: [{ key: "/a", value: "1" }] })).rejects.toBe(store.fault);
    ({ tls } = etcd().certificates);
    await vi.waitFor(() => expect(store.connected).toBe(true), WAIT);
    expect(store.fault).toBeUndefined();
    await store.commit({ put: [{ key: "/a", value: "1" }] });
    await watch.until("/a");
    await store.close();
  });

  test("a lease that etcd took away is told, once, and its entries are gone", async () => {
    const store = await EtcdStore.open(settings());
    const lost = vi.fn();
    const lease = await store.lease(5, lost);
    await store.commit({ put: [{ key: "/a", value: "1", lease }] });
    await etcd().ask("/v3/lease/revoke", { ID: lease.id });
    await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1), WAIT);
    expect(await store.get("/a")).toBeUndefined();
    await lease.end();
    await store.close();
    expect(lost).toHaveBeenCalledTimes(1);
  });
}

function refusals(settings: () => EtcdSettings): void {
  test.each<[string, (place: EtcdSettings) => EtcdSettings, RegExp]>([
    [
      "nobody listens",
      (place) => ({ ...place, endpoints: [new URL("https://127.0.0.1:1")] }),
      /ECONNREFUSED/,
    ],
    [
      "another authority",
      (place) => {
        const { tls } = certificates(openFolder(), "127.0.0.1");
        return { ...place, tls: () => tls };
      },
      /certificate/,
    ],
    ["without TLS", (place) => ({ ...place, tls: undefined }), /etcd: /],
    [
      "without a certificate of ours",
      (place) => ({ ...place, tls: () => ({ ...place.tls!(), cert: undefined, key: undefined }) }),
      /etcd: /,
    ],
  ])("%s: opening fails, and says why", async (_, wrong, message) => {
    const error: unknown = await EtcdStore.open(wrong(settings())).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ detail: { code: "unavailable" } });
    expect((error as Error).message).toMatch(message);
  });
}
