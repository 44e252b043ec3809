/**
 * Holds docs/NAT.md to what ran: at the end of a run, of all tests or of some, the page has to say what they showed.
 * `NAT_PAGE=write` in the environment writes it.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Reporter, TestCase, TestModule, TestRunEndReason } from "vitest/node";
import { type Outcome, pageAfter } from "./page.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGE = join(ROOT, "docs/NAT.md");

export default class RequirementsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], _: unknown, reason: TestRunEndReason): void {
    if (reason === "interrupted") return;
    // A file that broke before its tests were known says nothing of them.
    const whole = modules.filter((module) => module.errors().length === 0);
    const committed = readFileSync(PAGE, "utf8");
    const page = pageAfter(
      {
        files: new Set(whole.map(fileOf)),
        outcomes: whole.flatMap((module) => [...module.children.allTests()].map(outcomeOf)),
        exists: (file) => existsSync(join(ROOT, file)),
      },
      committed,
    );
    if (page === committed) return;
    const { NAT_PAGE } = process.env;
    if (NAT_PAGE === "write") {
      writeFileSync(PAGE, page);
      return;
    }
    process.stderr.write(
      `docs/NAT.md does not say what the tests showed:\n${changedLines(committed, page)}Run them with NAT_PAGE=write, which writes it.\n\n`,
    );
    process.exitCode = 1;
  }
}

const fileOf = (module: TestModule): string => relative(ROOT, module.moduleId);

function outcomeOf(test: TestCase): Outcome {
  const { shows = [] } = test.meta();
  const { state } = test.result();
  return {
    file: fileOf(test.module),
    title: test.fullName,
    // Pending: the run stopped before it.
    state: state === "pending" ? "skipped" : state,
    shows,
  };
}

function changedLines(before: string, after: string): string {
  const [was, is] = [before.split("\n"), after.split("\n")];
  const only = (mark: string, lines: readonly string[], others: readonly string[]): string[] =>
    lines.filter((line) => !others.includes(line)).map((line) => `${mark} ${line}\n`);
  return [...only("-", was, is), ...only("+", is, was)].join("");
}
