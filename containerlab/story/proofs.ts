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

/**
 * What `ip monitor route` wrote never says that a route went: neither this one, nor, without a prefix, any. A route
 * that is deleted after another one has been put in its place is a change, not a loss.
 */
export function neverLost(prefix?: string): (output: Output) => Proof {
  return ({ stdout, stderr, code }) => {
    const changes = routeChanges(stdout).filter(({ to }) => prefix === undefined || to === prefix);
    const inForce = new Map<string, string>();
    const lost = new Set<string>();
    for (const { deleted, route, to } of changes) {
      if (!deleted) inForce.set(to, route);
      else if ((inForce.get(to) ?? route) === route) lost.add(to);
    }
    if (lost.size > 0) return { holds: false, said: `lost: ${[...lost].join(", ")}` };
    if (code !== 0) return { holds: false, said: brief(stderr || stdout) };
    return { holds: true, said: `${changes.length} changes, nothing lost` };
  };
}

interface RouteChange {
  readonly deleted: boolean;
  readonly route: string;
  readonly to: string;
}

function routeChanges(stdout: string): RouteChange[] {
  const found = stdout.matchAll(/^(Deleted )?((?:blackhole |unreachable )?(\S+).*?)\s*$/gm);
  return [...found].map(([, deleted, route = "", to = ""]) => ({
    deleted: deleted !== undefined,
    route,
    to,
  }));
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

/**
 * The next hops of a route, from what `ip route show PREFIX; ip nexthop` prints: with nexthop_compat_mode 0 a route
 * names an object, which is a next hop or a group of such.
 */
export function waysOf(stdout: string): string[] {
  const objects = new Map<string, string>();
  for (const [, id = "", rest = ""] of stdout.matchAll(/^id (\d+) (.*)$/gm)) objects.set(id, rest);
  const resolve = (id: string): string[] => {
    const object = objects.get(id) ?? "";
    const group = /^group (\S+)/.exec(object)?.[1];
    if (group !== undefined) return group.split("/").flatMap((member) => resolve(member.split(",")[0] ?? ""));
    return /\bvia (\S+)/.exec(object)?.slice(1) ?? [];
  };
  const routes = stdout.replace(/^id .*$/gm, "");
  const named = [...routes.matchAll(/\bnhid (\d+)/g)].flatMap(([, id = ""]) => resolve(id));
  const inline = [...routes.matchAll(/\bvia (\S+)/g)].map(([, address = ""]) => address);
  return [...new Set([...named, ...inline])].sort();
}

/** The route has exactly these next hops. */
export function goesVia(...addresses: readonly string[]): (output: Output) => Proof {
  return ({ stdout, stderr }) => {
    const ways = waysOf(stdout);
    const said = ways.length === 0 ? brief(stdout || stderr) : `via ${ways.join(" and ")}`;
    return { holds: ways.join() === [...addresses].sort().join(), said };
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
