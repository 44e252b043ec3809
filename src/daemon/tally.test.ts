import { expect, test } from "vitest";
import type { Problem } from "../gateway/intent.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import { PROBLEM_LINES, Tally } from "./tally.ts";
import { keptLog } from "./testing/lines.ts";

const NOTHING: Snapshot = {
  synced: true,
  intent: undefined,
  announced: new Map(),
  installed: 0,
  isInstalled: () => false,
  targetOf: () => undefined,
  learnedAt: () => undefined,
  natProgrammed: true,
  failures: new Map(),
  problems: [],
  driftRepairs: 0,
};
const problem = (subject: string, message = "why"): Problem => ({
  code: "nexthop.unresolved",
  subject,
  message,
});
const failing = (...failures: [string, string][]): Snapshot => ({ ...NOTHING, failures: new Map(failures) });

test("failures are counted by part, once until they change or come again", () => {
  const tally = new Tally(keptLog().log);
  tally.take(failing(["nat", "no"], ["dataplane", "gone"], ["192.0.2.0/24", "no"], ["tap tap0", "no"]));
  tally.take(failing(["nat", "no"], ["192.0.2.0/24", "no"], ["192.0.2.1/32", "no"]));
  expect(tally.errors()).toEqual({ kernel: 1, nat: 1, routes: 2, taps: 1 });
  tally.take(failing(["nat", "still no"]));
  expect(tally.errors()).toMatchObject({ nat: 2 });
  tally.take(NOTHING);
  tally.take(failing(["nat", "still no"]));
  expect(tally.errors()).toMatchObject({ nat: 3 });
});

test("a problem is told when it comes, when its words change, and when it goes", () => {
  const { log, lines } = keptLog();
  const tally = new Tally(log);
  tally.take({ ...NOTHING, problems: [problem("192.0.2.1")] });
  tally.take({ ...NOTHING, problems: [problem("192.0.2.1")] });
  expect(lines).toMatchObject([
    { level: "warn", event: "problem.found", code: "nexthop.unresolved", subject: "192.0.2.1", msg: "why" },
  ]);
  tally.take(NOTHING);
  tally.take(NOTHING);
  expect(lines.slice(1)).toMatchObject([{ level: "info", event: "problem.solved", subject: "192.0.2.1" }]);
  lines.length = 0;
  for (const message of ["95 of 100", "96 of 100"])
    tally.take({ ...NOTHING, problems: [{ ...problem("192.0.2.1"), message }] });
  expect(lines.map(({ event, msg }) => `${String(event)}: ${String(msg)}`)).toEqual([
    "problem.found: 95 of 100",
    "problem.found: 96 of 100",
  ]);
});

test("as many problems as a peer likes are few lines", () => {
  const { log, lines } = keptLog();
  const tally = new Tally(log);
  tally.take({ ...NOTHING, problems: Array.from({ length: 500 }, (_, i) => problem(`192.0.2.${i}`)) });
  expect(lines).toHaveLength(PROBLEM_LINES + 1);
  expect(lines.at(-1)).toMatchObject({ event: "problem.more", problems: 500 - PROBLEM_LINES });
  lines.length = 0;
  tally.take(NOTHING);
  expect(lines).toHaveLength(PROBLEM_LINES);
});

test("repairs are told with how many they were", () => {
  const { log, lines } = keptLog();
  const tally = new Tally(log);
  for (const driftRepairs of [0, 2, 2, 3]) tally.take({ ...NOTHING, driftRepairs });
  expect(lines.map(({ event, repaired }) => [event, repaired])).toEqual([
    ["kernel.drift.repaired", 2],
    ["kernel.drift.repaired", 1],
  ]);
});
