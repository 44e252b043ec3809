/** The tables of docs/NAT.md: a row for each requirement, with the tests that showed it. */

import { NOT_HELD, REASONS, REQUIREMENTS, type RequirementName } from "./table.ts";

/** How a test ended, and what it said that it shows; one that was skipped said nothing. */
export interface Outcome {
  /** From the root of the repository. */
  readonly file: string;
  readonly title: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly shows: readonly RequirementName[];
}

export interface Run {
  /** Files whose tests are all in `outcomes`; the others did not run. */
  readonly files: ReadonlySet<string>;
  readonly outcomes: readonly Outcome[];
  /** Of a file that did not run: whether there is one. */
  readonly exists: (file: string) => boolean;
}

const BEGIN = "<!-- begin: the tests write what follows -->\n";
const END = "<!-- end -->\n";

/** The page with what the run says. Of what did not run it says what it said before. */
export function pageAfter(run: Run, committed: string): string {
  const start = committed.indexOf(BEGIN) + BEGIN.length;
  const end = committed.indexOf(END);
  if (start < BEGIN.length || end < start) throw new Error("the page has no place for the tables");
  return `${committed.slice(0, start)}\n${tables(run, committed)}\n${committed.slice(end)}`;
}

function tables(run: Run, committed: string): string {
  const names = Object.keys(REQUIREMENTS) as RequirementName[];
  const before = testsOf(committed);
  const rfcs = new Set(names.map(rfcOf));
  return [...rfcs]
    .map((rfc) => {
      const rows = names
        .filter((name) => rfcOf(name) === rfc)
        .map((name) => row(name, testsNow(name, before.get(name) ?? [], run)));
      return `### ${rfc}\n\n| | what it wants | held | shown by |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

const rfcOf = (name: RequirementName): string => name.slice(0, "RFC 0000".length);

function row(name: RequirementName, tests: readonly Test[]): string {
  const reason = REASONS[name];
  const held = tests.length === 0 || NOT_HELD.has(name) ? "no" : reason === undefined ? "yes" : "in part";
  const why = reason ?? (tests.length === 0 ? "no test shows it" : undefined);
  // Sorted by file: the first of each names it.
  const shown = tests.map(({ file, title }, i) =>
    file === tests[i - 1]?.file ? escaped(title) : `[${shortName(file)}](../${file}): ${escaped(title)}`,
  );
  return `| ${name} | ${REQUIREMENTS[name]} | ${held}${why === undefined ? "" : `: ${why}`} | ${shown.join("<br>")} |`;
}

interface Test {
  readonly file: string;
  readonly title: string;
}

/** What passed now, and of what did not run what the page said. */
function testsNow(name: RequirementName, before: readonly Test[], { files, outcomes, exists }: Run): Test[] {
  const wasSkipped = ({ file, title }: Test): boolean =>
    outcomes.some((one) => one.state === "skipped" && one.file === file && one.title === title);
  const tests = [
    ...outcomes.filter(({ state, shows }) => state === "passed" && shows.includes(name)),
    ...before.filter((test) => (files.has(test.file) ? wasSkipped(test) : exists(test.file))),
  ];
  const unique = new Map(tests.map((test) => [`${test.file}\n${test.title}`, test]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, test]) => test);
}

/** The tests that a page names. */
function testsOf(page: string): ReadonlyMap<string, readonly Test[]> {
  const rows = page.split("\n").filter((line) => line.startsWith("| RFC "));
  return new Map(
    rows.map((line) => {
      const [name = "", , , shown = ""] = line.slice(2, -2).split(" | ");
      let file = "";
      const tests = shown.split("<br>").flatMap((text) => {
        const [, named, title = text] = /^\[[^\]]*\]\(\.\.\/([^)]*)\): (.*)$/.exec(text) ?? [];
        file = named ?? file;
        return title === "" ? [] : [{ file, title: unescaped(title) }];
      });
      return [name, tests];
    }),
  );
}

const shortName = (file: string): string => file.replace(/^.*\/|\.test\.ts$/g, "");

/** A title in a cell of a table. */
const escaped = (title: string): string =>
  title.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("|", "&#124;");
const unescaped = (text: string): string =>
  text.replaceAll("&#124;", "|").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
