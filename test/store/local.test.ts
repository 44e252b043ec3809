/** The store on this machine's disk: what every store keeps to, and what becomes of it when things go wrong. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test, vi } from "vitest";
import { HISTORY_COMMITS } from "../../src/store/feed.ts";
import { follow } from "../../src/store/follow.ts";
import { LocalStore } from "../../src/store/local/local.ts";
import { laws } from "./laws/laws.ts";
import { networkingLaw } from "./laws/networking.ts";
import { type Subject, WAIT } from "./laws/subject.ts";
import { processOf, SCRIPT } from "./store-process.ts";

const WRITER = new URL("./writer.mjs", import.meta.url).pathname;

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "gatewayd-store-"));
  folders.push(made);
  return made;
}
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

async function subject(): Promise<Subject> {
  const directory = folder();
  return {
    open: () => LocalStore.open(directory, SCRIPT),
    lasting: true,
    forget: async (store) => {
      const put = [{ key: "/x", value: "1" }];
      await Promise.all(Array.from({ length: HISTORY_COMMITS }, () => store.commit({ put })));
    },
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

describe("on the disk", () => {
  laws(subject, { runs: 8 });
  const mortal = async () => {
    const directory = folder();
    return {
      open: () => LocalStore.open(directory, SCRIPT),
      kill: async () => void process.kill(processOf(directory), "SIGKILL"),
      remove: async () => rmSync(directory, { recursive: true, force: true }),
    };
  };
  networkingLaw(mortal, { runs: 3, kills: 3 });
});

/** Opens, reads everything and closes. */
async function numbersIn(directory: string): Promise<number[]> {
  const store = await LocalStore.open(directory, SCRIPT);
  const { entries } = await store.read("/n/");
  await store.close();
  return [...entries.keys()].map((key) => Number(key.slice("/n/".length)));
}

test("whenever its processes are killed, what was acknowledged is there", async () => {
  const directory = folder();
  let written = 0;
  for (const acknowledgements of [0, 5, 60, 200]) {
    // A group of its own, so that the store's process dies in the same moment.
    const writer = spawn(process.execPath, [WRITER, directory, String(written)], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(writer, "close");
    const acknowledged: number[] = [];
    for await (const line of createInterface(writer.stdout)) {
      acknowledged.push(Number(line));
      if (acknowledged.length === acknowledgements + 1) process.kill(-writer.pid!, "SIGKILL");
    }
    await ended;
    const found = new Set(await numbersIn(directory));
    expect(acknowledged.length).toBeGreaterThan(acknowledgements);
    expect(acknowledged.filter((n) => !found.has(n))).toEqual([]);
    written = Math.max(...found) + 1;
  }
});

test("its process is killed under writes: nothing acknowledged is lost, and whoever watches knows all that there is", async () => {
  const directory = folder();
  let revived = 0;
  const store = await LocalStore.open(directory, SCRIPT, () => {
    revived += 1;
  });
  const known = new Map<string, string>();
  const stop = await follow(store, "/n/", {
    reset: ({ entries }) => {
      known.clear();
      for (const [key, { value }] of entries) known.set(key, value);
    },
    take: ({ changes }) => {
      for (const { key, value } of changes) if (value !== undefined) known.set(key, value);
    },
  });
  const lost = vi.fn();
  const lease = await store.lease(60, lost);
  await store.commit({ put: [{ key: "/alive", value: "1", lease }] });
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const writes = Array.from({ length: 20 }, (_, n) => `/n/${round}-${n}`).map((key) =>
      store.commit({ put: [{ key, value: "1" }] }).then(
        () => acknowledged.push(key),
        (error: unknown) => expect(error).toMatchObject({ detail: { code: "unavailable" } }),
      ),
    );
    await writes[round];
    process.kill(processOf(directory), "SIGKILL");
    await Promise.all(writes);
    await vi.waitFor(() => expect(revived).toBe(round + 1), WAIT);
    // It can be written to again at once.
    await store.commit({ put: [{ key: `/n/after-${round}`, value: "1" }] });
  }
  const { entries } = await store.read("/n/");
  expect([...entries.keys()]).toEqual(expect.arrayContaining(acknowledged));
  await vi.waitFor(() => expect([...known.keys()].sort()).toEqual([...entries.keys()]), WAIT);
  expect(lost).toHaveBeenCalledTimes(1);
  expect(await store.get("/alive")).toBeUndefined();
  stop();
  await store.close();
});

test("a second gatewayd is refused, and let in once the first is gone", async () => {
  const directory = folder();
  const first = await LocalStore.open(directory, SCRIPT);
  await expect(LocalStore.open(directory, SCRIPT)).rejects.toMatchObject({
    detail: { code: "unavailable" },
    message: `${directory}: another gatewayd uses this store`,
  });
  await first.close();
  await (await LocalStore.open(directory, SCRIPT)).close();
});

test("a place that is none is refused", async () => {
  const file = join(folder(), "file");
  writeFileSync(file, "");
  await expect(LocalStore.open(file, SCRIPT)).rejects.toMatchObject({ detail: { code: "unavailable" } });
});

describe("a file that is not what was written is refused", () => {
  const sound = folder();
  const PAGE = 4096;
  const overwrite = (file: string, from: number, octets: Buffer): void => {
    const fd = openSync(file, "r+");
    writeSync(fd, octets, 0, octets.length, from);
    closeSync(fd);
  };
  test.each<[string, (file: string) => void]>([
    ["emptied", (file) => truncateSync(file, 0)],
    ["cut in its first page", (file) => truncateSync(file, 100)],
    ["cut in the middle", (file) => truncateSync(file, Math.floor(statSync(file).size / 2 / PAGE) * PAGE)],
    ["something else", (file) => writeFileSync(file, "x".repeat(statSync(file).size))],
    [
      "zeros from the third page on",
      (file) => overwrite(file, 2 * PAGE, Buffer.alloc(statSync(file).size - 2 * PAGE)),
    ],
    [
      "noise from the third page on",
      (file) => overwrite(file, 2 * PAGE, Buffer.alloc(statSync(file).size - 2 * PAGE, 0xa5)),
    ],
  ])("%s", async (_, damage) => {
    if ((await numbersIn(sound)).length === 0) {
      const store = await LocalStore.open(sound, SCRIPT);
      const put = Array.from({ length: 100 }, (_, n) => ({
        key: `/n/${n}`,
        value: JSON.stringify("x".repeat(1500)),
      }));
      await store.commit({ put });
      await store.close();
    }
    const directory = folder();
    cpSync(sound, directory, { recursive: true });
    damage(join(directory, "store.mdb"));
    const error: unknown = await LocalStore.open(directory, SCRIPT).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ detail: { code: "corrupt" } });
    expect((error as Error).message).toContain(`${directory}: the file of the store is damaged`);
  });
});

test.skipIf(process.getuid?.() !== 0 && process.env["CI"] !== "true")(
  "a full disk: nothing acknowledged is lost, reading goes on, and so does writing when there is room",
  async () => {
    const directory = folder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
    try {
      let store = await LocalStore.open(directory, SCRIPT);
      const write = (n: number): Promise<unknown> =>
        store.commit({ put: [{ key: `/n/${n}`, value: JSON.stringify("x".repeat(3000)) }] });
      let count = 0;
      let error: unknown;
      for (; error === undefined; count++)
        error = await write(count).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      const written = count - 1;
      expect(error).toMatchObject({
        detail: { code: "full" },
        message: `${directory}: no space left on the disk`,
      });
      expect((await store.read("/n/")).entries.size).toBe(written);
      await store.close();
      // A start needs no room, though a process before has left what goes with it.
      store = await LocalStore.open(directory, SCRIPT);
      expect((await store.read("/n/")).entries.size).toBe(written);
      for (let n = 0; n < 20; n++)
        expect(await store.commit({ remove: [`/n/${n}`] })).toMatchObject({ ok: true });
      expect(await write(0)).toMatchObject({ ok: true });
      await store.close();
      expect(await numbersIn(directory)).toHaveLength(written - 19);
    } finally {
      execFileSync("umount", [directory]);
    }
  },
);
