/** From one store to another: all that lasts. */

import { COMMIT_OPERATIONS, type Entry, type Key, type Snapshot, type Store, VALUE_OCTETS } from "./store.ts";

/** So many of the longest values are one commit. */
const LONG_VALUES = 3;

export type Migrated =
  | { readonly ok: true; readonly entries: number }
  /** occupied: the other store has something else. changed: somebody wrote to the first one meanwhile. */
  | { readonly ok: false; readonly reason: "occupied" | "changed" };

/**
 * Writes every entry of `from` to `to`, which has to be empty, or to hold what an earlier try has written. Entries of
 * leases would go over as others: whoever has some is to be stopped first.
 * @throws StoreError
 */
export async function migrate(from: Store, to: Store): Promise<Migrated> {
  const source = await from.read("/");
  const there = await to.read("/");
  for (const [key, { value }] of there.entries) {
    if (source.entries.get(key)?.value !== value) return { ok: false, reason: "occupied" };
  }
  const missing = [...source.entries].filter(([key]) => !there.entries.has(key));
  for (const part of inCommits(missing)) {
    const written = await to.commit({
      require: part.map(([key]) => ({ key, modRevision: 0 })),
      put: part.map(([key, { value }]) => ({ key, value })),
    });
    if (!written.ok) return { ok: false, reason: "occupied" };
  }
  if (!equal(await from.read("/"), source)) return { ok: false, reason: "changed" };
  if (!equal(await to.read("/"), source)) return { ok: false, reason: "occupied" };
  return { ok: true, entries: source.entries.size };
}

/** Parts that are within the limits of a commit, whatever the keys are. */
function* inCommits(entries: readonly [Key, Entry][]): Generator<[Key, Entry][]> {
  let part: [Key, Entry][] = [];
  let octets = 0;
  for (const entry of entries) {
    const length = Buffer.byteLength(entry[1].value);
    if (part.length === COMMIT_OPERATIONS || octets + length > LONG_VALUES * VALUE_OCTETS) {
      yield part;
      part = [];
      octets = 0;
    }
    part.push(entry);
    octets += length;
  }
  if (part.length > 0) yield part;
}

function equal({ entries: some }: Snapshot, { entries: others }: Snapshot): boolean {
  if (some.size !== others.size) return false;
  for (const [key, { value }] of some) if (others.get(key)?.value !== value) return false;
  return true;
}
