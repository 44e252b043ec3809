/** What the process is told from outside. Heard from the first moment on: a signal during the start is not lost. */

export class Signals {
  /** SIGTERM or SIGINT. A second one ends the process at once. */
  readonly end: Promise<NodeJS.Signals>;
  #hangup: (() => void) | undefined;
  #missed = false;

  constructor() {
    this.end = new Promise((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
    });
    process.on("SIGHUP", () => {
      if (this.#hangup === undefined) this.#missed = true;
      else this.#hangup();
    });
  }

  /** Calls `act` for every SIGHUP, and once now when one came before. */
  onHangup(act: () => void): void {
    this.#hangup = act;
    if (this.#missed) act();
  }
}
