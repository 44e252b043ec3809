/** The store that the configuration names. */

import { readFileSync } from "node:fs";
import type { EtcdStoreSettings, StoreSettings } from "../../config/settings.ts";
import { EtcdStore } from "../../store/etcd/etcd.ts";
import type { EtcdSettings } from "../../store/etcd/members.ts";
import { LocalStore } from "../../store/local/local.ts";
import { MemoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";

/** @throws StoreError, or the system's error when a file of certificates cannot be read */
export async function openStore(settings: StoreSettings): Promise<Store> {
  switch (settings.type) {
    case "none":
      return new MemoryStore();
    case "local":
      return LocalStore.open(settings.path);
    case "etcd":
      return EtcdStore.open(etcdSettings(settings));
  }
}

function etcdSettings({ endpoints, prefix, caFile, certFile, keyFile }: EtcdStoreSettings): EtcdSettings {
  const read = (file: string | undefined): Buffer | undefined =>
    file === undefined ? undefined : readFileSync(file);
  const ca = read(caFile);
  return {
    endpoints: endpoints.map((url) => new URL(url)),
    prefix,
    tls: ca && { ca, cert: read(certFile), key: read(keyFile) },
  };
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
