/** All entries below a prefix, kept as they are in the store. */

import { type Batch, type Key, type Snapshot, type Store, StoreError } from "./store.ts";

export interface Follower {
  /** What there is in place of whatever was known: at first, and after changes were missed. */
  reset(snapshot: Snapshot): void;
  /** What one later commit changed. */
  take(batch: Batch): void;
}

/**
 * Resolves when the follower knows what there is; it is told of every change from there on.
 * @returns ends it: the follower is told nothing more
 * @throws StoreError unavailable, corrupt
 */
export async function follow(store: Store, prefix: Key, follower: Follower): Promise<() => void> {
  let isOver = false;
  let stopWatching = (): void => undefined;
  const read = async (): Promise<void> => {
    const snapshot = await store.read(prefix);
    if (isOver) return;
    follower.reset(snapshot);
    watch(snapshot.revision);
  };
  /** When what came after `revision` is forgotten, everything is read again; when that fails, the watch finds the store. */
  const watch = (revision: number): void => {
    stopWatching = store.watch(
      prefix,
      revision,
      (batch) => follower.take(batch),
      () =>
        void read().catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error;
          if (!isOver) watch(revision);
        }),
    );
  };
  await read();
  return () => {
    isOver = true;
    stopWatching();
  };
}
