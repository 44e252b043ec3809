/**
 * YAML text to plain values, and from a path within them back to a place in the text.
 *
 * Nothing here throws, recurses deeper than a limit, or takes more than linear time, whatever the text: tokens are
 * counted and nesting is measured before the composer, which recurses, sees them; its own search for duplicate keys
 * is quadratic and is replaced by ours.
 */

import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  Parser,
  type YAMLMap,
} from "yaml";
import type { Finding, FindingCode, Path, Problem } from "./findings.ts";
import { FILE_ALIASES, FILE_DEPTH, FILE_OCTETS, FILE_TOKENS, FINDINGS } from "./limits.ts";

type Token = Parser["stack"][number];
type Pairs = Pair<unknown, unknown>[];

/** What is wrong at an offset of the text. */
interface Fault {
  readonly code: FindingCode;
  readonly from: number;
  readonly to: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface Source {
  readonly value: unknown;
  /** The node that a path leads to, or the last one on the way that there is. */
  locate(path: Path, at: "key" | "value"): { readonly from: number; readonly to: number };
}

export type Read = { readonly source: Source } | { readonly faults: readonly Fault[] };

/** Reads YAML 1.2 text. The value is made of mappings, lists and scalars, with text as keys only. */
export function readSource(text: string): Read {
  const refused = unreadable(text);
  if (refused !== undefined) return { faults: [refused] };
  const tokens = tokensOf(text);
  if ("code" in tokens) return { faults: [tokens] };
  const composed = compose(tokens, text.length);
  if (Array.isArray(composed)) return { faults: composed };
  const faults = structureFaults(composed);
  if (faults.length > 0) return { faults };
  try {
    const value: unknown = composed.toJS({ maxAliasCount: FILE_ALIASES });
    return { source: { value, locate: (path, at) => locate(composed, path, at) } };
  } catch (error) {
    // The library refuses aliases that multiply, or that contain themselves, by throwing.
    const message = error instanceof Error ? error.message : String(error);
    return { faults: [{ code: "limit", from: 0, to: 1, message: `aliases: ${message}` }] };
  }
}

/** Gives findings from problems or faults of one text. */
export class Places {
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter = new LineCounter();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lines.addNewLine(0);
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1))
      this.#lines.addNewLine(at + 1);
  }

  ofFault(fault: Fault): Finding {
    const { code, message, hint } = fault;
    return { severity: "error", code, ...this.#at(fault.from, fault.to), path: "", message, hint };
  }

  ofProblem(problem: Problem, path: string, source: Source): Finding {
    const { severity, code, message, hint } = problem;
    const { from, to } = source.locate(problem.path, problem.at);
    return { severity, code, ...this.#at(from, to), path, message, hint };
  }

  #at(from: number, to: number): Pick<Finding, "file" | "line" | "column" | "width" | "source"> {
    const { line, col } = this.#lines.linePos(Math.min(from, this.#text.length));
    const start = this.#lines.lineStarts[line - 1]!;
    const end = this.#text.indexOf("\n", start);
    const source = this.#text.slice(start, end < 0 ? undefined : end).replace(/\r$/, "");
    const last = source.slice(col - 1, Math.max(col, to - start)).trimEnd();
    return { file: this.#file, line, column: col, width: Math.max(1, last.length), source };
  }
}

/** What keeps a text from being looked at closer. */
function unreadable(text: string): Fault | undefined {
  // One UTF-16 code unit is at most three octets of UTF-8, so that most texts need not be encoded to be measured.
  if (text.length * 3 > FILE_OCTETS && new TextEncoder().encode(text).length > FILE_OCTETS) {
    const message = `the file is larger than ${FILE_OCTETS / 1024 / 1024} MiB`;
    return { code: "limit", from: 0, to: 1, message, hint: "is this the right file?" };
  }
  const at = strangeCharacter(text);
  if (at < 0) return undefined;
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
  const message = `not text: U+${code}`;
  return { code: "syntax", from: at, to: at + 1, message, hint: "the file must be YAML in UTF-8" };
}

/** The first character that YAML 1.2 §5.1 forbids, or that stands for octets that were not UTF-8; -1 when none. */
function strangeCharacter(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const control = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d;
    if (control || code === 0x7f || code === 0xfffd || code === 0xfffe) return i;
  }
  return -1;
}

function tokensOf(text: string): Token[] | Fault {
  const parser = new Parser();
  const tokens: Token[] = [];
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++count > FILE_TOKENS)
      return tooMuch(parser.offset, `the file has more than ${FILE_TOKENS} YAML tokens`);
    tokens.push(...parser.next(lexeme));
    // The stack holds the document and the scalar at hand besides the collections.
    if (parser.stack.length > FILE_DEPTH + 2) {
      return tooMuch(parser.offset, `more than ${FILE_DEPTH} lists and mappings inside each other`);
    }
  }
  tokens.push(...parser.end());
  return tokens;
}

const tooMuch = (at: number, message: string): Fault => ({ code: "limit", from: at, to: at + 1, message });

/** The one document of the text, or what is wrong with it. */
function compose(tokens: readonly Token[], end: number): Document.Parsed | Fault[] {
  const [first, second] = documents(tokens, end);
  if (first === undefined) return [syntax(0, 1, "there is no YAML document")];
  // A tag that nothing resolves is only a warning to the library; to us, the value is not what was meant.
  const faults = [...first.errors, ...first.warnings].slice(0, FINDINGS).map((error) => {
    return syntax(error.pos[0], error.pos[1], error.message);
  });
  if (second !== undefined) {
    faults.push(
      syntax(second.range[0], second.range[0] + 3, "a second YAML document; there may be only one"),
    );
  }
  return faults.length > 0 ? faults : first;
}

/** At most two: a third would say no more. */
function documents(tokens: readonly Token[], end: number): Document.Parsed[] {
  const found: Document.Parsed[] = [];
  for (const document of new Composer({ uniqueKeys: false }).compose(tokens, true, end)) {
    if (found.push(document) === 2) break;
  }
  return found;
}

const syntax = (from: number, to: number, message: string, hint?: string): Fault => {
  return { code: "syntax", from, to, message, hint };
};

/** What a walk over the tree, in the order of the text, has come across. */
interface Walk {
  readonly faults: Fault[];
  readonly anchors: Set<string>;
  aliases: number;
}

/** Keys that are no text or stand twice; aliases that are too many, or that nothing stands for. */
function structureFaults(document: Document.Parsed): Fault[] {
  const walked: Walk = { faults: [], anchors: new Set(), aliases: 0 };
  walk(document.contents, walked);
  return walked.faults.slice(0, FINDINGS);
}

function walk(node: unknown, walked: Walk): void {
  if (isAlias(node)) {
    walked.aliases += 1;
    walked.faults.push(...aliasFaults(node, walked));
  } else if (isMap(node)) {
    walked.faults.push(...keyFaults(node));
    for (const { key, value } of node.items as Pairs) {
      walk(key, walked);
      walk(value, walked);
    }
  } else if (isSeq(node)) for (const item of node.items) walk(item, walked);
  // Only here, so that no alias can stand within what it stands for.
  if (isNode(node) && "anchor" in node && node.anchor !== undefined) walked.anchors.add(node.anchor);
}

function aliasFaults(alias: Alias, { anchors, aliases }: Walk): Fault[] {
  const [from, to] = extent(alias);
  if (aliases === FILE_ALIASES + 1) return [tooMuch(from, `the file has more than ${FILE_ALIASES} aliases`)];
  return anchors.has(alias.source)
    ? []
    : [syntax(from, to, `no anchor &${alias.source} ends before this alias`)];
}

function keyFaults(map: YAMLMap): Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const { key } of map.items as Pairs) {
    const [from, to] = isNode(key) ? extent(key) : extent(map);
    // __proto__ is no key of ours, and the one name that plain objects cannot be trusted with.
    if (!isScalar(key) || typeof key.value !== "string" || key.value === "__proto__") {
      faults.push(syntax(from, to, "a key must be plain text", "put it in quotes if it is meant as text"));
    } else if (seen.has(key.value)) {
      const hint = "the second would hide the first: take one of them out";
      faults.push(syntax(from, to, `${JSON.stringify(key.value)} stands here twice`, hint));
    } else seen.add(key.value);
  }
  return faults;
}

function locate(document: Document.Parsed, path: Path, at: "key" | "value"): { from: number; to: number } {
  let node: unknown = document.contents;
  let place = extent(node);
  for (const [i, step] of path.entries()) {
    const next = child(isAlias(node) ? node.resolve(document) : node, step);
    if (next === undefined) break;
    place = extent(at === "key" && i === path.length - 1 ? next.key : next.value);
    node = next.value;
  }
  return { from: place[0], to: place[1] };
}

function child(node: unknown, step: string | number): { key: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof step === "number") {
    const value = node.items[step];
    return value === undefined ? undefined : { key: value, value };
  }
  if (!isMap(node)) return undefined;
  const pair = (node.items as Pairs).find(({ key }) => isScalar(key) && key.value === step);
  // A key at the very end of a flow mapping may have no value at all.
  return pair === undefined ? undefined : { key: pair.key, value: pair.value ?? pair.key };
}

const extent = (node: unknown): [number, number] => {
  const range = isNode(node) ? node.range : undefined;
  return range == null ? [0, 1] : [range[0], range[1]];
};
