/** A store that is out of reach when a process starts: what the process before it knew is there, and what follows is told. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { Copy } from "../../src/store/local/copy.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { RememberedStore } from "../../src/store/remembered.ts";
import { type Snapshot, type Store, StoreError } from "../../src/store/store.ts";
import { WAIT, watched } from "./laws/subject.ts";
import { processOf, SCRIPT } from "./store-process.ts";

const folders: string[] = [];
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "gatewayd-copy-"));
  folders.push(made);
  return made;
}
const opened = (directory: string, of = "one"): Promise<Copy> => Copy.open(directory, of, SCRIPT);

/** Of whose copy nothing is to go wrong. */
const remembered = (store: Store, copy: Copy, isAway: boolean): RememberedStore =>
  new RememberedStore(store, copy, { isAway, onCopy: (fault) => expect.unreachable(fault?.message) });

/** Whoever asks for entries is refused while it is away. What watches were told before stays told. */
class Distant extends MemoryStore {
  isAway = false;

  override async read(prefix: string): Promise<Snapshot> {
    if (this.isAway) throw new StoreError("unavailable", "away");
    return await super.read(prefix);
  }
}

const put = (key: string, value: string) => ({ put: [{ key, value }] });

test("what was read and what was told since are there, of the revision that they were told with", async () => {
  const [store, directory] = [new Distant(), folder()];
  await store.commit(put("/a/1", "1"));
  await store.commit(put("/b/1", "1"));
  const before = remembered(store, await opened(directory), false);
  const { revision } = await before.read("/a/");
  const watch = watched(before, "/a/", revision);
  await before.commit({ put: [{ key: "/a/2", value: "2" }], remove: ["/a/1"] });
  await before.commit(put("/b/2", "2"));
  await before.commit(put("/a/3", "é\u0000\u2028"));
  await watch.until("/a/3");
  const known = await store.read("/a/");
  watch.stop();
  await before.close();

  store.isAway = true;
  await store.commit(put("/a/4", "4"));
  const after = remembered(store, await opened(directory), true);
  const copied = await after.read("/a/");
  expect(copied).toEqual(known);
  // Nobody read below /b/.
  await expect(after.read("/b/")).rejects.toMatchObject({ detail: { code: "unavailable" } });
  const told = watched(after, "/a/", copied.revision);
  await told.until("/a/4");
  store.isAway = false;
  expect([...(await after.read("/a/")).entries.keys()]).toEqual(["/a/2", "/a/3", "/a/4"]);
  await after.close();
});

test("what was forgotten meanwhile is read anew, and takes the place of the copy", async () => {
  const [store, directory] = [new Distant(), folder()];
  await store.commit(put("/a/1", "1"));
  const before = remembered(store, await opened(directory), false);
  await before.read("/a/");
  await before.close();
  await store.commit({ put: [{ key: "/a/2", value: "2" }], remove: ["/a/1"] });
  for (let i = 0; i < 5000; i++) await store.commit(put("/x", String(i)));
  const after = remembered(store, await opened(directory), true);
  const { revision } = await after.read("/a/");
  const compacted = vi.fn();
  after.watch("/a/", revision, () => expect.unreachable(), compacted);
  await vi.waitFor(() => expect(compacted).toHaveBeenCalledTimes(1), WAIT);
  expect(await after.read("/a/")).toEqual(await store.read("/a/"));
  await after.close();
  const copy = await opened(directory);
  expect(await copy.read("/a/")).toEqual(await store.read("/a/"));
  await copy.close();
});

const VALUE = JSON.stringify("of which one octet is to be wrong");

/** Where the value stands: nothing but its checksum can tell. */
function damageOneOctet(file: string): void {
  const octets = readFileSync(file);
  for (let at = octets.indexOf(VALUE); at >= 0; at = octets.indexOf(VALUE, at + 1)) octets[at + 1]! ^= 1;
  writeFileSync(file, octets);
}

test("a copy of something else is none, and one that is damaged is begun anew", async () => {
  const directory = folder();
  // A local store that somebody had before.
  writeFileSync(join(directory, "store.mdb"), "mine");
  const first = await opened(directory);
  expect(first.revision).toBeUndefined();
  const entries = new Map([["/a", { value: VALUE, modRevision: 6 }]]);
  await first.replace("/", { revision: 7, entries });
  await first.close();
  const again = await opened(directory);
  expect(again.revision).toBe(7);
  expect(await again.read("/")).toEqual({ revision: 7, entries });
  await again.close();
  const other = await opened(directory, "two");
  expect(other.revision).toBeUndefined();
  expect(await other.read("/")).toBeUndefined();
  await other.replace("/", { revision: 3, entries });
  await other.close();
  damageOneOctet(join(directory, "copy.mdb"));
  const anew = await opened(directory, "two");
  expect(anew.revision).toBeUndefined();
  await anew.close();
  expect(readFileSync(join(directory, "store.mdb"), "utf8")).toBe("mine");
});

/** Goes through the copy, with all that it may be told. */
async function kept(directory: string): Promise<Snapshot | undefined> {
  const copy = await opened(directory);
  const snapshot = await copy.read("/a/");
  await copy.close();
  return snapshot;
}

test("its process is killed under changes: another one takes its place, and the copy is kept up again", async () => {
  const [store, directory] = [new Distant(), folder()];
  let revived = 0;
  let fault: StoreError | undefined;
  const copy = await Copy.open(directory, "one", SCRIPT, () => {
    revived += 1;
  });
  const copied = new RememberedStore(store, copy, {
    isAway: false,
    onCopy: (now) => {
      fault = now;
    },
    after: (_, wake) => {
      const soon = setImmediate(wake);
      return () => clearImmediate(soon);
    },
  });
  await store.commit(put("/a/0", "0"));
  const { revision } = await copied.read("/a/");
  const watch = watched(copied, "/a/", revision);
  for (let round = 1; round <= 2; round++) {
    for (let n = 0; n < 20; n++) await store.commit(put(`/a/${round}-${n}`, "1"));
    process.kill(processOf(directory), "SIGKILL");
    for (let n = 0; n < 20; n++) await store.commit(put(`/a/${round}-${n}-after`, "1"));
    await vi.waitFor(() => expect(revived).toBe(round), WAIT);
    await vi.waitFor(() => expect(fault).toBeUndefined(), WAIT);
  }
  await store.commit({ put: [{ key: "/a/last", value: "1" }], remove: ["/a/0"] });
  await watch.until("/a/last");
  const known = await store.read("/a/");
  watch.stop();
  await copied.close();
  expect(await kept(directory)).toEqual(known);
});

test.skipIf(process.getuid?.() !== 0 && process.env["CI"] !== "true")(
  "a full disk: the copy stays whole and of one revision, the store is read and watched on, and with room the copy is too",
  async () => {
    const directory = folder();
    const mount = (options: string): Buffer =>
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
    mount("size=1m");
    try {
      const store = new Distant();
      const faults: (StoreError | undefined)[] = [];
      let again = (): void => undefined;
      const around = {
        isAway: false,
        onCopy: (fault: StoreError | undefined) => faults.push(fault),
        after: (_: number, wake: () => void) => {
          again = wake;
          return () => undefined;
        },
      };
      const before = new RememberedStore(store, await opened(directory), around);
      const { revision } = await before.read("/a/");
      const watch = watched(before, "/a/", revision);
      const states: Snapshot[] = [await store.read("/a/")];
      // More than there is room for.
      for (let n = 0; n < 30; n++) {
        await store.commit(put(`/a/${n}`, JSON.stringify("x".repeat(50_000))));
        states.push(await store.read("/a/"));
      }
      await vi.waitFor(() => expect(faults[0]).toMatchObject({ detail: { code: "full" } }), WAIT);
      await store.commit(put("/a/more", "1"));
      await watch.until("/a/more");
      watch.stop();
      await before.close();
      expect(states).toContainEqual(await kept(directory));

      faults.length = 0;
      const after = new RememberedStore(store, await opened(directory), around);
      const known = await after.read("/a/");
      expect(faults).toMatchObject([{ detail: { code: "full" } }]);
      mount("remount,size=8m");
      again();
      await vi.waitFor(() => expect(faults.at(-1)).toBeUndefined(), WAIT);
      await after.close();
      expect(await kept(directory)).toEqual(known);
    } finally {
      execFileSync("umount", ["--lazy", directory]);
    }
  },
);
