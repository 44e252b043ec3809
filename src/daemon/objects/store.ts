/** The store that the configuration names. */

import { readFileSync, statSync } from "node:fs";
import type { EtcdStoreSettings, StoreSettings } from "../../config/settings.ts";
import type { Problem } from "../../gateway/intent.ts";
import type { EtcdStore } from "../../store/etcd/etcd.ts";
import type { EtcdSettings } from "../../store/etcd/members.ts";
import { Copy } from "../../store/local/copy.ts";
import { LocalStore } from "../../store/local/local.ts";
import { MeasuredStore, type Observe } from "../../store/measured.ts";
import { MemoryStore } from "../../store/memory.ts";
import { RememberedStore } from "../../store/remembered.ts";
import { type Store, StoreError } from "../../store/store.ts";
import type { Log } from "../records/log.ts";
import { StoreRoom } from "./store-room.ts";
import { StoreWatch } from "./store-watch.ts";

/** Nobody but owner and group may read a password. */
const OTHERS = 0o007;

/** A store that a daemon runs on, and how it is. */
export interface OpenStore {
  readonly store: Store;
  /** Undefined: it is this machine's alone. */
  readonly etcd: EtcdStore | undefined;
  readonly problems: () => readonly Problem[];
}

interface Around {
  readonly log: Log;
  readonly observe: Observe;
  /** {@link OpenStore.problems} are others. */
  readonly changed: () => void;
}

/**
 * For a daemon. With etcd, it need not be there where a copy of what it held is.
 * @throws StoreError, or the system's error when a file of certificates cannot be read
 */
export async function openForDaemon(settings: StoreSettings, around: Around): Promise<OpenStore> {
  const room = new StoreRoom(describeStore(settings), around.changed);
  const observe = both(room.observe, around.observe);
  if (settings.type === "etcd") {
    const shared = await openShared(settings, { ...around, observe });
    return { ...shared, problems: () => [...shared.problems(), ...room.problems] };
  }
  const store = await openStore(settings, () => logRevived(around.log, "the store"));
  return { store: measured(store, { observe }), etcd: undefined, problems: () => room.problems };
}

/** As it is. @param revived - the process of a local store is another one; @throws as {@link openForDaemon} */
export async function openStore(settings: StoreSettings, revived?: () => void): Promise<Store> {
  switch (settings.type) {
    case "none":
      return new MemoryStore();
    case "local":
      return await LocalStore.open(settings.path, undefined, revived);
    case "etcd":
      return await (await etcdClient()).open(etcdSettings(settings));
  }
}

const logRevived = (log: Log, what: string): void =>
  log.warn({ event: "store.revived" }, `the process of ${what} ended; another one has taken its place`);

/** Loaded where it is used: gRPC takes 17 MiB. */
const etcdClient = async (): Promise<typeof EtcdStore> =>
  (await import("../../store/etcd/etcd.ts")).EtcdStore;

async function openShared(settings: EtcdStoreSettings, around: Around): Promise<OpenStore> {
  const Client = await etcdClient();
  const etcd: EtcdStore = new Client(etcdSettings(settings), () => watch.turned());
  const watch = new StoreWatch(describeStore(settings), etcd, around);
  const store = measured(etcd, { observe: both(watch.observe, around.observe) });
  const copy = await openCopy(settings, watch, around.log);
  try {
    const reason = await reasonWhyAway(etcd);
    if (reason !== undefined && copy?.revision === undefined) throw reason;
    if (reason !== undefined) watch.startsWithout(reason, copy!.revision!);
    const remembered =
      copy === undefined
        ? store
        : new RememberedStore(store, copy, {
            isAway: reason !== undefined,
            onCopy: (fault) => watch.copyTold(copy.directory, fault),
          });
    return { store: remembered, etcd, problems: () => watch.problems };
  } catch (error) {
    await Promise.all([etcd.close(), copy?.close()]);
    throw error;
  }
}

const both =
  (one: Observe, other: Observe): Observe =>
  (...told) => {
    one(...told);
    other(...told);
  };

const measured = (store: Store, { observe }: Pick<Around, "observe">): Store =>
  new MeasuredStore(store, () => performance.now(), observe);

/** Undefined: there is to be none, or there can be none just now. */
async function openCopy(
  { path, endpoints, prefix }: EtcdStoreSettings,
  watch: StoreWatch,
  log: Log,
): Promise<Copy | undefined> {
  if (path === undefined) return undefined;
  try {
    const of = JSON.stringify([endpoints.toSorted(), prefix]);
    return await Copy.open(path, of, undefined, () => logRevived(log, "the copy of what etcd holds"));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    watch.noCopy(path, error);
    return undefined;
  }
}

async function reasonWhyAway(etcd: EtcdStore): Promise<StoreError | undefined> {
  try {
    await etcd.get("/");
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

function etcdSettings(settings: EtcdStoreSettings): EtcdSettings {
  const { endpoints, prefix, caFile, certFile, keyFile, user, passwordFile } = settings;
  const read = (file: string | undefined): Buffer | undefined =>
    file === undefined ? undefined : readFileSync(file);
  return {
    endpoints: endpoints.map((url) => new URL(url)),
    prefix,
    tls:
      caFile === undefined
        ? undefined
        : () => ({ ca: readFileSync(caFile), cert: read(certFile), key: read(keyFile) }),
    login:
      user === undefined || passwordFile === undefined
        ? undefined
        : { user, password: () => readPassword(passwordFile) },
  };
}

/** @throws Error that names the file */
function readPassword(file: string): string {
  if ((statSync(file).mode & OTHERS) !== 0)
    throw new Error(`${file}: others can read or change it; chmod 0640 ${file}`);
  const password = readFileSync(file, "utf8").trim();
  if (password === "") throw new Error(`${file} is empty`);
  return password;
}

/** What it is called in a log line or a message. */
export function describeStore(settings: StoreSettings): string {
  switch (settings.type) {
    case "none":
      return "no store: what is made through the API is gone with this process";
    case "local":
      return `the store in ${settings.path}`;
    case "etcd":
      return `the store in etcd at ${settings.endpoints.join(", ")}`;
  }
}
