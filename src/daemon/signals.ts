/** What the process is told from outside. Heard from the first moment on: a signal during the start is not lost. */

import type { ApiControl, StopRequest } from "../api/source.ts";

const GRACEFUL = { SIGTERM: false, SIGINT: false, SIGUSR2: true } as const;

/** A stop, and the signal that asked for it; undefined: the API did. */
export interface StopOrder extends StopRequest {
  readonly signal?: keyof typeof GRACEFUL;
}

export class Signals implements Pick<ApiControl, "stop"> {
  /** SIGTERM or SIGINT, SIGUSR2 for a graceful one, or {@link stop}. A signal that comes again ends the process at once. */
  readonly end: Promise<StopOrder>;
  #order: ((order: StopOrder) => void) | undefined;
  #hangup: (() => void) | undefined;
  #missed = false;

  constructor() {
    this.end = new Promise((resolve) => {
      this.#order = resolve;
      for (const signal of ["SIGTERM", "SIGINT", "SIGUSR2"] as const) {
        process.once(signal, () => resolve({ signal, graceful: GRACEFUL[signal] }));
      }
    });
    process.on("SIGHUP", () => {
      if (this.#hangup === undefined) this.#missed = true;
      else this.#hangup();
    });
  }

  stop(request: StopRequest): { readonly stopping: true; readonly pid: number } {
    this.#order?.(request);
    return { stopping: true, pid: process.pid };
  }

  /** Calls `act` for every SIGHUP, and once now when one came before. */
  onHangup(act: () => void): void {
    this.#hangup = act;
    if (this.#missed) act();
  }
}
