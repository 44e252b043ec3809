/** Where objects are kept, and how that is. */

import type { StoreAnswer } from "../../api/store-schema.ts";
import type { StoreSettings } from "../../config/settings.ts";
import { type Store, StoreError } from "../../store/store.ts";
import type { Networking } from "../objects/networking.ts";
import type { OpenStore } from "../objects/store.ts";

export async function storeAnswer(
  settings: StoreSettings,
  { store, etcd }: Pick<OpenStore, "store" | "etcd">,
  networking: Pick<Networking, "holds">,
): Promise<StoreAnswer> {
  const problem = await problemOf(store);
  return {
    type: settings.type,
    at: placesOf(settings),
    ...(settings.type === "etcd" && { prefix: settings.prefix }),
    answers: problem === undefined,
    ...(problem !== undefined && { problem }),
    ...(etcd !== undefined && { etcd: etcd.look() }),
    ...networking.holds(),
  };
}

function placesOf(settings: StoreSettings): readonly string[] {
  switch (settings.type) {
    case "none":
      return [];
    case "local":
      return [settings.path];
    case "etcd":
      return settings.endpoints;
  }
}

/** Asked for any key: whoever answers is there. */
async function problemOf(store: Store): Promise<string | undefined> {
  try {
    await store.get("/");
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
}
