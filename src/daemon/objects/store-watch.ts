/**
 * Whether a shared store is there, told when it has been away for longer than a member takes to be replaced: no member says
 * what happens, or, though one does, nothing can be written, as when it no longer takes our password.
 */

import type { Problem } from "../../gateway/intent.ts";
import type { EtcdStore } from "../../store/etcd/etcd.ts";
import type { Observe } from "../../store/measured.ts";
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
  readonly #etcd: Pick<EtcdStore, "connected" | "fault">;
  readonly #around: Around;
  /** Why it was not there when it was found to be away; undefined: it is there. */
  #away: string | undefined;
  /** Since when, on the machine's own clock, nothing could be written; undefined: the last time it could. */
  #refusedMs: number | undefined;
  #copyProblem: Problem | undefined;
  #patience: NodeJS.Timeout | undefined;

  /** @param name - "the store in etcd at …" */
  constructor(name: string, etcd: Pick<EtcdStore, "connected" | "fault">, around: Around) {
    this.#name = name;
    this.#etcd = etcd;
    this.#around = around;
  }

  get problems(): readonly Problem[] {
    const message = `${this.#name} cannot be reached (${this.#away}): what is there is forwarded on, and nothing can be changed`;
    return [
      ...(this.#away === undefined ? [] : [{ code: "store.away", subject: "etcd", message }]),
      ...(this.#copyProblem === undefined ? [] : [this.#copyProblem]),
    ];
  }

  /** The daemon begins with what the store held at an earlier revision. */
  startsWithout({ message: reason }: StoreError, revision: number): void {
    const said = `${this.#name} cannot be reached; starting with the copy of what it held`;
    this.#around.log.warn({ event: "store.away", revision, reason }, said);
    this.#away = reason;
  }

  /** Of a host something is to be written every few seconds when nothing can be: its lease. */
  readonly observe: Observe = (operation, result, _, reason = "") => {
    if (operation !== "commit" && operation !== "lease") return;
    if (result !== "unavailable") {
      this.#refusedMs = undefined;
      this.turned();
      return;
    }
    this.#refusedMs ??= performance.now();
    if (this.#away === undefined && performance.now() - this.#refusedMs > PATIENCE_MS) this.#setAway(reason);
  };

  /** It may be there now, or no longer. */
  turned(): void {
    clearTimeout(this.#patience);
    if (this.#etcd.connected) {
      this.#refusedMs = undefined;
      if (this.#away === undefined) return;
      this.#around.log.info({ event: "store.back" }, `${this.#name} is there again`);
      this.#setAway(undefined);
    } else if (this.#away === undefined) {
      this.#patience = setTimeout(() => {
        if (!this.#etcd.connected) this.#setAway(this.#etcd.fault?.message ?? "no member answers");
      }, PATIENCE_MS).unref();
    }
  }

  /** This process keeps none. */
  noCopy(directory: string, fault: StoreError): void {
    this.#setCopyProblem(copyProblem(directory, fault, "put that right and start gatewayd again"));
  }

  /** @param fault - why it stays as it was; undefined: it is kept up again */
  copyTold(directory: string, fault: StoreError | undefined): void {
    const hint = "put that right; it is tried again every minute";
    this.#setCopyProblem(fault && copyProblem(directory, fault, hint));
  }

  #setCopyProblem(problem: Problem | undefined): void {
    if (this.#copyProblem?.message === problem?.message) return;
    this.#copyProblem = problem;
    this.#around.changed();
  }

  #setAway(reason: string | undefined): void {
    this.#away = reason;
    this.#around.changed();
  }
}

function copyProblem(directory: string, { message: reason }: StoreError, hint: string): Problem {
  const message = `the copy of what etcd holds is not kept up (${reason}), and a start while etcd is away would begin with what is old: ${hint}`;
  return { code: "store.copy", subject: directory, message };
}
