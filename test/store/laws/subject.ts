/** Where a store can be tried, and how its watches are listened to. */

import { expect, vi } from "vitest";
import { type Batch, type Key, type Store, StoreError } from "../../../src/store/store.ts";

/** A place where a store can be opened. Nothing else writes there. */
export interface Subject {
  open(): Promise<Store>;
  /** What was committed is there after `close` and `open`. */
  readonly lasting: boolean;
  /** Makes the store forget how it came to be as it is. */
  forget(store: Store): Promise<void>;
  remove(): Promise<void>;
}

/** Generous: a condition that holds at last, on a machine however busy. */
export const WAIT = { timeout: 60_000, interval: 5 } as const;

/** Collects what a watch tells. */
export function watched(
  store: Store,
  prefix: Key,
  after: number,
): { readonly batches: readonly Batch[]; readonly stop: () => void; until(key: Key): Promise<void> } {
  const batches: Batch[] = [];
  const stop = store.watch(
    prefix,
    after,
    (batch) => batches.push(batch),
    () => {
      throw new StoreError("unavailable", "compacted while it was watched");
    },
  );
  const until = (key: Key): Promise<void> =>
    vi.waitFor(() => {
      expect(batches.flatMap(({ changes }) => changes.map((change) => change.key))).toContain(key);
    }, WAIT);
  return { batches, stop, until };
}
