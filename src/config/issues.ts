/** zod's issues as problems in the words of this project: what was expected, what stands there, what to do. */

import type { z } from "zod";
import type { Path, Problem } from "./findings.ts";
import { MISTAKES } from "./limits.ts";
import { suggestion } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** Characters of a wrong value that are shown. */
const SHOWN_VALUE = 60;

/** @param root - the whole value that was checked, to say what stands at the place of an issue */
export function problemsOf(issues: readonly Issue[], root: unknown): Problem[] {
  return issues.slice(0, MISTAKES).flatMap((issue) => problemsOfIssue(issue, [], root));
}

function problemsOfIssue(issue: Issue, parent: Path, root: unknown): Problem[] {
  const path: Path = [...parent, ...issue.path.map((step) => (typeof step === "symbol" ? "" : step))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, MISTAKES).map((key) => unknownKey(path, key, issue.message.split(" ")));
  }
  if (issue.code === "invalid_key") {
    const expected = issue.issues[0]?.message ?? issue.message;
    const message = `expected ${expected}`;
    return [{ severity: "error", code: "value", path, at: "key", message, hint: undefined }];
  }
  if (issue.code === "invalid_union") {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined) return branch.flatMap((inner) => problemsOfIssue(inner, path, root));
  }
  return [wrongValue(issue, path, valueAt(root, path))];
}

function unknownKey(parent: Path, key: string, known: readonly string[]): Problem {
  const base = { severity: "error", path: [...parent, key], at: "key" } as const;
  const hint = suggestion(key, known) ?? `known here: ${known.join(", ")}`;
  return { ...base, code: "unknown-key", message: "unknown key", hint };
}

function wrongValue(issue: Issue, path: Path, value: unknown): Problem {
  const { sentence, hint: own } = (issue.code === "custom" && issue.params) || {};
  const hint: string | undefined = own ?? hintOf(issue, value);
  const base = { severity: "error", path, at: "value", hint } as const;
  if (sentence === true) return { ...base, code: "rule", message: issue.message };
  if (value === undefined) return { ...base, code: "missing", message: `missing; expected ${issue.message}` };
  return { ...base, code: "value", message: `expected ${issue.message}, got ${shown(value)}` };
}

function hintOf(issue: Issue, value: unknown): string | undefined {
  if (issue.code !== "invalid_value" || typeof value !== "string") return undefined;
  return suggestion(value, issue.values.map(String));
}

/**
 * The branch of a union that was meant: the only one that takes such a value at all, and finds fault further inside.
 * Undefined when none does; then the union's own words say it best.
 */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => {
    return issues.every(
      ({ path, code }) => path.length > 0 || code === "unrecognized_keys" || code === "custom",
    );
  });
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= SHOWN_VALUE ? text : `${text.slice(0, SHOWN_VALUE)}…`;
}
