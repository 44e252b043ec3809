/** Whether a shared store is there, told when it has been away for longer than a member takes to be replaced. */

import type { Problem } from "../../gateway/intent.ts";
import type { StoreError } from "../../store/store.ts";
import type { Log } from "../records/log.ts";

/** An election takes etcd a second or two, and what a watch missed meanwhile is told after it. */
const PATIENCE_MS = 5000;

interface Around {
  readonly log: Log;
  readonly changed: () => void;
}

export class StoreWatch {
  readonly #name: string;
  readonly #isConnected: () => boolean;
  readonly #around: Around;
  #isAway = false;
  #copyProblem: Problem | undefined;
  #patience: NodeJS.Timeout | undefined;

  /** @param name - "the store in etcd at …" */
  constructor(name: string, isConnected: () => boolean, around: Around) {
    this.#name = name;
    this.#isConnected = isConnected;
    this.#around = around;
  }

  get problems(): readonly Problem[] {
    const message = `${this.#name} cannot be reached: what is there is forwarded on, and nothing can be changed`;
    return [
      ...(this.#isAway ? [{ code: "store.away", subject: "etcd", message }] : []),
      ...(this.#copyProblem === undefined ? [] : [this.#copyProblem]),
    ];
  }

  /** The daemon begins with what the store held at an earlier revision. */
  startsWithout({ message: reason }: StoreError, revision: number): void {
    const said = `${this.#name} cannot be reached; starting with the copy of what it held`;
    this.#around.log.warn({ event: "store.away", revision, reason }, said);
    this.#isAway = true;
  }

  /** It may be there now, or no longer. */
  turned(): void {
    clearTimeout(this.#patience);
    if (this.#isConnected()) {
      if (!this.#isAway) return;
      this.#around.log.info({ event: "store.back" }, `${this.#name} is there again`);
      this.#setAway(false);
    } else if (!this.#isAway) {
      this.#patience = setTimeout(() => this.#setAway(!this.#isConnected()), PATIENCE_MS).unref();
    }
  }

  copyFailed(directory: string, { message: reason }: StoreError): void {
    const message = `the copy of what etcd holds is not kept up (${reason}): put that right and start gatewayd again, or it starts with what is old when etcd is away`;
    this.#copyProblem = { code: "store.copy", subject: directory, message };
    this.#around.changed();
  }

  #setAway(is: boolean): void {
    if (this.#isAway === is) return;
    this.#isAway = is;
    this.#around.changed();
  }
}
