/** One program of the other side in its namespace: started, killed, started again, asked through its own CLI. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The files of one daemon, gone when it is stopped. */
export class Workplace {
  readonly path: string;

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `bgpi-${name}-`));
    // Some daemons give up root before they open their files.
    chmodSync(this.path, 0o755);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string | Uint8Array, mode = 0o644): string {
    writeFileSync(this.at(name), text, { mode });
    return this.at(name);
  }

  /** Empty when there is no such file. */
  read(name: string): string {
    try {
      return readFileSync(this.at(name), "utf8");
    } catch {
      return "";
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface Start {
  readonly namespace: string;
  readonly program: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The file that takes what it says. */
  readonly log: string;
}

export class Program {
  readonly #start: Start;
  #child: ChildProcess;
  #exited: Promise<void>;

  constructor(start: Start) {
    this.#start = start;
    [this.#child, this.#exited] = launch(start);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** Once more, after {@link kill}, with `words` at the end of its command line. */
  again(...words: readonly string[]): void {
    [this.#child, this.#exited] = launch({ ...this.#start, words: [...this.#start.words, ...words] });
  }
}

function launch({ namespace, program, words, environment, log }: Start): [ChildProcess, Promise<void>] {
  const file = openSync(log, "a");
  const child = spawn("ip", ["netns", "exec", namespace, program, ...words], {
    stdio: ["ignore", file, file],
    env: { ...process.env, ...environment },
  });
  closeSync(file);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  return [child, exited];
}

/** What a command says. @throws Error when it fails, with what it said */
export function said(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { encoding: "utf8", maxBuffer: 1 << 27 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(
          new Error(
            `${program} ${words.join(" ").slice(0, 200)}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`,
          ),
        );
    });
  });
}

/** What a command says; nothing when it fails, as when the daemon does not listen yet. */
export const saidOrNothing = (program: string, words: readonly string[]): Promise<string> =>
  said(program, words).catch(() => "");
