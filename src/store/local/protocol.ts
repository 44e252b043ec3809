/** What the daemon and the process of one of its files say to each other, by Node's channel. */

import type { Entry, Key, StoreFault } from "../store.ts";

/** A store of its own, or a copy of what another one holds. */
export type FileName = "store.mdb" | "copy.mdb";

export interface CommitRequest {
  readonly require: readonly { readonly key: Key; readonly modRevision: number }[];
  readonly put: readonly { readonly key: Key; readonly value: string; readonly lease: number | undefined }[];
  readonly remove: readonly Key[];
}

/** `removed`: what of `remove` was there. */
export type Outcome =
  | { readonly ok: true; readonly revision: number; readonly removed: readonly Key[] }
  | { readonly ok: false };

/** What another store has at `revision` below a prefix. */
export interface CopyRequest {
  readonly prefix: Key;
  readonly revision: number;
  /** What has to be there already; undefined: `put` is all that there is. */
  readonly after: number | undefined;
  readonly put: readonly (readonly [Key, Entry])[];
  readonly remove: readonly Key[];
}

/** Answered in the order in which they were asked. */
export type Request = { readonly do: "commit"; readonly commit: CommitRequest } | Question;

export type Question =
  | { readonly do: "read"; readonly prefix: Key }
  | { readonly do: "get"; readonly key: Key }
  | { readonly do: "end-lease"; readonly lease: number }
  /** Forgets everything when the copy is one of something else. */
  | { readonly do: "copy-of"; readonly of: string }
  | { readonly do: "copy"; readonly copy: CopyRequest }
  | { readonly do: "copied"; readonly prefix: Key };

/** The first one is `open`, or says why it is not. */
export type Answer =
  | { readonly did: "open"; readonly revision: number }
  | { readonly did: "commit" | "end-lease"; readonly outcome: Outcome }
  /** Of what is read, before the last of it: what is long comes in parts, so that nobody holds all of it as one message. */
  | Part
  | { readonly did: "read"; readonly revision: number; readonly entries: readonly [Key, Entry][] }
  | { readonly did: "get"; readonly entry: Entry | undefined }
  /** Undefined: nothing was ever copied. */
  | { readonly did: "copy-of"; readonly revision: number | undefined }
  | { readonly did: "copy" }
  /** Undefined: nothing was copied of that prefix. */
  | { readonly did: "copied"; readonly snapshot: Copied | undefined }
  | { readonly did: "fail"; readonly failure: Failure };

export interface Part {
  readonly did: "part";
  readonly entries: readonly [Key, Entry][];
}

export interface Copied {
  readonly revision: number;
  readonly entries: readonly [Key, Entry][];
}

export interface Failure {
  readonly code: StoreFault;
  readonly message: string;
}
