/** What can go wrong between the core and the kernel. Switch on the code, never on the text. */

export type KernelErrorCode =
  /** netd is not running, or died before it answered: what was asked may have been done or not. */
  | "netd.down"
  /** netd cannot run on this machine as it is; the text says what is missing and how to get it. */
  | "netd.missing"
  /** netd does not carry out such a command: our bug. */
  | "invalid"
  /** The kernel said no; the text is its own. */
  | "refused";

export class KernelError extends Error {
  override readonly name: string = "KernelError";
  readonly code: KernelErrorCode;

  constructor(code: KernelErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
