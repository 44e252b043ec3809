import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { typed, words } from "./words.ts";

describe("words are split as a shell would, without being one", () => {
  test.each<[string, string[]]>([
    ["ip addr add 192.0.2.1/31 dev eth1", ["ip", "addr", "add", "192.0.2.1/31", "dev", "eth1"]],
    [`sh -c 'a "b" >c &'`, ["sh", "-c", 'a "b" >c &']],
    [`a"b"'c'\\ d`, ["abc d"]],
    [`"a \\"b\\" \\n" ''`, ['a "b" \\n', ""]],
    ["  a\t b\n", ["a", "b"]],
    ["", []],
  ])("%s", (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  test.each(["'a", 'b "c'])("%s is refused", (line) => {
    expect(() => words(line)).toThrow(SyntaxError);
  });
});

test("what is typed is read back as the same words", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (command) => {
      expect(words(typed(command))).toEqual(command);
    }),
  );
});
