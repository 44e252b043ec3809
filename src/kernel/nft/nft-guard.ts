/**
 * Whether nftables text speaks of our table alone.
 *
 * The text is cut as nft's own scanner cuts it: quoted strings end at the next quote, comments at the end of the
 * line, commands at a newline or semicolon outside of braces. Each command must begin with a verb and an object that
 * we know and then name our table; what could reach beyond it (include, define, a backslash that joins lines) is refused
 * wherever it stands.
 */

const OURS = ["inet", "gatewayd"] as const;
const VERBS = new Set(["add", "create", "insert", "replace", "delete", "destroy", "flush"]);
const OBJECTS = new Set([
  "table",
  "chain",
  "rule",
  "set",
  "map",
  "element",
  "flowtable",
  "counter",
  "quota",
  "limit",
]);
/** Objects whose name has two words: `ct timeout`. */
const CT_OBJECTS = new Set(["helper", "timeout", "expectation"]);
const FORBIDDEN = new Set(["include", "define", "redefine", "undefine"]);

type Kind = "word" | "open" | "close" | "end" | "bad";

interface Token {
  readonly kind: Kind;
  readonly text: string;
  readonly line: number;
}

interface Scan {
  /** Braces that are open. */
  depth: number;
  /** Words of this command outside of braces. */
  command: string[];
  /** The block of this command is closed, and nothing may follow it. */
  sealed: boolean;
}

/** Why netd does not run this text; undefined when it does. */
export function refusesNft(text: string): string | undefined {
  if (/[^\P{Cc}\t\n]/u.test(text)) return "it holds a control character";
  const scan: Scan = { depth: 0, command: [], sealed: false };
  for (const token of tokensIn(text)) {
    const refused = take(scan, token);
    if (refused !== undefined) return `line ${token.line}: ${refused}`;
  }
  return scan.depth === 0 ? undefined : "a brace is not closed";
}

function take(scan: Scan, { kind, text }: Token): string | undefined {
  switch (kind) {
    case "bad":
      return `${text} has no place here`;
    case "word":
      return takeWord(scan, text);
    case "open":
      scan.depth++;
      return scan.depth === 1 ? wrong(scan.command) : undefined;
    case "close":
      if (scan.depth === 0) return "a brace closes nothing";
      scan.depth--;
      // In a rule, a set of values is followed by more of the rule.
      scan.sealed = scan.depth === 0 && scan.command[1] !== "rule";
      return undefined;
    case "end":
      return scan.depth > 0 ? undefined : takeEnd(scan);
    default:
      return unreachable(kind);
  }
}

function takeWord(scan: Scan, text: string): string | undefined {
  const outside = scan.depth === 0;
  if (FORBIDDEN.has(text) || (scan.sealed && outside)) return `"${text}" is not allowed here`;
  if (outside) scan.command.push(text);
  return undefined;
}

function takeEnd(scan: Scan): string | undefined {
  const refused = scan.command.length === 0 ? undefined : wrong(scan.command);
  scan.command = [];
  scan.sealed = false;
  return refused;
}

function wrong(command: readonly string[]): string | undefined {
  if (namesOurTable(command)) return undefined;
  return `"${command.slice(0, 5).join(" ")}" does not name table inet gatewayd`;
}

function namesOurTable(command: readonly string[]): boolean {
  const [verb, object, third] = command;
  if (verb === "table") return ours(command, 1);
  if (verb === undefined || !VERBS.has(verb) || object === undefined) return false;
  if (object === "ct") return third !== undefined && CT_OBJECTS.has(third) && ours(command, 3);
  return OBJECTS.has(object) && ours(command, 2);
}

const ours = (command: readonly string[], at: number): boolean =>
  command[at] === OURS[0] && command[at + 1] === OURS[1];

/** Words, braces and ends of commands, without comments. */
function* tokensIn(text: string): Generator<Token> {
  let line = 1;
  for (const [token] of text.matchAll(/#[^\n]*|"[^"]*"|[{};\n]|[^ \t\n"#{};]+|"/g)) {
    if (!token.startsWith("#")) yield { kind: kindOf(token), text: token, line };
    if (token === "\n" || token.startsWith('"')) line += token.split("\n").length - 1;
  }
  yield { kind: "end", text: "", line };
}

function kindOf(token: string): Kind {
  if (token === "{") return "open";
  if (token === "}") return "close";
  if (token === ";" || token === "\n") return "end";
  if (token === '"') return "bad";
  // A quoted word keeps its quotes, so that it passes for no keyword.
  return token.startsWith('"') || /^[!-[\]-~]+$/.test(token) ? "word" : "bad";
}

function unreachable(kind: never): never {
  throw new TypeError(`token ${String(kind)}`);
}
