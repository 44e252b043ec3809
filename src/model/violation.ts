/** What is wrong with a model, or doubtful. */

/** An error makes the model invalid. A warning is for what is valid and still hardly meant. */
export interface Violation {
  readonly severity: "error" | "warning";
  /** Where, in the names of gateway.yaml and the indexes of the model: ["bgp", "peers", 0, "holdTime"]. */
  readonly path: readonly (string | number)[];
  /** A clause without subject or full stop: "overlaps networks[0] (203.0.113.0/24)". */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

export const error = (path: Violation["path"], message: string, hint?: string): Violation =>
  hint === undefined ? { severity: "error", path, message } : { severity: "error", path, message, hint };

export const warning = (path: Violation["path"], message: string, hint: string): Violation => ({
  severity: "warning",
  path,
  message,
  hint,
});
