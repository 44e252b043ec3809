/** What output proves. Pure: text in, proof out. */

import type { Output } from "../runner/background.ts";
import type { Proof } from "./step.ts";

/** All of these match, somewhere in the standard output; what they matched is what is said. */
export function shows(...patterns: readonly RegExp[]): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const found = patterns.map((pattern) => pattern.exec(stdout)?.[0].trim());
    const missing = patterns.filter((_, index) => found[index] === undefined);
    if (missing.length === 0) return { holds: true, said: found.join("; ").replace(/\s+/g, " ") };
    return { holds: false, said: brief(stdout || stderr) };
  };
}

/** None of these matches. */
export function showsNo(pattern: RegExp, otherwise: string): (output: Output) => Proof {
  return ({ stdout, stderr, code }) => {
    const found = pattern.exec(stdout)?.[0].trim();
    if (found !== undefined) return { holds: false, said: found };
    return code === 0 ? { holds: true, said: otherwise } : { holds: false, said: brief(stderr || stdout) };
  };
}

/** Every line of `probe ask` is an answer from this address, of this machine, which saw what the pattern says. */
export function answered(from: string, who: RegExp, saw: RegExp): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const answers = readAnswers(stdout);
    const good = answers.every((a) => a.from === from && who.test(a.who) && saw.test(a.saw));
    const holds = good && answers.length > 0 && answers.length === lines(stdout).length;
    if (!holds) return { holds, said: brief(stdout || stderr) };
    const seen = [...new Set(answers.map((a) => `${a.who} saw ${a.saw}`))].sort();
    return { holds, said: `${from} answered: ${seen.join(", ")}` };
  };
}

/** How many answers each machine gave, all of these at least one and nobody else. */
export function answeredBy(...who: readonly string[]): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const counts = new Map<string, number>();
    for (const answer of readAnswers(stdout)) counts.set(answer.who, (counts.get(answer.who) ?? 0) + 1);
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0) === lines(stdout).length;
    const holds = all && counts.size === who.length && who.every((name) => counts.has(name));
    const said = [...counts].sort().map(([name, count]) => `${name} answered ${count}`);
    return { holds, said: holds ? said.join(", ") : brief(stdout || stderr) };
  };
}

interface Answer {
  readonly from: string;
  readonly who: string;
  readonly saw: string;
}

function readAnswers(stdout: string): Answer[] {
  const found = stdout.matchAll(/^(\S+) answered: (\S+) saw (\S+) \d+$/gm);
  return [...found].map(([, from = "", who = "", saw = ""]) => ({ from, who, saw }));
}

/** What a gwctl list says with `-o json`. An output that is none, as while the daemon starts, is an empty list. */
export function rows<T>(stdout: string): readonly T[] {
  const value = json(stdout);
  return Array.isArray(value) ? value : [];
}

/** Undefined when the text is no JSON. */
export function json(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

const BRIEF_LETTERS = 300;

/** The beginning of what came back, on one line. */
export function brief(text: string): string {
  const line = lines(text).join(" | ");
  if (line === "") return "nothing came back";
  return line.length > BRIEF_LETTERS ? `${line.slice(0, BRIEF_LETTERS)}…` : line;
}
