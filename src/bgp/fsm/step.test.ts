import { describe, expect, test } from "vitest";
import type { Action, Event, Settings, State, StateName } from "./state.ts";
import { INITIAL, step } from "./step.ts";

const NOTIFICATION = { code: 9, subcode: 9, data: new Uint8Array() };
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
  "open-sent": { at: "open-sent", failures: 2 },
  "open-confirm": { at: "open-confirm", failures: 2, holdSeconds: 30 },
  established: { at: "established", failures: 2, holdSeconds: 30 },
};

const EVENTS: Record<string, Event> = {
  "1 manual start": { on: "start", how: "manual" },
  "3 automatic start": { on: "start", how: "automatic" },
  "2 manual stop": { on: "stop", how: "manual", notification: NOTIFICATION },
  "8 automatic stop": { on: "stop", how: "automatic", notification: NOTIFICATION },
  "9 connect-retry": { on: "timer", timer: "connect-retry" },
  "10 hold": { on: "timer", timer: "hold" },
  "11 keepalive": { on: "timer", timer: "keepalive" },
  "13 idle-hold": { on: "timer", timer: "idle-hold" },
  "29 send-hold": { on: "timer", timer: "send-hold" },
  "– settle": { on: "timer", timer: "settle" },
  "16, 17 connected": { on: "tcp-connected" },
  "18 failed": { on: "tcp-failed" },
  "19 OPEN": { on: "open-received", holdSeconds: 60 },
  "21 header error": { on: "header-error", notification: NOTIFICATION },
  "22 OPEN error": { on: "open-error", notification: NOTIFICATION },
  "23 collision": { on: "collision-lost" },
  "24 version": { on: "notification-received", notification: { ...NOTIFICATION, code: 2, subcode: 1 } },
  "25 NOTIFICATION": { on: "notification-received", notification: NOTIFICATION },
  "26 KEEPALIVE": { on: "keepalive-received" },
  "27 UPDATE": { on: "update-received" },
  "28 UPDATE error": { on: "update-error", notification: NOTIFICATION },
};

const ORDER: readonly StateName[] = ["idle", "connect", "active", "open-sent", "open-confirm", "established"];

// One row per event, one column per state. A cell: the state after (first letters, "." for the same), the change of
// ConnectRetryCounter, and what is done: O OPEN, K KEEPALIVE, n/m NOTIFICATION, h hang-up without one, d dial, a adopt.

const TABLE = `
  event              | idle        | connect     | active      | open-sent     | open-confirm  | established
  1 manual start     | con 0 hd    | .           | .           | .             | .             | .
  3 automatic start  | con hd      | .           | .           | .             | .             | .
  2 manual stop      | . 0         | idl 0 h     | idl 0 h     | idl 0 9/9     | idl 0 9/9     | idl 0 9/9
  8 automatic stop   | .           | idl + h     | idl + h     | idl + 9/9     | idl + 9/9     | idl + 9/9
  9 connect-retry    | .           | . hd        | con hd      | idl + 5/1     | idl + 5/2     | idl + 5/3
  10 hold            | .           | idl + h     | idl + h     | idl + 4/0     | idl + 4/0     | idl + 4/0
  11 keepalive       | .           | idl + h     | idl + h     | idl + 5/1     | . K           | . K
  13 idle-hold       | con hd      | idl + h     | idl + h     | idl + 5/1     | idl + 5/2     | idl + 5/3
  29 send-hold       | .           | idl + h     | idl + h     | idl + 5/1     | idl + 5/2     | idl + 8/0
  – settle           | .           | idl + h     | idl + h     | idl + 5/1     | idl + 5/2     | . 0
  16, 17 connected   | . h         | ope aO      | ope aO      | .             | .             | .
  18 failed          | .           | act h       | . h         | act h         | idl + h       | idl + h
  19 OPEN            | .           | idl + h     | idl + h     | ope K         | idl + 5/2     | idl + 5/3
  21 header error    | .           | idl + h     | idl + h     | idl + 9/9     | idl + 9/9     | idl + 9/9
  22 OPEN error      | .           | idl + h     | idl + h     | idl + 9/9     | idl + 9/9     | idl + 5/3
  23 collision       | .           | idl + h     | idl + h     | idl + 6/7     | idl + 6/7     | idl + 6/7
  24 version         | .           | idl + h     | idl + h     | idl h         | idl h         | idl h
  25 NOTIFICATION    | .           | idl + h     | idl + h     | idl + h       | idl + h       | idl + h
  26 KEEPALIVE       | .           | idl + h     | idl + h     | idl + 5/1     | est           | .
  27 UPDATE          | .           | idl + h     | idl + h     | idl + 5/1     | idl + 5/2     | .
  28 UPDATE error    | .           | idl + h     | idl + h     | idl + 5/1     | idl + 5/2     | idl + 9/9
`;

describe("RFC 4271 §8.2.2, every state and event", () => {
  const [head, ...lines] = TABLE.trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const rows = lines.flatMap(([name, ...cells]) =>
    cells.map((cell, i): [StateName, string, string] => [ORDER[i]!, name!, cell]),
  );
  test("the table is whole", () => {
    expect(head!.slice(1)).toEqual(ORDER);
    expect(lines.map(([name]) => name)).toEqual(Object.keys(EVENTS));
    expect(rows).toHaveLength(Object.keys(EVENTS).length * ORDER.length);
  });
  test.each(rows)("%s, %s: %s", (at, name, expected) => {
    const before = STATES[at];
    const { state, actions } = step(before, EVENTS[name]!, SETTINGS);
    expect(cellOf(before, state, actions)).toBe(expected);
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
      EVENTS["16, 17 connected"]!,
      {},
      [
        { do: "disarm", timer: "connect-retry" },
        { do: "arm", timer: "hold", seconds: 240 },
      ],
    ],
    [
      "the smaller hold time, a third of it between keepalives",
      STATES["open-sent"],
      EVENTS["19 OPEN"]!,
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
      EVENTS["25 NOTIFICATION"]!,
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
      EVENTS["22 OPEN error"]!,
      { unit: 0.5 },
      [
        { do: "disarm", timer: "hold" },
        { do: "arm", timer: "idle-hold", seconds: 105 },
      ],
    ],
    [
      "a passive peer never dials",
      STATES["open-sent"],
      EVENTS["18 failed"]!,
      { passive: true },
      [{ do: "disarm", timer: "hold" }],
    ],
  ])("%s", (_, state, event, settings, expected) => {
    expect(armed(state, event, settings)).toEqual(expected);
  });
});

test("after a manual stop only a manual start counts", () => {
  const stopped = step(STATES.established, EVENTS["2 manual stop"]!, SETTINGS).state;
  for (const name of ["3 automatic start", "13 idle-hold", "16, 17 connected"]) {
    expect(step(stopped, EVENTS[name]!, SETTINGS).state).toEqual(stopped);
  }
  expect(step(stopped, EVENTS["1 manual start"]!, SETTINGS).state.at).toBe("connect");
});

test("after a broken transport, an incoming connection ends the wait; after nonsense it does not", () => {
  const lost = step(STATES.established, EVENTS["18 failed"]!, SETTINGS).state;
  expect(step(lost, EVENTS["16, 17 connected"]!, SETTINGS).state.at).toBe("open-sent");
  const nonsense = step(STATES["open-sent"], EVENTS["21 header error"]!, SETTINGS).state;
  expect(step(nonsense, EVENTS["16, 17 connected"]!, SETTINGS).state.at).toBe("idle");
});

test("RFC 4724 §5: with graceful restart, a new connection in Established takes the place of the old one", () => {
  const taken = step(STATES.established, EVENTS["16, 17 connected"]!, { ...SETTINGS, gracefulRestart: true });
  expect(taken.state.at).toBe("open-sent");
  expect(taken.actions.filter((a) => a.do !== "disarm").map((a) => a.do)).toEqual([
    "hang-up",
    "adopt",
    "send-open",
    "arm",
  ]);
});

test("a passive peer starts in Active", () => {
  const { state } = step(INITIAL, EVENTS["3 automatic start"]!, { ...SETTINGS, passive: true });
  expect(state).toEqual({ at: "active", failures: 0, attempts: 0 });
});

function cellOf(before: State, after: State, actions: readonly Action[]): string {
  const counter =
    after.failures === before.failures
      ? ""
      : after.failures === 0
        ? "0"
        : `+`.repeat(after.failures - before.failures);
  const at = after.at === before.at ? "." : after.at.slice(0, 3);
  return [at, counter, actions.map(letter).join("")].filter((part) => part !== "").join(" ");
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
