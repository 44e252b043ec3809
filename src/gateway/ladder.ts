/** What failed, and when it is tried again: each object by itself, less and less often. */

/** 100 ms, doubled with every failure, up to 30 s. */
const FIRST_MS = 100;
const LAST_MS = 30_000;

interface Failure {
  /** What was tried, as text: something else may be tried at once. */
  readonly goal: string;
  readonly message: string;
  readonly waitMs: number;
  readonly dueAt: number;
}

export class Ladder {
  readonly #failures = new Map<string, Failure>();

  /** True when `goal` may be tried for `key`: it did not fail, has waited long enough, or something else did. */
  isDue(key: string, goal: () => string, now: number): boolean {
    const failure = this.#failures.get(key);
    return failure === undefined || failure.dueAt <= now || failure.goal !== goal();
  }

  failed(key: string, goal: string, message: string, now: number): void {
    const before = this.#failures.get(key);
    const again = before !== undefined && before.goal === goal;
    const waitMs = again ? Math.min(before.waitMs * 2, LAST_MS) : FIRST_MS;
    this.#failures.set(key, { goal, message, waitMs, dueAt: now + waitMs });
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }

  /** Forgets the failures of what nobody wants any more. */
  retain(isWanted: (key: string) => boolean): void {
    for (const key of this.#failures.keys()) if (!isWanted(key)) this.#failures.delete(key);
  }

  /** What has waited long enough. */
  dueKeys(now: number): string[] {
    return [...this.#failures].flatMap(([key, { dueAt }]) => (dueAt <= now ? [key] : []));
  }

  dueAt(key: string): number | undefined {
    return this.#failures.get(key)?.dueAt;
  }

  /** @param after - what was due then has been looked at */
  nextDue(after: number = Number.NEGATIVE_INFINITY): number | undefined {
    let next: number | undefined;
    for (const { dueAt } of this.#failures.values()) {
      if (dueAt > after && (next === undefined || dueAt < next)) next = dueAt;
    }
    return next;
  }

  messages(): ReadonlyMap<string, string> {
    return new Map([...this.#failures].map(([key, { message }]) => [key, message]));
  }
}

/** Of those times that there are. */
export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
