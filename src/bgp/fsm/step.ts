/**
 * The BGP finite state machine (RFC 4271 §8) of one connection, as a function. No clock, no socket, no log.
 *
 * A peer has one machine, and a second one while an incoming connection stands beside its own (§8.2.1); `collision.ts`
 * says which of them goes. The caller performs the actions in order and reports what comes of them as events.
 * Timers that have no meaning in the new state are disarmed here, in one place, whatever the way there.
 */

import type { Notification } from "../wire/messages.ts";
import { backoffSeconds, jittered } from "./backoff.ts";
import type { Action, Event, Settings, State, StateName, Step, Timer } from "./state.ts";
import { TIMERS } from "./state.ts";

export const INITIAL: State = { at: "idle", failures: 0, stopped: false, answers: false };

/** RFC 4271 §8.2.2: "a large value" until the peer's own hold time is known; 4 minutes are suggested. */
const OPEN_HOLD_SECONDS = 240;

const HEARS: Record<StateName, readonly Timer[]> = {
  idle: ["idle-hold"],
  connect: ["connect-retry"],
  active: ["connect-retry"],
  "open-sent": ["hold"],
  "open-confirm": ["hold", "keepalive"],
  established: ["hold", "keepalive", "send-hold", "settle"],
};

/** One transition (RFC 4271 §8.2.2). */
export function step(state: State, event: Event, settings: Settings): Step {
  const next = transition(state, event, settings);
  if (next.state.at === state.at) return next;
  const left = TIMERS.filter((t) => HEARS[state.at].includes(t) && !HEARS[next.state.at].includes(t));
  const disarms = left.map((timer): Action => ({ do: "disarm", timer }));
  return { state: next.state, actions: [...disarms, ...next.actions] };
}

function transition(state: State, event: Event, settings: Settings): Step {
  switch (state.at) {
    case "idle":
      return inIdle(state, event, settings);
    case "connect":
    case "active":
      return beforeOpen(state, event, settings);
    case "open-sent":
      return inOpenSent(state, event, settings);
    case "open-confirm":
      return inOpenConfirm(state, event, settings);
    case "established":
      return inEstablished(state, event, settings);
    default:
      return unreachable(state);
  }
}

type Idle = State & { at: "idle" };
type Waiting = State & { at: "connect" | "active" };

function inIdle(state: Idle, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
      if (event.how === "manual") return begin(0, settings);
      return state.stopped ? stay(state) : begin(state.failures, settings);
    case "timer": // 13; the others have no meaning here
      return event.timer === "idle-hold" && !state.stopped ? begin(state.failures, settings) : stay(state);
    case "stop":
      return event.how === "manual" ? stop() : stay(state);
    case "tcp-connected":
      // As events 5 and 17 together: a peer whose link broke comes back before our own wait is over.
      return state.answers && !state.stopped ? greet(state.failures) : hangUp(state);
    case "tcp-failed":
    case "open-received":
    case "keepalive-received":
    case "update-received":
    case "notification-received":
    case "header-error":
    case "open-error":
    case "update-error":
    case "collision-lost":
      return stay(state); // "Any other event received in the Idle state does not cause change in the state."
    default:
      return unreachable(event);
  }
}

/** Connect and Active: no OPEN of ours is on the wire, so that no NOTIFICATION may be. */
function beforeOpen(state: Waiting, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
      return stay(state);
    case "stop":
      return event.how === "manual" ? stop({ do: "hang-up" }) : down(state, settings, {});
    case "timer":
      return event.timer === "connect-retry" ? dial(state, settings) : down(state, settings, {});
    case "tcp-connected":
      return greet(state.failures);
    case "tcp-failed":
      // Deviates: §8.2.2 goes to Idle, where incoming connections are refused; a peer that was down would have to
      // wait until we come to it. Active listens, and dials again after a growing wait.
      return listen(state, settings);
    case "open-received":
    case "keepalive-received":
    case "update-received":
    case "notification-received":
    case "header-error":
    case "open-error":
    case "update-error":
    case "collision-lost":
      return down(state, settings, {});
    default:
      return unreachable(event);
  }
}

type OpenSent = State & { at: "open-sent" };
type OpenConfirm = State & { at: "open-confirm" };
type Established = State & { at: "established" };

function inOpenSent(state: OpenSent, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
    case "tcp-connected": // the second connection has its own machine until it sends an OPEN
      return stay(state);
    case "stop":
      return cease(state, event, settings);
    case "timer":
      return event.timer === "hold" ? holdExpired(state, settings) : fsmError(state, settings);
    case "tcp-failed": // 18
      return listen({ ...state, at: "active", attempts: 0 }, settings);
    case "open-received": {
      const holdSeconds = Math.min(settings.holdSeconds, event.holdSeconds);
      return {
        state: { at: "open-confirm", failures: state.failures, holdSeconds },
        actions: [{ do: "send-keepalive" }, ...liveness(holdSeconds, settings)],
      };
    }
    case "header-error":
    case "open-error":
      return down(state, settings, { notification: event.notification });
    case "collision-lost":
      return collisionLost(state, settings);
    case "notification-received":
      return notified(state, event, settings);
    case "keepalive-received":
    case "update-received":
    case "update-error":
      return fsmError(state, settings);
    default:
      return unreachable(event);
  }
}

function inOpenConfirm(state: OpenConfirm, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
    case "tcp-connected":
      return stay(state);
    case "stop":
      return cease(state, event, settings);
    case "timer":
      if (event.timer === "hold") return holdExpired(state, settings);
      return event.timer === "keepalive" ? keepAlive(state, settings) : fsmError(state, settings);
    case "tcp-failed":
      return down(state, settings, { answers: true });
    case "notification-received":
      return notified(state, event, settings);
    case "header-error":
    case "open-error":
      return down(state, settings, { notification: event.notification });
    case "collision-lost":
      return collisionLost(state, settings);
    case "keepalive-received":
      return {
        state: { ...state, at: "established" },
        actions: [...rearmHold(state), { do: "arm", timer: "settle", seconds: settleSeconds(state) }],
      };
    case "open-received": // §8.2.2 has collision detection here; one connection never has a second OPEN
    case "update-received":
    case "update-error":
      return fsmError(state, settings);
    default:
      return unreachable(event);
  }
}

function inEstablished(state: Established, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
      return stay(state);
    case "stop":
      return cease(state, event, settings);
    case "timer":
      return timerInEstablished(state, event.timer, settings);
    case "tcp-connected":
      // RFC 4724 §5: the peer has restarted and we had not noticed; its old connection is dropped without a word.
      return settings.gracefulRestart ? takeOver(state) : stay(state);
    case "tcp-failed":
      return down(state, settings, { answers: true });
    case "notification-received":
      return notified(state, event, settings);
    case "keepalive-received":
    case "update-received":
      return { state, actions: rearmHold(state) };
    case "header-error":
    case "update-error":
      return down(state, settings, { notification: event.notification });
    case "collision-lost":
      return collisionLost(state, settings);
    case "open-received":
    case "open-error":
      return fsmError(state, settings);
    default:
      return unreachable(event);
  }
}

function timerInEstablished(state: Established, timer: Timer, settings: Settings): Step {
  switch (timer) {
    case "hold":
      return holdExpired(state, settings);
    case "keepalive":
      return keepAlive(state, settings);
    case "send-hold": // RFC 9687 §3.3: the peer reads nothing; the NOTIFICATION is tried, and seldom arrives
      return down(state, settings, { notification: error(8, 0), answers: true });
    case "settle":
      return stay({ ...state, failures: 0 });
    case "connect-retry":
    case "idle-hold":
      return fsmError(state, settings);
    default:
      return unreachable(timer);
  }
}

const stay = (state: State): Step => ({ state, actions: [] });
const hangUp = (state: State): Step => ({ state, actions: [{ do: "hang-up" }] });
/** After a manual stop only a manual start leaves Idle. */
const stop = (...actions: Action[]): Step => ({
  state: { at: "idle", failures: 0, stopped: true, answers: false },
  actions: [...actions, { do: "disarm", timer: "idle-hold" }],
});

/** Leaves Idle: towards Connect, or Active when only listening. */
function begin(failures: number, settings: Settings): Step {
  if (settings.passive) return stay({ at: "active", failures, attempts: 0 });
  return dial({ at: "connect", failures, attempts: 0 }, settings);
}

function dial(state: Waiting, settings: Settings): Step {
  return {
    state: { ...state, at: "connect" },
    actions: [
      { do: "hang-up" },
      { do: "dial" },
      { do: "arm", timer: "connect-retry", seconds: jittered(settings.connectRetrySeconds, settings.unit) },
    ],
  };
}

/** To Active after a connection came to nothing; the wait before the next dial grows. */
function listen(state: Waiting, settings: Settings): Step {
  const { failures, attempts } = state;
  const seconds = backoffSeconds(attempts, settings.connectRetrySeconds, settings.unit);
  return {
    state: { at: "active", failures, attempts: attempts + 1 },
    actions: [{ do: "hang-up" }, ...(settings.passive ? [] : [arm("connect-retry", seconds)])],
  };
}

const arm = (timer: Timer, seconds: number): Action => ({ do: "arm", timer, seconds });

const greet = (failures: number): Step => ({
  state: { at: "open-sent", failures },
  actions: [{ do: "adopt" }, { do: "send-open" }, arm("hold", OPEN_HOLD_SECONDS)],
});

function takeOver(state: Established): Step {
  const { state: next, actions } = greet(state.failures);
  return { state: next, actions: [{ do: "hang-up" }, ...actions] };
}

/** Hold time 0 turns both timers off (RFC 4271 §4.2); else keepalives go at a third of it (§4.4). */
const liveness = (holdSeconds: number, settings: Settings): Action[] =>
  holdSeconds === 0
    ? [{ do: "disarm", timer: "hold" }]
    : [arm("hold", holdSeconds), arm("keepalive", jittered(holdSeconds / 3, settings.unit))];

const rearmHold = (state: { holdSeconds: number }): Action[] =>
  state.holdSeconds === 0 ? [] : [arm("hold", state.holdSeconds)];

/** A session that outlives a hold time has shown that it works. */
const settleSeconds = (state: { holdSeconds: number }): number => Math.max(state.holdSeconds, 10);

const keepAlive = (state: OpenConfirm | Established, settings: Settings): Step => ({
  state,
  actions: [{ do: "send-keepalive" }, arm("keepalive", jittered(state.holdSeconds / 3, settings.unit))],
});

const error = (code: number, subcode: number): Notification => ({ code, subcode, data: new Uint8Array() });

/** RFC 6608 §3: the subcode of a Finite State Machine Error names the state. */
const FSM_SUBCODE = { "open-sent": 1, "open-confirm": 2, established: 3 } as const;

const fsmError = (state: OpenSent | OpenConfirm | Established, settings: Settings): Step =>
  down(state, settings, { notification: error(5, FSM_SUBCODE[state.at]) });

const holdExpired = (state: State, settings: Settings): Step =>
  down(state, settings, { notification: error(4, 0), answers: true });

/** Event 23: Cease, Connection Collision Resolution (RFC 4486 §4). */
const collisionLost = (state: State, settings: Settings): Step =>
  down(state, settings, { notification: error(6, 7), answers: true });

/** Event 24 (version) is not held against the peer, 25 is. A NOTIFICATION is never answered by another (§6.4). */
function notified(state: State, event: Event & { on: "notification-received" }, settings: Settings): Step {
  // Deviates: §8.2.2 answers 25 in OpenSent with an FSM Error; the peer has already hung up.
  const { code, subcode } = event.notification;
  return down(state, settings, { answers: true, blameless: code === 2 && subcode === 1 });
}

function cease(state: State, event: Event & { on: "stop" }, settings: Settings): Step {
  const { notification } = event;
  const hang: Action = notification === undefined ? { do: "hang-up" } : { do: "hang-up", notification };
  if (event.how === "manual") return stop(hang);
  return down(state, settings, notification === undefined ? {} : { notification });
}

/** To Idle, one failure richer unless blameless, to come back when idle-hold runs out. */
function down(
  state: State,
  settings: Settings,
  how: { readonly notification?: Notification; readonly answers?: boolean; readonly blameless?: boolean },
): Step {
  const { notification, answers = false, blameless = false } = how;
  const failures = blameless ? state.failures : state.failures + 1;
  const waitSeconds = backoffSeconds(Math.max(failures - 1, 0), settings.idleHoldSeconds, settings.unit);
  return {
    state: { at: "idle", failures, stopped: false, answers },
    actions: [
      notification === undefined ? { do: "hang-up" } : { do: "hang-up", notification },
      arm("idle-hold", waitSeconds),
    ],
  };
}

function unreachable(x: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(x)}`);
}
