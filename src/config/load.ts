/**
 * Text of gateway.yaml to a valid model, or everything that is wrong with it.
 *
 * text → tokens, tree and plain values (source.ts) → sections (schema.ts) → rules between them (model/rules.ts). A
 * section that is wrong does not keep the rules of the others from being checked, so that one look at the errors is
 * enough. Nothing here throws.
 */

import type { Model } from "../model/model.ts";
import { violations } from "../model/rules.ts";
import type { Violation } from "../model/violation.ts";
import { type Finding, type Path, type Problem, pathText } from "./findings.ts";
import { problemsOf } from "./issues.ts";
import { FINDINGS, MISTAKES } from "./limits.ts";
import { type PasswordRead, withPasswords } from "./passwords.ts";
import { poolItem } from "./scalars.ts";
import { gatewayFile, type Sections, sections } from "./schema.ts";
import type { Settings, TlsSettings } from "./settings.ts";
import { Places, readSource, type Source } from "./source.ts";
import { storeOf } from "./store-schema.ts";

export type Loaded =
  | ({ readonly ok: true; readonly warnings: readonly Finding[] } & Settings)
  | {
      readonly ok: false;
      /** In the order of the file, at least one and at most 100. */
      readonly errors: readonly Finding[];
      readonly warnings: readonly Finding[];
      /** True when there are more errors than are listed. */
      readonly more: boolean;
    };

export interface LoadOptions {
  /** The file's name as messages show it. */
  readonly file: string;
  /** The machine's name, for a file that gives none. */
  readonly hostname: string;
  /** Reads what `passwordFile` names. Undefined: passwords are left out, as in tests of everything else. */
  readonly readPassword?: (path: string) => PasswordRead;
  /** What is wrong with the certificate and key that `api.tls` names. Undefined: they are not looked at. */
  readonly checkCertificate?: (files: TlsSettings) => readonly Violation[];
}

export function load(text: string, options: LoadOptions): Loaded {
  const places = new Places(options.file, text);
  const read = readSource(text);
  if ("faults" in read) return refused(read.faults.map((fault) => places.ofFault(fault)));
  const { source } = read;
  const checked = check(source.value, options);
  const findings = found(checked.problems, source, places);
  if (checked.sections === undefined || checked.problems.some(({ severity }) => severity === "error")) {
    return refused(findings);
  }
  const { api, log, store, dhcp, hostname, ...rest } = checked.sections;
  const model: Model = { ...rest, hostname: hostname ?? options.hostname };
  const settings = { model, api, log, store: storeOf(store, api), dhcp };
  return { ok: true, ...settings, warnings: findings.slice(0, FINDINGS) };
}

function refused(findings: readonly Finding[]): Loaded {
  const errors = findings.filter(({ severity }) => severity === "error");
  const warnings = findings.filter(({ severity }) => severity === "warning").slice(0, FINDINGS);
  return { ok: false, errors: errors.slice(0, FINDINGS), warnings, more: errors.length > FINDINGS };
}

function check(
  value: unknown,
  { readPassword, checkCertificate }: LoadOptions,
): { problems: Problem[]; sections: Sections | undefined } {
  if (value === null || value === undefined) {
    const hint = "the least that a file needs is bgp with asn and routerId; see examples/";
    return { problems: [wholeFile("missing", "the file is empty", hint)], sections: undefined };
  }
  if (typeof value !== "object" || Array.isArray(value)) {
    const what = Array.isArray(value) ? "a list" : "a single value";
    const hint = "the file begins with a key such as `bgp:`";
    return {
      problems: [wholeFile("value", `expected a mapping of sections, got ${what}`, hint)],
      sections: undefined,
    };
  }
  const raw = value as Record<string, unknown>;
  const whole = gatewayFile.safeParse(raw);
  const issues = whole.success ? [] : problemsOf(whole.error.issues, raw);
  const parts: Partial<Model> = whole.success ? modelParts(whole.data) : readableParts(raw);
  const rules = violations(parts).map((violation) => ruleProblem(violation, raw));
  if (!whole.success) return { problems: [...issues, ...rules], sections: undefined };
  const { tls } = whole.data.api;
  const { bgp, faults } =
    readPassword === undefined
      ? { bgp: whole.data.bgp, faults: [] }
      : withPasswords(whole.data.bgp, readPassword);
  const secrets = [...faults, ...((tls && checkCertificate?.(tls)) ?? [])];
  const files = secrets.map((violation) => ruleProblem(violation, raw));
  return { problems: [...rules, ...files], sections: { ...whole.data, bgp } };
}

const wholeFile = (code: Problem["code"], message: string, hint: string): Problem => {
  return { severity: "error", code, path: [], at: "value", message, hint };
};

function modelParts({ hostname: _, ...parts }: Partial<Sections>): Partial<Model> {
  return parts;
}

/** The sections that are right by themselves. */
function readableParts(raw: Readonly<Record<string, unknown>>): Partial<Model> {
  const parts: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(sections)) {
    const parsed = schema.safeParse(raw[key]);
    if (parsed.success) parts[key] = parsed.data;
  }
  return modelParts(parts);
}

function ruleProblem(
  { severity, path, message, hint }: Violation,
  raw: Readonly<Record<string, unknown>>,
): Problem {
  return { severity, code: "rule", path: filePath(path, raw), at: "value", message, hint };
}

/** Where in the file a value of the model comes from: pools are written in ranges, rules stand in groups and policies. */
function filePath(path: Path, raw: Readonly<Record<string, unknown>>): Path {
  const place = ownPath(path, raw);
  const list = place.slice(0, 4);
  const policy = list[0] === "bgp" && list.length === 4 ? at(raw, list) : undefined;
  const isNamed = (list[3] === "import" || list[3] === "export") && typeof policy === "string";
  return isNamed && place.length > 4 ? ["bgp", "policies", policy, ...place.slice(4)] : place;
}

function ownPath(path: Path, raw: Readonly<Record<string, unknown>>): Path {
  const [section, list, index, key, item, ...rest] = path;
  if (section === "nat" && list === "pools" && key === "addresses" && typeof item === "number") {
    return ["nat", "pools", index!, "addresses", itemOfAddress(at(raw, path.slice(0, 4)), item)];
  }
  if (section === "bgp" && list === "peers" && key !== undefined && at(raw, path.slice(0, 4)) === undefined) {
    const group = at(raw, ["bgp", "peers", index!, "group"]);
    const inherited = typeof group === "string" ? ["bgp", "groups", group, key] : [];
    if (at(raw, inherited) !== undefined && inherited.length > 0) {
      return [...inherited, ...(item === undefined ? [] : [item]), ...rest];
    }
  }
  return path;
}

/** Which item of a pool's `addresses` the address of that index stands in. */
function itemOfAddress(items: unknown, index: number): number {
  let left = index;
  for (const [i, item] of (Array.isArray(items) ? items : [items]).entries()) {
    left -= poolItem.safeParse(item).data?.length ?? 0;
    if (left < 0) return i;
  }
  return 0;
}

function at(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** In the order of the file. What a group says wrong is told once, not for each of its peers. */
function found(problems: readonly Problem[], source: Source, places: Places): Finding[] {
  const byPlace = new Map<string, Finding>();
  for (const severity of ["error", "warning"] as const) {
    let count = 0;
    for (const problem of problems) {
      if (problem.severity !== severity) continue;
      if (count++ === MISTAKES) break;
      const finding = places.ofProblem(problem, pathText(problem.path), source);
      byPlace.set(`${finding.line}:${finding.column}:${finding.path}:${finding.message}`, finding);
    }
  }
  return [...byPlace.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
