import { expect, test } from "vitest";
import { fillProblem } from "./conntrack-watch.ts";

test.each([
  [899, false, false],
  [900, false, true],
  [1000, false, true],
  [899, true, true],
  [800, true, true],
  [799, true, false],
])("%i of 1000 entries, a problem before: %s, is one now: %s", (count, before, now) => {
  const use = { count, max: 1000, insertFailed: 0, dropped: 0 };
  expect(fillProblem(use, before)?.code).toBe(now ? "conntrack.filling" : undefined);
});
