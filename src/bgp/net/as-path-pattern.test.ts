import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AsPathPattern, type PatternFault, parseAsPathPattern } from "./as-path-pattern.ts";

function pattern(source: string): AsPathPattern {
  const parsed = parseAsPathPattern(source);
  if ("at" in parsed) throw new Error(`${parsed.message} at ${parsed.at}`);
  return parsed;
}

describe("patterns as network engineers write them", () => {
  test.each<[source: string, yes: string[], no: string[]]>([
    ["^$", [""], ["64512"]],
    ["^64512_", ["64512", "64512 65000", "64512 {1,2}"], ["645120", "65000 64512", ""]],
    ["_65000$", ["65000", "64512 65000"], ["165000", "65000 64512", "64512 650001"]],
    ["_64512_", ["64512", "1 64512 2", "1 64512", "1 {64512,2}", "(64512) 1"], ["1 645122", ""]],
    ["64512", ["64512", "645121", "1 64512"], ["6451 2"]],
    ["^64512(_64512)*$", ["64512", "64512 64512 64512"], ["64512 64513", "64512 645120"]],
    ["^[0-9]+$", ["1", "4294967295"], ["", "1 2"]],
    ["^[0-9]+_[0-9]+$", ["1 2"], ["1", "1 2 3"]],
    ["^6451[2-4]$", ["64512", "64514"], ["64515"]],
    ["^(64512|64513)_65000$", ["64512 65000", "64513 65000"], ["64514 65000", "64512"]],
    ["_6451[^2]_", ["1 64513"], ["1 64512"]],
    ["^1( 2)?$", ["1", "1 2"], ["1 2 2"]],
    ["^1 .* 9$", ["1 5 9", "1 5 6 9"], ["1 9", "15 9"]],
    ["\\{1,2\\}", ["5 {1,2}"], ["1 2"]],
    [".*", ["", "1 2"], []],
    ["", ["", "1"], []],
    ["a|".slice(1), ["", "1"], []],
  ])("%s", (source, yes, no) => {
    const { matches } = { matches: (path: string) => pattern(source).matches(path) };
    for (const path of yes) expect([path, matches(path)]).toEqual([path, true]);
    for (const path of no) expect([path, matches(path)]).toEqual([path, false]);
  });
});

describe("what is no pattern, and where", () => {
  test.each<[string, PatternFault]>([
    ["^(1|2", { message: "a ( without its )", at: 1 }],
    ["1)", { message: "a ) without its (", at: 1 }],
    ["1[0-9", { message: "a [ without its ]", at: 1 }],
    ["1[a]", { message: "between [ and ] stand digits, ranges such as 0-9, and space , _ { } ( )", at: 1 }],
    ["*1", { message: "nothing before * to repeat", at: 0 }],
    ["1{2}", { message: "a { of an AS_SET is written \\{; there are no counts", at: 1 }],
    ["AS1", { message: '"A" stands in no AS path', at: 0 }],
    ["1\\", { message: "a \\ at the end", at: 1 }],
    ["\\d", { message: '"d" stands in no AS path', at: 0 }],
    ["1".repeat(257), { message: "longer than 256 characters", at: 256 }],
    ["(".repeat(40), { message: "more than 32 brackets inside each other", at: 32 }],
  ])("%s", (source, fault) => {
    expect(parseAsPathPattern(source)).toEqual(fault);
  });
});

const atom: fc.Arbitrary<string> = fc.constantFrom("1", "2", " ", "^", "$", "_", ".", "[12]", "[^1]");
const { tree } = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    atom,
    fc.tuple(tie("tree"), tie("tree")).map((each) => each.join("")),
    fc.tuple(tie("tree"), tie("tree")).map(([a, b]) => `(${a}|${b})`),
    fc.tuple(tie("tree"), fc.constantFrom("*", "+", "?")).map(([a, sign]) => `(${a})${sign}`),
  ),
}));

test("it says what a backtracking engine says", () => {
  const path = fc.array(fc.constantFrom("1", "2", " ", "{", "3"), { maxLength: 8 }).map((c) => c.join(""));
  fc.assert(
    fc.property(tree, fc.array(path, { minLength: 1, maxLength: 5 }), (source, paths) => {
      const ours = pattern(source);
      const theirs = new RegExp(source.replaceAll("_", "(?:[ ,{}()\\[\\]]|^|$)"));
      for (const each of paths) expect([each, ours.matches(each)]).toEqual([each, theirs.test(each)]);
    }),
    { numRuns: 1000 },
  );
});

test("no text makes the parser throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."12^$_.*+?|()[]\\{}-a ") }), (source) => {
      const parsed = parseAsPathPattern(source);
      expect("at" in parsed || typeof parsed.matches("1 2") === "boolean").toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("what makes others backtrack without end costs a step per character", () => {
  const long = `${"1 ".repeat(10_000)}2`;
  expect(pattern("^(([0-9]+)*_?)*3$").matches(long)).toBe(false);
  expect(pattern("^((1|1 |11?)*)*3$").matches(long)).toBe(false);
});

test("more states than are remembered change no answer", () => {
  // The nth character from the end: its automaton has 2^12 states.
  const nth = pattern(`1${"(1|2)".repeat(11)}$`);
  for (let bits = 0; bits < 4096; bits++) {
    const path = bits.toString(2).padStart(12, "0").replaceAll("0", "2");
    expect(nth.matches(`2${path}`)).toBe(path.startsWith("1"));
  }
});
