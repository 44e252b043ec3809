/** The world as gwctl sees it, so that tests can be the world. */

export interface Io {
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ctrl-C: ends --watch and requests under way. */
  readonly signal: AbortSignal;
}

interface Writer {
  write(text: string): unknown;
  /** True when someone looks at it. */
  readonly isTTY?: boolean;
  /** Its width, when it is a terminal. */
  readonly columns?: number;
}

/** 0 ok, 1 runtime error, 2 usage, 3 not found, 5 gatewayd unreachable, 130 interrupted. Documented in docs/CLI.md. */
export const EXIT = { ok: 0, error: 1, usage: 2, notFound: 3, unreachable: 5, interrupted: 130 } as const;

/** Why a command ends early: one line for people, and an exit status for scripts. */
export class Failure extends Error {
  override readonly name: string = "Failure";
  readonly detail: { readonly exit: (typeof EXIT)[keyof typeof EXIT]; readonly hint?: string };

  constructor(exit: Failure["detail"]["exit"], message: string, hint?: string) {
    super(message);
    this.detail = hint === undefined ? { exit } : { exit, hint };
  }
}
