/** A process that was started and goes on: what it has said so far, and how to stop it. */

import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; more than 128 when it was killed. */
  readonly code: number;
}

export interface Background {
  /** All that it has written to its standard output so far. */
  output(): string;
  /**
   * Resolves to the first match in its standard output.
   * @throws Error with what it wrote, when it ends first or `withinMs` have passed
   */
  said(pattern: RegExp, withinMs: number): Promise<RegExpExecArray>;
  /** Sends a signal, SIGTERM by default, and resolves to all that it wrote once it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Output>;
}

/** Keeps what a child writes. The function returned gives all of it so far. */
export function collect(child: ChildProcess): () => Omit<Output, "code"> {
  const written = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      written[stream] += text;
    });
  }
  return () => ({ ...written });
}

/** @param what - for error messages */
export function background(child: ChildProcess, what: string): Background {
  const written = collect(child);
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code ?? 137));
  });
  return {
    output: () => written().stdout,
    said: (pattern, withinMs) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          const { stdout, stderr } = written();
          finish(() => reject(new Error(`${what}: ${why}\n${stdout}${stderr}`.trimEnd())));
        };
        const timer = setTimeout(() => fail(`said nothing like ${pattern.source} in time`), withinMs);
        const look = (): void => {
          const match = pattern.exec(written().stdout);
          if (match !== null) finish(() => resolve(match));
        };
        const finish = (settle: () => void): void => {
          clearTimeout(timer);
          child.stdout?.off("data", look);
          settle();
        };
        child.stdout?.on("data", look);
        void ended.then((code) => fail(`ended with status ${code}`));
        look();
      }),
    stop: async (signal = "SIGTERM") => {
      for (const pid of workers(child)) {
        try {
          process.kill(pid, signal);
        } catch {
          // It ended by itself.
        }
      }
      const code = await ended;
      return { ...written(), code };
    },
  };
}

/**
 * The processes that do the work: nsenter stays outside, as the parent of the one that it put into the process
 * namespace, and would not pass a signal on.
 */
function workers(child: ChildProcess): number[] {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return [];
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
    return children === "" ? [child.pid] : children.split(" ").map(Number);
  } catch {
    return [];
  }
}
