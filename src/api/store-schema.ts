/** Where the objects of the Networking API are kept, as the API answers it. */

/** How it is with etcd, as far as this gateway can tell. */
export interface EtcdAnswer {
  /** Every watch has a member that tells it what happens. */
  readonly connected: boolean;
  /** Times that a watch had to be taken up again. */
  readonly reconnects: number;
  /** Revisions of etcd, of whatever keys, that the watch which is the furthest behind has not got to. */
  readonly watchLag: number;
  /** When this host counts as gone unless etcd hears of it before; absent: it has said nothing of itself. */
  readonly leaseSeconds?: number | undefined;
}

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
  readonly etcd?: EtcdAnswer;
  /** Of the last change that the gateway has seen. */
  readonly revision: number;
  /** By kind: "floatingips". */
  readonly objects: Readonly<Record<string, number>>;
}
