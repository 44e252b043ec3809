/** How far what follows a store has got, for those who wait until it shows what they wrote. */

/** A commit that the watch has not told by then is kept all the same: the watch has lost its store since. */
const TOLD_MS = 5000;

/** Calls once, so many milliseconds later. What it returns calls that off. */
export type After = (milliseconds: number, wake: () => void) => () => void;

export const afterMs: After = (milliseconds, wake) => {
  const timer = setTimeout(wake, milliseconds);
  return () => clearTimeout(timer);
};

export class Reached {
  readonly #after: After;
  readonly #waiting = new Set<{ readonly revision: number; readonly tell: (isSeen: boolean) => void }>();
  #revision = 0;
  /** Somebody waited in vain: nobody else does before something has come. */
  #isSilent = false;

  constructor(after: After = afterMs) {
    this.#after = after;
  }

  /** The latest that was seen. */
  get revision(): number {
    return this.#revision;
  }

  /** @param revision - everything up to it is seen */
  seen(revision: number): void {
    this.#revision = revision;
    this.#isSilent = false;
    for (const { revision: wanted, tell } of [...this.#waiting]) if (wanted <= revision) tell(true);
  }

  /** Whether that revision is seen, by now or within {@link TOLD_MS}. */
  until(revision: number): Promise<boolean> {
    if (this.#revision >= revision) return Promise.resolve(true);
    if (this.#isSilent) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter = {
        revision,
        tell: (isSeen: boolean) => {
          callOff();
          this.#waiting.delete(waiter);
          resolve(isSeen);
        },
      };
      const callOff = this.#after(TOLD_MS, () => {
        this.#isSilent = true;
        waiter.tell(false);
      });
      this.#waiting.add(waiter);
    });
  }
}
