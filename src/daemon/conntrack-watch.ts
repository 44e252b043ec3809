/** Looks how full the connection tracking table is, and says so before no new flow fits into it. */

import type { Problem } from "../gateway/intent.ts";
import type { ConntrackUse } from "../kernel/commands.ts";

const LOOK_EVERY_MS = 10_000;
/** Of the entries that there may be: from so many on it is a problem, and with fewer again it is none. */
const FULL = 0.9;
const EASED = 0.8;

/** @param before - whether it was a problem the last time */
export function fillProblem({ count, max }: ConntrackUse, before: boolean): Problem | undefined {
  if (count < max * (before ? EASED : FULL)) return undefined;
  const message = `of ${max} flows that can be tracked nearly all are; then no new one gets through: raise net.netfilter.nf_conntrack_max, or set limits`;
  return { code: "conntrack.filling", subject: "nf_conntrack_max", message };
}

export class ConntrackWatch {
  readonly #timer: NodeJS.Timeout;
  #problem: Problem | undefined;

  /**
   * @param use - undefined where nothing is tracked
   * @param changed - called when {@link problem} has come or gone
   */
  constructor(use: () => Promise<ConntrackUse | undefined>, changed: () => void) {
    this.#timer = setInterval(() => void this.#look(use, changed), LOOK_EVERY_MS);
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(use: () => Promise<ConntrackUse | undefined>, changed: () => void): Promise<void> {
    // While netd is away, what it said last is the best guess.
    const now = await use().catch(() => undefined);
    if (now === undefined) return;
    const before = this.#problem;
    const found = fillProblem(now, before !== undefined);
    if ((before === undefined) === (found === undefined)) return;
    this.#problem = found;
    changed();
  }
}
