/** A local store's file with any of its octets wrong, or cut anywhere: what it shows then is what was written, or nothing. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalStore } from "../../src/store/local/local.ts";

const SCRIPT = new URL("../../dist/src/store/local/process.js", import.meta.url).pathname;
const DAMAGED = new URL("./damaged.mjs", import.meta.url).pathname;
const ENTRIES = 40;
/** LMDB's two first pages say where the rest is; the newer one counts, and the older one is the commit before. */
const FIRST_PAGES = 2 * 4096;

interface Damage {
  readonly at?: number;
  readonly octets?: string;
  readonly length?: number;
}

interface Shown {
  readonly refused?: string;
  readonly revision?: number;
}

const folder = mkdtempSync(join(tmpdir(), "gatewayd-damage-"));
const sound = join(folder, "sound", "store.mdb");
let written: Shown;
let before: Shown;
beforeAll(async () => {
  const store = await LocalStore.open(join(folder, "sound"), SCRIPT);
  // Again and again, so that there are pages that nothing refers to any more.
  for (const round of [1, 2, 3]) {
    const value = JSON.stringify(String(round).repeat(800));
    await store.commit({ put: Array.from({ length: ENTRIES }, (_, n) => ({ key: `/n/${n}`, value })) });
  }
  await store.close();
  [written] = (await shown([{ length: statSync(sound).size }])) as [Shown];
  before = { ...written, revision: written.revision! - 1 };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What each damage leads to. A process that dies of what it finds stands for a refusal: the daemon says so then. */
async function shown(damages: readonly Damage[]): Promise<Shown[]> {
  const found: Shown[] = [];
  while (found.length < damages.length) {
    const words = [DAMAGED, sound, join(folder, "damaged"), JSON.stringify(damages), String(found.length)];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = once(child, "close");
    for await (const line of createInterface(child.stdout)) found.push(JSON.parse(line) as Shown);
    const [status, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    if (status === 0) continue;
    expect(signal).toMatch(/^SIG(BUS|SEGV|ABRT)$/);
    found.push({ refused: "corrupt" });
  }
  return found;
}

test("octets that are wrong, and cuts, anywhere: all of it is there, or it is refused", async () => {
  const file = readFileSync(sound);
  const octets = fc.uint8Array({ minLength: 1, maxLength: 64 });
  const damages = fc.sample(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ at: fc.nat(file.length - 64), octets }) },
      { weight: 1, arbitrary: fc.record({ length: fc.nat(file.length) }) },
    ),
    // The same in every run, so that a page that LMDB stumbles over is not met by chance.
    { numRuns: 50, seed: 1 },
  );
  const asText = damages.map((each) =>
    "octets" in each ? { at: each.at, octets: Buffer.from(each.octets).toString("base64") } : each,
  );
  const found = await shown(asText);
  for (const [i, each] of found.entries()) {
    const damage = asText[i]!;
    const where = `${JSON.stringify(damage)}: ${JSON.stringify(each)}`;
    if ("at" in damage && damage.at < FIRST_PAGES) {
      if (each.refused === undefined) expect([written.revision, before.revision]).toContain(each.revision);
    } else if (each.refused === undefined) expect([where, each]).toEqual([where, written]);
    else expect([where, each.refused]).toEqual([where, "corrupt"]);
  }
  // Neither all of one nor all of the other.
  expect(new Set(found.map(({ refused }) => refused))).toEqual(new Set(["corrupt", undefined]));
});
