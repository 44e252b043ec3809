/** What passes of the reconciler came to, over time: failures counted by part, problems logged when they come and go. */

import type { Problem } from "../gateway/intent.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import type { Log } from "./records/log.ts";

/** Peers decide how many next hops cannot be reached: this many new problems of one pass are told one by one. */
export const PROBLEM_LINES = 20;

const PARTS = ["kernel", "nat", "routes", "taps"] as const;
type Part = (typeof PARTS)[number];

export class Tally {
  readonly #log: Log;
  readonly #errors: Record<Part, number> = { kernel: 0, nat: 0, routes: 0, taps: 0 };
  #failures: ReadonlyMap<string, string> = new Map();
  #problems: ReadonlyMap<string, Problem> = new Map();
  #driftRepairs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Changes that the kernel refused since the start. */
  errors(): Readonly<Record<Part, number>> {
    return { ...this.#errors };
  }

  take(snapshot: Snapshot): void {
    for (const [key, message] of snapshot.failures) {
      if (this.#failures.get(key) !== message) this.#errors[partOf(key)]++;
    }
    this.#failures = snapshot.failures;
    this.#takeProblems(snapshot.problems);
    if (snapshot.driftRepairs === this.#driftRepairs) return;
    const repaired = snapshot.driftRepairs - this.#driftRepairs;
    this.#log.warn(
      { event: "kernel.drift.repaired", repaired },
      "what somebody else had changed was put right",
    );
    this.#driftRepairs = snapshot.driftRepairs;
  }

  #takeProblems(problems: readonly Problem[]): void {
    const now = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
    const found = [...now].filter(([key]) => !this.#problems.has(key));
    // One of which something else is said by now is not gone.
    const lasting = new Set(problems.map(nameOf));
    const solved = [...this.#problems.values()].filter((problem) => !lasting.has(nameOf(problem)));
    this.#problems = now;
    for (const [, { code, subject, message }] of found.slice(0, PROBLEM_LINES)) {
      this.#log.warn({ event: "problem.found", code, subject }, message);
    }
    if (found.length > PROBLEM_LINES) {
      const more = found.length - PROBLEM_LINES;
      this.#log.warn({ event: "problem.more", problems: more }, "gwctl show status lists them");
    }
    for (const { code, subject } of solved.slice(0, PROBLEM_LINES)) {
      this.#log.info({ event: "problem.solved", code, subject }, "a problem is gone");
    }
  }
}

/** The keys of {@link Snapshot.failures}. */
function partOf(key: string): Part {
  if (key === "nat") return "nat";
  if (key === "dataplane") return "kernel";
  return key.includes("/") ? "routes" : "taps";
}

const nameOf = ({ code, subject }: Problem): string => `${code} ${subject}`;
