/** What is wrong, or doubtful, in a file: where, what, and what to do about it. */

/**
 * unreadable: there is no text at all. syntax: not YAML, or YAML that we do not take. limit: more than a named limit.
 * unknown-key, missing, value: what the schema says. rule: values that do not go together.
 */
export type FindingCode = "unreadable" | "syntax" | "limit" | "unknown-key" | "missing" | "value" | "rule";

export interface Finding {
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly file: string;
  /** From 1. Columns count UTF-16 code units. */
  readonly line: number;
  readonly column: number;
  /** Code units that the finding is about, on that line; at least 1. */
  readonly width: number;
  /** The line itself. */
  readonly source: string;
  /** Such as "bgp.peers[0].asn"; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
}

export type Path = readonly (string | number)[];

/** A finding before its place in the file is known. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly path: Path;
  /** Whether the key or the value that it leads to is at fault. */
  readonly at: "key" | "value";
  readonly message: string;
  readonly hint: string | undefined;
}

/** Columns of a source line that are shown; more is cut on both sides of the place. */
const SHOWN_COLUMNS = 100;

/** Characters of a message that are shown: a key of the file may be as long as the file. */
const SHOWN_MESSAGE = 500;

export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** "file:line:column: path: message", the source line, a caret under the place, and the hint. No final newline. */
export function render(finding: Finding): string {
  const { file, line, column, severity, path, message, hint } = finding;
  const words = [
    `${file}:${line}:${column}:`,
    ...(severity === "warning" ? ["warning:"] : []),
    ...(path === "" ? [] : [`${path}:`]),
    message,
  ];
  const text = words.join(" ");
  const shown = text.length <= SHOWN_MESSAGE ? text : `${text.slice(0, SHOWN_MESSAGE)}…`;
  const lines = [printable(shown), ...excerpt(finding)];
  if (hint !== undefined) lines.push(`  hint: ${printable(hint)}`);
  return lines.join("\n");
}

/** The source line and its caret; nothing for an empty line. */
function excerpt({ line, column, width, source }: Finding): string[] {
  if (source.trim() === "") return [];
  const start = Math.max(0, Math.min(column - 1 - SHOWN_COLUMNS / 2, source.length - SHOWN_COLUMNS));
  const shown = source.slice(start, start + SHOWN_COLUMNS);
  const margin = `  ${line} | `;
  const indent = shown.slice(0, column - 1 - start).replace(/[^\t]/gu, " ");
  const carets = "^".repeat(Math.max(1, Math.min(width, shown.length - (column - 1 - start))));
  return [`${margin}${printable(shown)}`, `${" ".repeat(margin.length - 2)}| ${indent}${carets}`];
}

/** What is shown on a terminal may not steer it: every control and format character but the tab becomes "·". */
function printable(text: string): string {
  return text.replace(/(?!\t)[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "·");
}
