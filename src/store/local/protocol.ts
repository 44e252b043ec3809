/** What the daemon and the process of its local store say to each other, by Node's channel. */

import type { Entry, Key, StoreFault } from "../store.ts";

export interface CommitRequest {
  readonly require: readonly { readonly key: Key; readonly modRevision: number }[];
  readonly put: readonly { readonly key: Key; readonly value: string; readonly lease: number | undefined }[];
  readonly remove: readonly Key[];
}

/** `removed`: what of `remove` was there. */
export type Outcome =
  | { readonly ok: true; readonly revision: number; readonly removed: readonly Key[] }
  | { readonly ok: false };

/** Answered in the order in which they were asked. */
export type Request = { readonly do: "commit"; readonly commit: CommitRequest } | Question;

export type Question =
  | { readonly do: "read"; readonly prefix: Key }
  | { readonly do: "get"; readonly key: Key }
  | { readonly do: "end-lease"; readonly lease: number };

/** The first one is `open`, or says why it is not. */
export type Answer =
  | { readonly did: "open"; readonly revision: number }
  | { readonly did: "commit" | "end-lease"; readonly outcome: Outcome }
  | { readonly did: "read"; readonly revision: number; readonly entries: readonly [Key, Entry][] }
  | { readonly did: "get"; readonly entry: Entry | undefined }
  | { readonly did: "fail"; readonly failure: Failure };

export interface Failure {
  readonly code: StoreFault;
  readonly message: string;
}
