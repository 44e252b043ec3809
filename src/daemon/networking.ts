/** The Networking API of this daemon: its objects in a store, and who may have them made. */

import { randomUUID } from "node:crypto";
import type { NetworkingApi } from "../api/openstack.ts";
import type { ApiSettings } from "../config/settings.ts";
import type { Caller, World } from "../neutron/caller.ts";
import { Keeper } from "../neutron/keeper.ts";
import type { Store } from "../store/store.ts";

/** Where nobody is asked who they are, everything is one project's. */
const UNASKED: Caller = { projectId: "admin", role: "admin" };

const world = (): World => ({
  now: `${new Date().toISOString().slice(0, 19)}Z`,
  newId: randomUUID,
  chance: Math.random,
});

export interface Networking extends NetworkingApi {
  readonly keeper: Keeper;
}

/** @param changed - called after every change of the objects; @throws StoreError */
export async function openNetworking(
  store: Store,
  settings: () => ApiSettings,
  changed: () => void,
): Promise<Networking> {
  const keeper = await Keeper.open(store, world, changed);
  return {
    keeper,
    ask: (caller, request) => keeper.ask(caller, request),
    caller: (_token, isLocal) => (isLocal || settings().auth === "none" ? UNASKED : undefined),
  };
}
