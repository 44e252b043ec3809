/** `gatewayd store migrate FROM TO`: what the store of one file holds goes into that of the other. */

import type { StoreSettings } from "../../config/settings.ts";
import { livingHosts } from "../../neutron/hosts.ts";
import { migrate } from "../../store/migrate.ts";
import type { Store } from "../../store/store.ts";
import { loadFile, refusalOf } from "../config-file.ts";
import { describeStore, openStore } from "./store.ts";

const REASONS = {
  occupied: "it holds something else already; migrate into an empty store",
  changed: "the first store was written to meanwhile; stop every gatewayd that uses it, and migrate again",
} as const;

/**
 * @returns what was done, for a reader
 * @throws Error with why it was not
 */
export async function migrateStore(fromFile: string, toFile: string): Promise<string> {
  const [from, to] = [storeOf(fromFile), storeOf(toFile)];
  if (JSON.stringify(from) === JSON.stringify(to)) throw new Error("both files name the same store");
  return using(from, (source) =>
    using(to, async (target) => {
      for (const [settings, store] of [
        [from, source],
        [to, target],
      ] as const)
        await refuseLiving(settings, store);
      const done = await migrate(source, target);
      if (!done.ok) throw new Error(`${describeStore(to)}: ${REASONS[done.reason]}`);
      return `${done.entries} entries are now in ${describeStore(to)}, and still in ${describeStore(from)}`;
    }),
  );
}

/** What a gatewayd that runs on etcd writes meanwhile would be lost, and its lease is no entry that lasts. */
async function refuseLiving(settings: StoreSettings, store: Store): Promise<void> {
  const [first, ...others] = (await livingHosts(store)).sort();
  if (first === undefined) return;
  const who = others.length === 0 ? first : `${first} and ${others.length} others`;
  const hint = "stop every gatewayd that uses it; one that was killed counts for 15 s more";
  throw new Error(`${describeStore(settings)}: a gatewayd runs with it on ${who}; ${hint}`);
}

function storeOf(file: string): StoreSettings {
  const loaded = loadFile(file);
  if (!loaded.ok) throw new Error(refusalOf(loaded));
  if (loaded.store.type === "none") throw new Error(`${file}: store: this file names no store that lasts`);
  return loaded.store;
}

async function using<T>(settings: StoreSettings, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(settings);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
