/** The last commits of a store that lives in this process, and those who watch it. */

import type { Batch, Key } from "./store.ts";

/** Commits that a watch can begin behind, and the characters of their keys and values. */
export const HISTORY_COMMITS = 4096;
const HISTORY_CHARACTERS: number = 16 * 1024 * 1024;

interface Watcher {
  readonly prefix: Key;
  readonly onEvents: (batch: Batch) => void;
  readonly onCompacted: () => void;
  /** The revision up to which it knows everything. */
  told: number;
}

export class Feed {
  readonly #batches: Batch[] = [];
  readonly #watchers = new Set<Watcher>();
  /** Later changes than this revision's are all in `#batches`. */
  #since: number;
  #characters = 0;
  #telling = false;

  constructor(revision: number) {
    this.#since = revision;
  }

  /** @param batch - of a revision later than any before */
  push(batch: Batch): void {
    this.#batches.push(batch);
    this.#characters += charactersOf(batch);
    while (this.#batches.length > HISTORY_COMMITS || this.#characters > HISTORY_CHARACTERS) {
      // The last one too, if it alone is too much: whoever watches is told that it has to read again.
      const oldest = this.#batches.shift()!;
      this.#since = oldest.revision;
      this.#characters -= charactersOf(oldest);
    }
    this.#tellLater();
  }

  /** Nothing is known of how it came to `revision`: whoever is behind that is told so. */
  forget(revision: number): void {
    this.#batches.length = 0;
    this.#characters = 0;
    this.#since = revision;
    this.#tellLater();
  }

  watch(prefix: Key, after: number, onEvents: Watcher["onEvents"], onCompacted: () => void): () => void {
    const watcher = { prefix, onEvents, onCompacted, told: after };
    this.#watchers.add(watcher);
    this.#tellLater();
    return () => this.#watchers.delete(watcher);
  }

  close(): void {
    this.#watchers.clear();
  }

  /** A watcher may stop itself or others, and commit, while it is told; so each is told in a turn of its own. */
  #tellLater(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const watcher of [...this.#watchers]) this.#tell(watcher);
    });
  }

  #tell(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return;
    if (watcher.told < this.#since) {
      this.#watchers.delete(watcher);
      watcher.onCompacted();
      return;
    }
    for (const { revision, changes } of this.#batches.slice(this.#firstAfter(watcher.told))) {
      if (!this.#watchers.has(watcher)) return;
      watcher.told = revision;
      const seen = changes.filter(({ key }) => key.startsWith(watcher.prefix));
      if (seen.length > 0) watcher.onEvents({ revision, changes: seen });
    }
  }

  /** Where in `#batches` the changes after a revision begin. They are in order, and the end is asked for most often. */
  #firstAfter(revision: number): number {
    let at = this.#batches.length;
    while (at > 0 && this.#batches[at - 1]!.revision > revision) at--;
    return at;
  }
}

const charactersOf = ({ changes }: Batch): number =>
  changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
