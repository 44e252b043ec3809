/**
 * Patterns of AS paths as Cisco, FRR and Quagga write them, on the path as text: "64512 65000 {64600,64601}".
 *
 * Known: `^` `$` `.` `*` `+` `?` `|` `( )` `[ ]` with ranges and `[^ ]`, `\` before a character that is meant as itself,
 * and `_`: a space, comma, brace or bracket, or the beginning or end. A pattern may match anywhere in the path.
 *
 * A pattern becomes a nondeterministic automaton, and that, as paths come by, a deterministic one: the time is
 * linear in the path whatever the pattern, so that a peer that chooses its paths cannot make a pattern slow.
 */

/** Characters of a pattern. */
export const AS_PATH_PATTERN_CHARACTERS = 256;

/** What is wrong with a pattern. */
export interface PatternFault {
  readonly message: string;
  /** Where in the pattern, from 0 on. */
  readonly at: number;
}

export interface AsPathPattern {
  /** Whether a path, as text, matches. */
  matches(path: string): boolean;
}

export function parseAsPathPattern(source: string): AsPathPattern | PatternFault {
  if (source.length > AS_PATH_PATTERN_CHARACTERS) {
    const message = `longer than ${AS_PATH_PATTERN_CHARACTERS} characters`;
    return { message, at: AS_PATH_PATTERN_CHARACTERS };
  }
  const parser = new Parser(source);
  const start = parser.parse();
  return parser.fault ?? new Matcher(start, parser.nodes);
}

type Node =
  | { readonly on: "set"; readonly characters: ReadonlySet<string>; readonly negated: boolean; next: number }
  | { readonly on: "begin" | "end"; next: number }
  | { readonly on: "split"; next: number; other: number }
  | { readonly on: "match" };

/** A piece of the automaton: what it begins with, and the nodes that lead out of it. */
interface Piece {
  readonly start: number;
  readonly ends: readonly ((to: number) => void)[];
}

const DELIMITERS: ReadonlySet<string> = new Set(" ,{}()[]");
const ANY: ReadonlySet<string> = new Set();
const DEPTH = 32;

/** Recursive descent; after a fault it goes on to no effect. */
class Parser {
  readonly nodes: Node[] = [];
  fault: PatternFault | undefined;
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): number {
    const whole = this.#either();
    if (this.#at < this.#source.length) this.#fail("a ) without its (", this.#at);
    const match = this.#add({ on: "match" });
    for (const end of whole.ends) end(match);
    return whole.start;
  }

  #either(): Piece {
    let piece = this.#sequence();
    while (this.#source[this.#at] === "|") {
      this.#at++;
      piece = this.#fork(piece, this.#sequence());
    }
    return piece;
  }

  #sequence(): Piece {
    let piece = this.#nothing();
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const next = this.#repeated();
      for (const end of piece.ends) end(next.start);
      piece = { start: piece.start, ends: next.ends };
    }
    return piece;
  }

  #repeated(): Piece {
    let piece = this.#one();
    for (let sign = this.#source[this.#at]; sign !== undefined && "*+?".includes(sign); ) {
      piece = this.#repeat(piece, sign);
      sign = this.#source[++this.#at];
    }
    return piece;
  }

  #repeat(piece: Piece, sign: string): Piece {
    const split = { on: "split" as const, next: piece.start, other: -1 };
    const at = this.#add(split);
    const out = (to: number): void => {
      split.other = to;
    };
    if (sign === "?") return { start: at, ends: [...piece.ends, out] };
    for (const end of piece.ends) end(at);
    return { start: sign === "*" ? at : piece.start, ends: [out] };
  }

  #one(): Piece {
    const begin = this.#at;
    const character = this.#source[this.#at++]!;
    switch (character) {
      case "^":
        return this.#assert("begin");
      case "$":
        return this.#assert("end");
      case "_":
        return this.#fork(
          this.#fork(this.#assert("begin"), this.#assert("end")),
          this.#characters(DELIMITERS, false),
        );
      case ".":
        return this.#characters(ANY, true);
      case "[":
        return this.#class(begin);
      case "(":
        return this.#group(begin);
      case "*":
      case "+":
      case "?":
        return this.#fail(`nothing before ${character} to repeat`, begin);
      case "\\":
        return this.#literal(this.#source[this.#at++], begin);
      case "{":
      case "}":
        return this.#fail(
          `a ${character} of an AS_SET is written \\${character}; there are no counts`,
          begin,
        );
      default:
        return this.#literal(character, begin);
    }
  }

  #literal(character: string | undefined, begin: number): Piece {
    if (character === undefined) return this.#fail("a \\ at the end", begin);
    if (/[0-9]/.test(character) || DELIMITERS.has(character)) {
      return this.#characters(new Set(character), false);
    }
    return this.#fail(`${JSON.stringify(character)} stands in no AS path`, begin);
  }

  #group(begin: number): Piece {
    if (++this.#depth > DEPTH) return this.#fail(`more than ${DEPTH} brackets inside each other`, begin);
    const inner = this.#either();
    this.#depth--;
    if (this.#source[this.#at] !== ")") return this.#fail("a ( without its )", begin);
    this.#at++;
    return inner;
  }

  #class(begin: number): Piece {
    const close = this.#source.indexOf("]", begin + 2);
    if (close < 0) return this.#fail("a [ without its ]", begin);
    const inside = this.#source.slice(begin + 1, close);
    this.#at = close + 1;
    const negated = inside.startsWith("^");
    const body = negated ? inside.slice(1) : inside;
    if (!/^(?:[0-9]-[0-9]|[0-9 ,{}()_])+$/.test(body)) {
      return this.#fail("between [ and ] stand digits, ranges such as 0-9, and space , _ { } ( )", begin);
    }
    const characters = new Set<string>();
    for (const [, from, to, single] of body.matchAll(/([0-9])-([0-9])|(.)/g)) {
      if (single === "_") for (const each of DELIMITERS) characters.add(each);
      else if (single !== undefined) characters.add(single);
      else for (let digit = Number(from); digit <= Number(to); digit++) characters.add(String(digit));
    }
    return this.#characters(characters, negated);
  }

  #characters(characters: ReadonlySet<string>, negated: boolean): Piece {
    const node = { on: "set" as const, characters, negated, next: -1 };
    return this.#leading(node);
  }

  #assert(on: "begin" | "end"): Piece {
    return this.#leading({ on, next: -1 });
  }

  /** Matches without a character. */
  #nothing(): Piece {
    const node = { on: "split" as const, next: -1, other: -1 };
    return this.#leading(node);
  }

  #leading(node: Node & { next: number }): Piece {
    const start = this.#add(node);
    return {
      start,
      ends: [
        (to) => {
          node.next = to;
        },
      ],
    };
  }

  #fork(one: Piece, other: Piece): Piece {
    const start = this.#add({ on: "split", next: one.start, other: other.start });
    return { start, ends: [...one.ends, ...other.ends] };
  }

  #fail(message: string, at: number): Piece {
    this.fault ??= { message, at };
    this.#at = this.#source.length;
    return this.#nothing();
  }

  #add(node: Node): number {
    return this.nodes.push(node) - 1;
  }
}

/** A state of the deterministic automaton. */
interface State {
  /** Nodes that it stands at, ascending. */
  readonly at: readonly number[];
  readonly matched: boolean;
  readonly matchedAtEnd: boolean;
  readonly after: Map<string, State>;
}

/** States kept. Peers choose which occur, so there is a limit; beyond it they are found again. */
const MOST_STATES = 512;

class Matcher implements AsPathPattern {
  readonly #start: number;
  readonly #nodes: readonly Node[];
  readonly #states: Map<string, State> = new Map();
  #first: State;

  constructor(start: number, nodes: readonly Node[]) {
    this.#start = start;
    this.#nodes = nodes;
    this.#first = this.#stateOf([start], true);
  }

  matches(path: string): boolean {
    let state = this.#first;
    for (const character of path) {
      if (state.matched) return true;
      state = state.after.get(character) ?? this.#step(state, character);
    }
    return state.matched || state.matchedAtEnd;
  }

  #step(state: State, character: string): State {
    // A match may begin behind every character.
    const reached: number[] = [this.#start];
    for (const at of state.at) {
      const node = this.#nodes[at]!;
      if (node.on === "set" && node.characters.has(character) !== node.negated) reached.push(node.next);
    }
    const next = this.#stateOf(reached, false);
    state.after.set(character, next);
    return next;
  }

  #stateOf(reached: readonly number[], atBegin: boolean): State {
    const at = this.#closure(reached, atBegin, false);
    const key = at.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const matched = this.#matches(at);
    // At the beginning of an empty path both assertions hold.
    const matchedAtEnd = this.#matches(this.#closure(at, atBegin, true));
    const made: State = { at, matched, matchedAtEnd, after: new Map() };
    if (atBegin) return made;
    if (this.#states.size >= MOST_STATES) this.#forget();
    this.#states.set(key, made);
    return made;
  }

  #forget(): void {
    this.#states.clear();
    this.#first.after.clear();
  }

  #matches(at: readonly number[]): boolean {
    return at.some((each) => this.#nodes[each]!.on === "match");
  }

  /** All nodes that can be reached without a character. */
  #closure(from: readonly number[], atBegin: boolean, atEnd: boolean): number[] {
    const found = new Set<number>();
    const open = [...from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at < 0 || found.has(at)) continue;
      found.add(at);
      const node = this.#nodes[at]!;
      if (node.on === "split") open.push(node.next, node.other);
      else if ((node.on === "begin" && atBegin) || (node.on === "end" && atEnd)) open.push(node.next);
    }
    return [...found].sort((a, b) => a - b);
  }
}
