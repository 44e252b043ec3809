/** Whether a store has room for what is to be changed, by what became of the last change. */

import type { Problem } from "../../gateway/intent.ts";
import type { Observe } from "../../store/measured.ts";

export class StoreRoom {
  readonly #name: string;
  readonly #changed: () => void;
  #isFull = false;

  /** @param name - "the store in …"; @param changed - {@link problems} are others */
  constructor(name: string, changed: () => void) {
    this.#name = name;
    this.#changed = changed;
  }

  get problems(): readonly Problem[] {
    if (!this.#isFull) return [];
    const message = `${this.#name} has no room left: what is there is forwarded on, and nothing can be changed until room is made`;
    return [{ code: "store.full", subject: "store", message }];
  }

  readonly observe: Observe = (operation, result) => {
    if (operation !== "commit" && operation !== "lease") return;
    if (result === "full") this.#set(true);
    // What required something else says nothing of room.
    else if (operation === "commit" && result === "ok") this.#set(false);
  };

  #set(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#changed();
  }
}
