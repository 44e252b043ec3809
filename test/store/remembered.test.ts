/** A store that is out of reach when a process starts: what the process before it knew is there, and what follows is told. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { Copy } from "../../src/store/local/copy.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { RememberedStore } from "../../src/store/remembered.ts";
import { type Snapshot, StoreError } from "../../src/store/store.ts";
import { WAIT, watched } from "./laws/subject.ts";

const SCRIPT = new URL("../../dist/src/store/local/process.js", import.meta.url).pathname;
const folders: string[] = [];
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "gatewayd-copy-"));
  folders.push(made);
  return made;
}
const opened = (directory: string, of = "one"): Promise<Copy> =>
  Copy.open(directory, of, (fault) => expect.unreachable(fault.message), SCRIPT);

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
  const before = new RememberedStore(store, await opened(directory), false);
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
  const after = new RememberedStore(store, await opened(directory), true);
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
  const before = new RememberedStore(store, await opened(directory), false);
  await before.read("/a/");
  await before.close();
  await store.commit({ put: [{ key: "/a/2", value: "2" }], remove: ["/a/1"] });
  for (let i = 0; i < 5000; i++) await store.commit(put("/x", String(i)));
  const after = new RememberedStore(store, await opened(directory), true);
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

test.skipIf(process.getuid?.() !== 0 && process.env["CI"] !== "true")(
  "a full disk: the copy stays as it was, whole and of one revision, and the store is read and watched on",
  async () => {
    const directory = folder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
    try {
      const store = new Distant();
      const faults: StoreError[] = [];
      const copy = await Copy.open(directory, "one", (fault) => faults.push(fault), SCRIPT);
      const remembered = new RememberedStore(store, copy, false);
      const { revision } = await remembered.read("/a/");
      const watch = watched(remembered, "/a/", revision);
      const states: Snapshot[] = [await store.read("/a/")];
      // More than there is room for.
      for (let n = 0; n < 30; n++) {
        await store.commit(put(`/a/${n}`, JSON.stringify("x".repeat(50_000))));
        states.push(await store.read("/a/"));
      }
      await vi.waitFor(() => expect(faults).toMatchObject([{ detail: { code: "full" } }]), WAIT);
      await store.commit(put("/a/more", "1"));
      await watch.until("/a/more");
      watch.stop();
      await remembered.close();
      const again = await Copy.open(directory, "one", () => undefined, SCRIPT);
      const kept = (await again.read("/a/"))!;
      expect(states).toContainEqual(kept);
      await again.close();
    } finally {
      execFileSync("umount", ["--lazy", directory]);
    }
  },
);
