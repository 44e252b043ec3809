/** What a process writes, line by line. */

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

const LIMIT_MS = 60_000;

export class Lines {
  readonly #lines: string[] = [];

  constructor({ stdout }: ChildProcess) {
    createInterface({ input: stdout! }).on("line", (line) => this.#lines.push(line));
  }

  get count(): number {
    return this.#lines.length;
  }

  /** Waits for it. */
  async at(index: number, what: string): Promise<string> {
    const limitMs = performance.now() + LIMIT_MS;
    while (this.#lines.length <= index) {
      if (performance.now() > limitMs) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
      await setTimeout(1);
    }
    return this.#lines[index]!;
  }
}
