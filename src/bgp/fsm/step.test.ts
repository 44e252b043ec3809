import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Action, Event, Settings, State, StateName } from "./state.ts";
import { INITIAL, step } from "./step.ts";

const ANSWER = { code: 9, subcode: 9, data: new Uint8Array() };
const SETTINGS: Settings = {
  passive: false,
  holdSeconds: 90,
  connectRetrySeconds: 30,
  idleHoldSeconds: 120,
  gracefulRestart: false,
  unit: 0,
};

const STATES: Record<StateName, State> = {
  idle: { at: "idle", failures: 2, stopped: false, answers: false },
  connect: { at: "connect", failures: 2, attempts: 1 },
  active: { at: "active", failures: 2, attempts: 1 },
  "open-sent": { at: "open-sent", failures: 2, attempts: 1 },
  "open-confirm": { at: "open-confirm", failures: 2, holdSeconds: 30 },
  established: { at: "established", failures: 2, holdSeconds: 30 },
};

/** By their number in RFC 4271 §8.1, and 29 of RFC 9687. Those of options that are not built stand in docs/FSM.md. */
const EVENTS = {
  1: { on: "start" },
  2: { on: "stop", how: "manual", notification: ANSWER },
  4: { on: "start" },
  8: { on: "stop", how: "automatic", notification: ANSWER },
  9: { on: "timer", timer: "connect-retry" },
  10: { on: "timer", timer: "hold" },
  11: { on: "timer", timer: "keepalive" },
  13: { on: "timer", timer: "idle-hold" },
  16: { on: "tcp-connected" },
  17: { on: "tcp-connected" },
  18: { on: "tcp-failed" },
  19: { on: "open-received", holdSeconds: 60 },
  21: { on: "header-error", notification: ANSWER },
  22: { on: "open-error", notification: ANSWER },
  23: { on: "collision-lost" },
  24: { on: "notification-received", notification: { ...ANSWER, code: 2, subcode: 1 } },
  25: { on: "notification-received", notification: ANSWER },
  26: { on: "keepalive-received" },
  27: { on: "update-received" },
  28: { on: "update-error", notification: ANSWER },
  29: { on: "timer", timer: "send-hold" },
} as const satisfies Record<number, Event>;

const ORDER: readonly StateName[] = ["idle", "connect", "active", "open-sent", "open-confirm", "established"];
const SHORT = {
  idle: "idl",
  connect: "con",
  active: "act",
  "open-sent": "sen",
  "open-confirm": "cfm",
  established: "est",
};

// What §8.2.2 says: a row per event, a column per state. A cell: the state after ("." for the same), what becomes of
// ConnectRetryCounter (0, + or nothing), and what is done: O OPEN, K KEEPALIVE, n/m NOTIFICATION, h hang-up without
// one, d dial, a adopt. 9/9 is whatever the event wants answered. "–": an option that is not built. "*": left open.
const TABLE = `
  event                 | idle    | connect | active  | open-sent | open-confirm | established
  1 ManualStart         | con 0 d | .       | .       | .         | .            | .
  2 ManualStop          | .       | idl 0 h | idl 0 h | idl 0 9/9 | idl 0 9/9    | idl 0 9/9
  3 AutomaticStart      | –       | –       | –       | –         | –            | –
  4 passive 1           | act 0   | .       | .       | .         | .            | .
  5 passive 3           | –       | –       | –       | –         | –            | –
  6 damped 3            | –       | –       | –       | –         | –            | –
  7 passive 6           | –       | –       | –       | –         | –            | –
  8 AutomaticStop       | .       | idl + h | idl + h | idl + 9/9 | idl + 9/9    | idl + 9/9
  9 ConnectRetryTimer   | .       | . d     | con d   | idl + 5/1 | idl + 5/2    | idl + 5/3
  10 HoldTimer          | .       | idl + h | idl + h | idl + 4/0 | idl + 4/0    | idl + 4/0
  11 KeepaliveTimer     | .       | idl + h | idl + h | idl + 5/1 | . K          | . K
  12 DelayOpenTimer     | –       | –       | –       | –         | –            | –
  13 IdleHoldTimer      | *       | idl + h | idl + h | idl + 5/1 | idl + 5/2    | idl + 5/3
  14 TCP valid          | –       | –       | –       | –         | –            | –
  15 TCP invalid        | –       | –       | –       | –         | –            | –
  16 TCP acked          | . h     | sen aO  | sen aO  | .         | .            | .
  17 TCP confirmed      | . h     | sen aO  | sen aO  | .         | .            | .
  18 TCP fails          | .       | idl h   | idl + h | act h     | idl + h      | idl + h
  19 OPEN               | .       | idl + h | idl + h | cfm K     | *            | *
  20 OPEN, DelayOpen    | –       | –       | –       | –         | –            | –
  21 header error       | .       | idl + h | idl + h | idl + 9/9 | idl + 9/9    | idl + 5/3
  22 OPEN error         | .       | idl + h | idl + h | idl + 9/9 | idl + 9/9    | idl + 5/3
  23 collision          | .       | idl + h | idl + h | idl + 6/7 | idl + 6/7    | idl + 6/7
  24 version error      | .       | idl + h | idl + h | idl h     | idl h        | idl + h
  25 NOTIFICATION       | .       | idl + h | idl + h | idl + 5/1 | idl + h      | idl + h
  26 KEEPALIVE          | .       | idl + h | idl + h | idl + 5/1 | est          | .
  27 UPDATE             | .       | idl + h | idl + h | idl + 5/1 | idl + 5/2    | .
  28 UPDATE error       | .       | idl + h | idl + h | idl + 5/1 | idl + 5/2    | idl + 9/9
  29 SendHoldTimer      | .       | idl + h | idl + h | idl + 5/1 | idl + 5/2    | idl + 8/0
`;

describe("RFC 4271 §8.2.2, every state and event", () => {
  const [head, ...lines] = TABLE.trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const numbers = lines.map(([name]) => Number.parseInt(name!, 10));
  const cells = lines.flatMap(([, ...row], i) =>
    row.map((cell, j) => [numbers[i]!, ORDER[j]!, cell] as const),
  );
  const page = readFileSync(new URL("../../../docs/FSM.md", import.meta.url), "utf8");
  const deviations = new Map(
    [...page.matchAll(/^\| (\d+) \| ([\w-]+) \| `(.+?)` \| `(.+?)` \| .+ \|$/gm)].map(
      ([, event, state, theirs, ours]) => [`${event} ${state}`, { theirs, ours }],
    ),
  );
  const unbuilt = [...page.matchAll(/^\| (\d+(?:, \d+)*) \| [^`\n]+ \|$/gm)].flatMap(([, list]) =>
    list!.split(", ").map(Number),
  );

  test("the table is whole", () => {
    expect(head!.slice(1)).toEqual(ORDER);
    expect(numbers).toEqual(Array.from({ length: 29 }, (_, i) => i + 1));
    expect(cells).toHaveLength(29 * 6);
  });
  test("docs/FSM.md names every event that is not built, and no other", () => {
    const dashed = cells.filter(([, , cell]) => cell === "–").map(([event]) => event);
    expect(unbuilt.toSorted((a, b) => a - b)).toEqual([...new Set(dashed)]);
    expect(numbers.filter((event) => !unbuilt.includes(event))).toEqual(Object.keys(EVENTS).map(Number));
  });
  test("docs/FSM.md lists no deviation that is none", () => {
    expect(deviations.size).toBeGreaterThan(5);
    for (const [event, state, cell] of cells) {
      const listed = deviations.get(`${event} ${state}`);
      if (listed === undefined) continue;
      expect(listed.theirs, `${event} ${state}`).toBe(cell);
      expect(listed.ours, `${event} ${state}`).not.toBe(cell);
    }
    const places = cells.map(([event, state]) => `${event} ${state}`);
    expect([...deviations.keys()].filter((place) => !places.includes(place))).toEqual([]);
  });
  test.each(cells.filter(([, , cell]) => cell !== "–"))("event %i in %s: %s", (event, at, cell) => {
    const before = STATES[at];
    const settings = { ...SETTINGS, passive: event === 4 };
    const { state, actions } = step(before, EVENTS[event as keyof typeof EVENTS], settings);
    expect(cellOf(before, state, actions)).toBe(deviations.get(`${event} ${at}`)?.ours ?? cell);
  });
});

describe("timers", () => {
  const armed = (state: State, event: Event, settings: Partial<Settings> = {}): unknown =>
    step(state, event, { ...SETTINGS, ...settings }).actions.filter(
      (a) => a.do === "arm" || a.do === "disarm",
    );

  test.each<[string, State, Event, Partial<Settings>, unknown]>([
    [
      "OPEN: 4 minutes for the answer",
      STATES.connect,
      EVENTS[17],
      {},
      [
        { do: "disarm", timer: "connect-retry" },
        { do: "arm", timer: "hold", seconds: 240 },
      ],
    ],
    [
      "the smaller hold time, a third of it between keepalives",
      STATES["open-sent"],
      EVENTS[19],
      { unit: 0.9999999 },
      [
        { do: "arm", timer: "hold", seconds: 60 },
        { do: "arm", timer: "keepalive", seconds: expect.closeTo(20) },
      ],
    ],
    [
      "hold time 0 turns both off",
      STATES["open-sent"],
      { on: "open-received", holdSeconds: 0 },
      {},
      [{ do: "disarm", timer: "hold" }],
    ],
    [
      "leaving Established disarms all of it",
      STATES.established,
      EVENTS[25],
      {},
      [
        { do: "disarm", timer: "hold" },
        { do: "disarm", timer: "keepalive" },
        { do: "disarm", timer: "send-hold" },
        { do: "disarm", timer: "settle" },
        { do: "arm", timer: "idle-hold", seconds: 3 },
      ],
    ],
    [
      "idle-hold climbs to its cap",
      { ...STATES["open-sent"], failures: 40 },
      EVENTS[22],
      { unit: 0.5 },
      [
        { do: "disarm", timer: "hold" },
        { do: "arm", timer: "idle-hold", seconds: 105 },
      ],
    ],
    [
      "a passive peer never dials",
      STATES["open-sent"],
      EVENTS[18],
      { passive: true },
      [{ do: "disarm", timer: "hold" }],
    ],
  ])("%s", (_, state, event, settings, expected) => {
    expect(armed(state, event, settings)).toEqual(expected);
  });
});

test("after a manual stop only a manual start counts", () => {
  const stopped = step(STATES.established, EVENTS[2], SETTINGS).state;
  for (const event of [EVENTS[13], EVENTS[17]]) {
    expect(step(stopped, event, SETTINGS).state).toEqual(stopped);
  }
  expect(step(stopped, EVENTS[1], SETTINGS).state.at).toBe("connect");
});

test("after a broken transport, an incoming connection ends the wait; after nonsense it does not", () => {
  const lost = step(STATES.established, EVENTS[18], SETTINGS).state;
  expect(step(lost, EVENTS[17], SETTINGS).state.at).toBe("open-sent");
  const nonsense = step(STATES["open-sent"], EVENTS[21], SETTINGS).state;
  expect(step(nonsense, EVENTS[17], SETTINGS).state.at).toBe("idle");
});

test("RFC 4724 §5: with graceful restart, a new connection in Established takes the place of the old one", () => {
  const taken = step(STATES.established, EVENTS[17], { ...SETTINGS, gracefulRestart: true });
  expect(taken.state.at).toBe("open-sent");
  expect(taken.actions.filter((a) => a.do !== "disarm").map((a) => a.do)).toEqual([
    "hang-up",
    "adopt",
    "send-open",
    "arm",
  ]);
});

test("a passive peer starts in Active", () => {
  const { state } = step(INITIAL, EVENTS[1], { ...SETTINGS, passive: true });
  expect(state).toEqual({ at: "active", failures: 0, attempts: 0 });
});

function cellOf(before: State, after: State, actions: readonly Action[]): string {
  const counter =
    after.failures === before.failures
      ? ""
      : after.failures === 0
        ? "0"
        : `+`.repeat(after.failures - before.failures);
  const at = after.at === before.at ? "." : SHORT[after.at];
  // A dial ends the one before it, where there was one.
  const done = actions.map(letter).join("").replace("hd", "d");
  return [at, counter, done].filter((part) => part !== "").join(" ");
}

function letter(action: Action): string {
  switch (action.do) {
    case "dial":
      return "d";
    case "adopt":
      return "a";
    case "send-open":
      return "O";
    case "send-keepalive":
      return "K";
    case "hang-up":
      return action.notification === undefined
        ? "h"
        : `${action.notification.code}/${action.notification.subcode}`;
    case "arm":
    case "disarm":
      return "";
    default:
      return action satisfies never;
  }
}
