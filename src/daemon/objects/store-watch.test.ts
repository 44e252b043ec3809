import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Result } from "../../store/measured.ts";
import { StoreError } from "../../store/store.ts";
import { keptLog } from "../testing/lines.ts";
import { StoreRoom } from "./store-room.ts";
import { StoreWatch } from "./store-watch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Step =
  | { readonly watch: "up" | "down"; readonly why?: string }
  | { readonly commit: Result; readonly why?: string }
  | { readonly afterMs: number };

const up: Step = { watch: "up" };
const down: Step = { watch: "down", why: "etcd: connect ECONNREFUSED" };
const later: Step = { afterMs: 6000 };
const refused: Step = { commit: "unavailable", why: "etcd: authentication failed" };

/** The reason that is told at the end, and the events of the log. */
function told(steps: readonly Step[]): {
  readonly away: string | undefined;
  readonly events: readonly string[];
} {
  const etcd: { connected: boolean; fault: StoreError | undefined } = { connected: true, fault: undefined };
  const { log, lines } = keptLog();
  const watch = new StoreWatch("the store", etcd, { log, changed: () => undefined });
  for (const step of steps) {
    if ("afterMs" in step) vi.advanceTimersByTime(step.afterMs);
    else if ("commit" in step) watch.observe("commit", step.commit, 0, step.why);
    else {
      etcd.connected = step.watch === "up";
      etcd.fault = step.why === undefined ? undefined : new StoreError("unavailable", step.why);
      watch.turned();
    }
  }
  const [problem] = watch.problems;
  return { away: /\((.*)\)/.exec(problem?.message ?? "")?.[1], events: lines.map(({ event }) => event) };
}

describe("etcd is away", () => {
  test.each<[string, Step[], string | undefined, string[]]>([
    ["a member is replaced in time", [down, { afterMs: 4000 }, up, later], undefined, []],
    ["nobody answers", [down, later], "etcd: connect ECONNREFUSED", []],
    ["nobody answers, and somebody does again", [down, later, up], undefined, ["store.back"]],
    [
      "it is told why when it began, and no other reason after that",
      [down, later, refused],
      "etcd: connect ECONNREFUSED",
      [],
    ],
    ["a commit whose fate is unknown says nothing", [refused, later], undefined, []],
    [
      "the watch stands, and nothing can be written",
      [refused, later, refused],
      "etcd: authentication failed",
      [],
    ],
    ["it can be written to again", [refused, later, refused, { commit: "ok" }], undefined, ["store.back"]],
    [
      "somebody else was first, which is an answer",
      [refused, later, { commit: "not-met" }, refused],
      undefined,
      [],
    ],
    [
      "it was back before writing was tried",
      [down, refused, later, up, { afterMs: 1000 }, refused],
      undefined,
      ["store.back"],
    ],
  ])("%s", (_, steps, away, events) => {
    expect(told(steps)).toEqual({ away, events });
  });
});

test("a store is full from a change that found no room to one that is kept", () => {
  let changes = 0;
  const room = new StoreRoom("the store", () => {
    changes += 1;
  });
  const codes = (result: Result): string[] => {
    room.observe("commit", result, 0);
    return room.problems.map(({ code }) => code);
  };
  expect(codes("ok")).toEqual([]);
  expect(codes("full")).toEqual(["store.full"]);
  for (const nothing of ["full", "not-met", "unavailable"] as const)
    expect(codes(nothing)).toEqual(["store.full"]);
  room.observe("get", "ok", 0);
  expect(changes).toBe(1);
  expect(codes("ok")).toEqual([]);
  expect(changes).toBe(2);
});
