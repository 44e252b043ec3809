import { expect, test } from "vitest";
import { type Outcome, pageAfter, type Run } from "./page.ts";

const EMPTY = "# NAT\n\n<!-- begin: the tests write what follows -->\n<!-- end -->\n\nThe rest.\n";
const FILE = "test/nat/some.test.ts";

const outcome = (changes: Partial<Outcome> = {}): Outcome => ({
  file: FILE,
  title: "mapping > one | for <all>",
  state: "passed",
  shows: ["RFC 4787 REQ-1", "RFC 5382 REQ-1"],
  ...changes,
});
const run = (...outcomes: readonly Outcome[]): Run => ({
  files: new Set([FILE]),
  outcomes,
  exists: () => true,
});
const NOTHING: Run = { files: new Set(), outcomes: [], exists: () => true };

const cells = (page: string, name: string): readonly string[] =>
  page
    .split("\n")
    .find((line) => line.startsWith(`| ${name} |`))
    ?.slice(2, -2)
    .split(" | ")
    .slice(2) ?? [];

const SHOWN = `[some](../${FILE}): mapping > one &#124; for &lt;all>`;
const page = pageAfter(run(outcome()), EMPTY);

test("a requirement is held when a test showed it, in part when there is a reason too", () => {
  expect(cells(page, "RFC 4787 REQ-1")).toEqual(["yes", SHOWN]);
  expect(cells(page, "RFC 5382 REQ-1")).toEqual(["yes", SHOWN]);
  expect(cells(page, "RFC 4787 REQ-2")[0]).toBe("no: no test shows it");
  expect(cells(page, "RFC 4787 REQ-4")[0]).toMatch(/^no: a port is kept/);
  const partly = pageAfter(run(outcome({ shows: ["RFC 4787 REQ-4"] })), EMPTY);
  expect(cells(partly, "RFC 4787 REQ-4")[0]).toMatch(/^in part: a port is kept/);
});

test("what stands around the tables is left alone, and they are written in the same way again", () => {
  expect(page.startsWith("# NAT\n\n")).toBe(true);
  expect(page.endsWith("\n\nThe rest.\n")).toBe(true);
  expect(pageAfter(run(outcome()), page)).toBe(page);
  expect(() => pageAfter(NOTHING, "# NAT\n")).toThrow();
});

test.each<[string, Run, boolean]>([
  ["did not run", NOTHING, true],
  ["was skipped", run(outcome({ state: "skipped", shows: [] })), true],
  ["failed", run(outcome({ state: "failed" })), false],
  ["has another name", run(outcome({ title: "other" })), false],
  ["is of a file that is gone", { ...NOTHING, exists: () => false }, false],
  ["is gone", run(), false],
  ["shows it no more", run(outcome({ shows: [] })), false],
])("a test that %s", (_, ran, stays) => {
  expect(cells(pageAfter(ran, page), "RFC 4787 REQ-1")[1]?.includes(SHOWN)).toBe(stays);
});

test("a test that was skipped and never ran shows nothing", () => {
  expect(pageAfter(run(outcome({ state: "skipped", shows: [] })), EMPTY)).toBe(pageAfter(NOTHING, EMPTY));
});

test("in any order of files and tests it is the same page", () => {
  const some = [outcome(), outcome({ title: "a" }), outcome({ file: "test/kernel/nat.test.ts" })];
  const files = new Set([FILE, "test/kernel/nat.test.ts"]);
  const whole = pageAfter({ ...NOTHING, files, outcomes: some }, EMPTY);
  expect(pageAfter({ ...NOTHING, files, outcomes: some.toReversed() }, EMPTY)).toBe(whole);
  // One file after the other, as two runs.
  const first = pageAfter(run(...some.slice(0, 2)), EMPTY);
  const second = { ...NOTHING, files: new Set(["test/kernel/nat.test.ts"]), outcomes: some.slice(2) };
  expect(pageAfter(second, first)).toBe(whole);
});
