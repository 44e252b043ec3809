import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Column, fields, table } from "./table.ts";
import { clip, clock, printable, widthOf } from "./text.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({
    unit: fc.constantFrom(
      "\u001b",
      "[2J",
      "\u009b",
      "\u202e",
      "\n",
      "\t",
      "é",
      "東",
      "👩‍👩‍👧",
      "\u0301",
      "א",
      "\\",
      " ",
      "a",
    ),
  }),
);

/** Columns by Node's own tables (ICU), which know nothing of ours. */
function terminalColumns(text: string): number {
  const output = Object.assign(new PassThrough(), { columns: 1_000_000 });
  const reader = createInterface({ input: new PassThrough(), output, terminal: true, prompt: "" });
  Object.assign(reader, { line: text, cursor: text.length });
  const { cols } = reader.getCursorPos();
  reader.close();
  return cols;
}

describe("printable", () => {
  test.each<[string, string]>([
    ["ToR 1, Köln/東京 — Ελλάδα", "ToR 1, Köln/東京 — Ελλάδα"],
    ["a\u001b[31mb", "a\\x1b[31mb"],
    ["\u009b2J", "\\x9b2J"],
    ["two\nlines\tand\r", "two\\nlines\\tand\\r"],
    ["CORP\\admin", "CORP\\\\admin"],
    ["u\u0308", "ü"],
    ["\u202egnp.exe", "\\u{202e}gnp.exe"],
    ["שלום", "\\u{5e9}\\u{5dc}\\u{5d5}\\u{5dd}"],
    ["👍", "\\u{1f44d}"],
    ["\ud800", "\\u{d800}"],
    ["\u00ad\u200b", "\\xad\\u{200b}"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test("nothing that is shown steers a terminal, and it is as wide as we say", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        expect(shown).not.toMatch(/\p{C}|\p{M}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/u);
        expect(widthOf(shown)).toBe(terminalColumns(shown));
      }),
      { numRuns: 300 },
    );
  });

  test("every character of the basic plane is as wide as we say", () => {
    const wrong: string[] = [];
    for (let code = 0; code < 0x10000; code += 64) {
      const block = Array.from({ length: 64 }, (_, i) => printable(String.fromCharCode(code + i))).join("");
      if (widthOf(block) !== terminalColumns(block)) wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  test("different texts stay different", () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(printable(a) === printable(b)).toBe(a.normalize("NFC") === b.normalize("NFC"));
      }),
    );
  });
});

test("clip never goes beyond its columns, and marks what it took", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 30 }), (text, columns) => {
      const shown = printable(text);
      const clipped = clip(shown, columns);
      expect(widthOf(clipped)).toBeLessThanOrEqual(columns);
      expect(clipped === shown || (clipped.endsWith("…") && shown.startsWith(clipped.slice(0, -1)))).toBe(
        true,
      );
    }),
  );
});

describe("table", () => {
  const rows = fc.array(fc.tuple(anyText, anyText, anyText), { maxLength: 6 });
  const columns: Column<readonly [string, string, string]>[] = [
    { header: "Left", cell: ([a]) => a },
    { header: "Right", align: "right", cell: ([, b]) => b, color: () => "red" },
    { header: "Clipped", cell: ([, , c]) => c, clip: 12 },
  ];

  test("whatever the cells hold: one line per row, and each column begins or ends where its header does", () => {
    fc.assert(
      fc.property(rows, fc.boolean(), (cells, wide) => {
        const text = table(columns, cells, { headers: true, color: false, wide });
        const lines = text.split("\n");
        expect(lines.pop()).toBe("");
        expect(lines).toHaveLength(cells.length + 1);
        const end = terminalColumns(lines[0]!.slice(0, lines[0]!.indexOf("Right") + "Right".length));
        for (const [i, line] of lines.slice(1).entries()) {
          const shown = cells[i]!.map((cell) => printable(cell).trim() || "-");
          expect(line.startsWith(shown[0]!)).toBe(true);
          // The third column has its own text from where the second ends on, two columns later.
          const rest = wide ? shown[2]! : clip(shown[2]!, 12);
          expect(line.endsWith(`${shown[1]}  ${rest}`.trimEnd())).toBe(true);
          expect(terminalColumns(line.slice(0, line.length - `  ${rest}`.trimEnd().length))).toBe(end);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("colour is the text's alone and changes no column", () => {
    const plain = table(columns, [["a", "b", "c"]], { headers: false, color: false, wide: false });
    const colored = table(columns, [["a", "b", "c"]], { headers: false, color: true, wide: false });
    expect(colored).toBe("a  \u001b[31mb\u001b[39m  c\n");
    expect(plain).toBe("a  b  c\n");
  });

  test("no rows are the headers, or nothing", () => {
    expect(table(columns, [], { headers: true, color: false, wide: false })).toBe("Left  Right  Clipped\n");
    expect(table(columns, [], { headers: false, color: false, wide: false })).toBe("");
  });

  test("fields keep one line each", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const lines = fields([
          ["Name", text],
          ["Longer name", "x"],
          ["Empty", ""],
          ["None", undefined],
        ]).split("\n");
        expect(lines.slice(0, -1)).toHaveLength(text === "" ? 1 : 2);
        expect(lines.at(-2)).toBe("Longer name  x");
      }),
    );
  });
});

describe("the clock of routers", () => {
  test.each<[number, string]>([
    [0, "00:00:00"],
    [751, "00:12:31"],
    [86_399.9, "23:59:59"],
    [86_400, "1d00h"],
    [93_751, "1d02h"],
    [604_799, "6d23h"],
    [604_800, "1w0d"],
    [2_000_000, "3w2d"],
    [31_535_999, "52w0d"],
    [31_536_000, "1y00w"],
    [40_000_000, "1y13w"],
    [-1, "00:00:00"],
  ])("%d s is %s", (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});
