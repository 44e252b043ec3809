/**
 * What an update group's NLRI stand for. Without ADD-PATH it is a prefix, and its number is the prefix's. With it
 * (RFC 7911) it is one path of a prefix, its number is the path's row, and one more than that is the path identifier:
 * it stays with the path for as long as the path is there, over restarts of its peer too, and no other path gets it
 * while anybody holds, or is owed, a word about the old one. So there is nothing to be kept per path but what is sent.
 */

import type { PrefixId } from "../net/prefix-table.ts";
import type { PathTable } from "./path-table.ts";

declare const brand: unique symbol;
/** A prefix id, or a row of the path table; the group's {@link Naming} says which. */
export type NlriId = number & { readonly [brand]: "nlri" };

export class Naming {
  /** Path by path, with identifiers. */
  readonly byPath: boolean;
  readonly #paths: PathTable;

  constructor(paths: PathTable, byPath: boolean) {
    this.#paths = paths;
    this.byPath = byPath;
  }

  /** One more than the highest number. */
  get extent(): number {
    return this.byPath ? this.#paths.extent : this.#paths.prefixes.extent;
  }

  /** Of a path it is known while it is pinned, though the path be gone. */
  prefixOf(nlri: NlriId): PrefixId {
    return this.byPath ? this.#paths.pinnedPrefix(nlri) : (nlri as number as PrefixId);
  }

  /** RFC 7911 §3; 0 without. */
  pathIdOf(nlri: NlriId): number {
    return this.byPath ? nlri + 1 : 0;
  }

  /** Keeps the number from being given out again. */
  pin(nlri: NlriId): void {
    if (this.byPath) this.#paths.pinPath(nlri);
    else this.#paths.pin(nlri as number as PrefixId);
  }

  unpin(nlri: NlriId): void {
    if (this.byPath) this.#paths.unpinPath(nlri);
    else this.#paths.unpin(nlri as number as PrefixId);
  }
}
