/** Where the objects of the Networking API are kept, as the API answers it. */

export interface StoreAnswer {
  /** none: in memory, gone with the process. */
  readonly type: "none" | "local" | "etcd";
  /** The directory, or the members of the cluster. */
  readonly at: readonly string[];
  /** What every key begins with, in etcd. */
  readonly prefix?: string;
  /** It answers; else `problem` says why not, and nothing can be changed. */
  readonly answers: boolean;
  readonly problem?: string;
  /** Of the last change that the gateway has seen. */
  readonly revision: number;
  /** By kind: "floatingips". */
  readonly objects: Readonly<Record<string, number>>;
}
