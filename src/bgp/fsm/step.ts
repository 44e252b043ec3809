/**
 * The BGP finite state machine (RFC 4271 §8) of one connection, as a function. No clock, no socket, no log.
 *
 * A peer has one machine, and a second one while an incoming connection stands beside its own (§8.2.1); `collision.ts`
 * says which of them goes. The caller performs the actions in order and reports what comes of them as events.
 * Timers that have no meaning in the new state are disarmed here, in one place, whatever the way there.
 */

import type { Notification } from "../wire/messages.ts";
import { unwrapHardReset } from "../wire/notification.ts";
import { backoffSeconds, jittered } from "./backoff.ts";
import type { Action, Event, Settings, State, StateName, Step, Timer } from "./state.ts";
import { TIMERS } from "./state.ts";

export const INITIAL: State = { at: "idle", failures: 0, stopped: false, answers: false };

/** RFC 4271 §8.2.2: "a large value" until the peer's own hold time is known; 4 minutes are suggested. */
const OPEN_HOLD_SECONDS = 240;

/** A session that has lasted this long, and its hold time, has shown that it works: earlier failures are forgiven. */
const SETTLE_SECONDS = 60;

/** Failures in a row after which an incoming connection does not shorten the wait any more. */
const PATIENCE = 5;

/** 32 s instead of 1 s for the first wait. */
const DAMPED_RUNGS = 5;

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
    case "open-confirm":
    case "established":
      return connected(state, event, settings);
    default:
      return unreachable(state);
  }
}

type Idle = State & { at: "idle" };
type Waiting = State & { at: "connect" | "active" };

function inIdle(state: Idle, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
      return begin(0, settings);
    case "timer": // 13; the others have no meaning here
      return event.timer === "idle-hold" && !state.stopped ? begin(state.failures, settings) : stay(state);
    case "stop":
      return event.how === "manual" ? stop() : stay(state);
    case "tcp-connected":
      // As events 5 and 17 together: a peer whose link broke comes back before our own wait is over.
      return state.answers && !state.stopped ? greet(state.failures, 0) : hangUp(state);
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
      return greet(state.failures, state.attempts);
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
/** Our OPEN is on the wire, so that what goes wrong is answered. */
type Connected = OpenSent | OpenConfirm | Established;

/** What differs between the three is said in place; docs/FSM.md has the table, and where it deviates. */
function connected(state: Connected, event: Event, settings: Settings): Step {
  switch (event.on) {
    case "start":
      return stay(state);
    case "stop":
      return cease(state, event, settings);
    case "timer":
      return onTimer(state, event.timer, settings);
    case "tcp-connected":
      // RFC 4724 §5: the peer has restarted and we had not noticed; its old connection is dropped without a word.
      // Else the second connection has its own machine until it sends an OPEN.
      return state.at === "established" && settings.gracefulRestart ? takeOver(state) : stay(state);
    case "tcp-failed":
      if (state.at === "open-sent") return listen({ ...state, at: "active" }, settings);
      return down(state, settings, { answers: true });
    case "open-received":
      return state.at === "open-sent" ? confirm(state, event, settings) : fsmError(state, settings);
    case "keepalive-received":
      return heardKeepalive(state, settings);
    case "update-received":
      return state.at === "established" ? { state, actions: rearmHold(state) } : fsmError(state, settings);
    case "notification-received":
      return notified(state, event, settings);
    case "header-error":
      return down(state, settings, { notification: event.notification });
    case "open-error":
      if (state.at === "established") return fsmError(state, settings);
      return down(state, settings, { notification: event.notification });
    case "update-error":
      if (state.at !== "established") return fsmError(state, settings);
      return down(state, settings, { notification: event.notification });
    case "collision-lost":
      // Cease, Connection Collision Resolution (RFC 4486 §4).
      return down(state, settings, { notification: error(6, 7), answers: true });
    default:
      return unreachable(event);
  }
}

function confirm(state: OpenSent, event: Event & { on: "open-received" }, settings: Settings): Step {
  const holdSeconds = Math.min(settings.holdSeconds, event.holdSeconds);
  return {
    state: { at: "open-confirm", failures: state.failures, holdSeconds },
    actions: [{ do: "send-keepalive" }, ...liveness(holdSeconds, settings)],
  };
}

function heardKeepalive(state: Connected, settings: Settings): Step {
  if (state.at === "open-sent") return fsmError(state, settings);
  if (state.at === "established") return { state, actions: rearmHold(state) };
  return {
    state: { ...state, at: "established" },
    actions: [...rearmHold(state), arm("settle", Math.max(state.holdSeconds, SETTLE_SECONDS))],
  };
}

function onTimer(state: Connected, timer: Timer, settings: Settings): Step {
  switch (timer) {
    case "hold":
      return down(state, settings, { notification: error(4, 0), answers: true });
    case "keepalive":
      return state.at === "open-sent" ? fsmError(state, settings) : keepAlive(state, settings);
    case "send-hold": // RFC 9687 §3.3: the peer reads nothing; the NOTIFICATION is tried, and seldom arrives
      if (state.at !== "established") return fsmError(state, settings);
      return down(state, settings, { notification: error(8, 0), answers: true });
    case "settle":
      return state.at === "established" ? stay({ ...state, failures: 0 }) : fsmError(state, settings);
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

/** To Active after a connection came to nothing; the wait before the next dial grows until an OPEN is answered. */
function listen(state: Waiting, settings: Settings): Step {
  const { failures, attempts } = state;
  const seconds = backoffSeconds(attempts, settings.connectRetrySeconds, settings.unit);
  return {
    state: { at: "active", failures, attempts: attempts + 1 },
    actions: [{ do: "hang-up" }, ...(settings.passive ? [] : [arm("connect-retry", seconds)])],
  };
}

const arm = (timer: Timer, seconds: number): Action => ({ do: "arm", timer, seconds });

const greet = (failures: number, attempts: number): Step => ({
  state: { at: "open-sent", failures, attempts },
  actions: [{ do: "adopt" }, { do: "send-open" }, arm("hold", OPEN_HOLD_SECONDS)],
});

function takeOver(state: Established): Step {
  const { state: next, actions } = greet(state.failures, 0);
  return { state: next, actions: [{ do: "hang-up" }, ...actions] };
}

/** Hold time 0 turns both timers off (RFC 4271 §4.2); else keepalives go at a third of it (§4.4). */
const liveness = (holdSeconds: number, settings: Settings): Action[] =>
  holdSeconds === 0
    ? [{ do: "disarm", timer: "hold" }]
    : [arm("hold", holdSeconds), arm("keepalive", jittered(holdSeconds / 3, settings.unit))];

const rearmHold = (state: { holdSeconds: number }): Action[] =>
  state.holdSeconds === 0 ? [] : [arm("hold", state.holdSeconds)];

const keepAlive = (state: OpenConfirm | Established, settings: Settings): Step => ({
  state,
  actions: [{ do: "send-keepalive" }, arm("keepalive", jittered(state.holdSeconds / 3, settings.unit))],
});

const error = (code: number, subcode: number): Notification => ({ code, subcode, data: new Uint8Array() });

/** RFC 6608 §3: the subcode of a Finite State Machine Error names the state. */
const FSM_SUBCODE = { "open-sent": 1, "open-confirm": 2, established: 3 } as const;

const fsmError = (state: Connected, settings: Settings): Step =>
  down(state, settings, { notification: error(5, FSM_SUBCODE[state.at]) });

/** A NOTIFICATION is never answered by another (§6.4); event 24 before Established is not counted as a failure. */
function notified(
  state: Connected,
  event: Event & { on: "notification-received" },
  settings: Settings,
): Step {
  const inner = unwrapHardReset(event.notification) ?? event.notification;
  const version = inner.code === 2 && inner.subcode === 1;
  const blameless = version && state.at !== "established";
  return down(state, settings, { answers: true, blameless, damped: version || isFinal(inner) });
}

/**
 * Cease that the peer takes back only when its operator does: RFC 4486 §4 wants peers damped after 2 Administrative
 * Shutdown, 3 Peer De-configured, 5 Connection Rejected and 8 Out of Resources; 1 Maximum Number of Prefixes is alike.
 */
const isFinal = ({ code, subcode }: Notification): boolean => code === 6 && [1, 2, 3, 5, 8].includes(subcode);

function cease(state: Connected, event: Event & { on: "stop" }, settings: Settings): Step {
  const { notification } = event;
  const said = notification === undefined ? {} : { notification };
  if (event.how === "manual") return stop({ do: "hang-up", ...said });
  return down(state, settings, { ...said, answers: true });
}

interface Descent {
  readonly notification?: Notification;
  /** An incoming connection ends the wait. */
  readonly answers?: boolean;
  readonly blameless?: boolean;
  /** The wait begins higher on the ladder. */
  readonly damped?: boolean;
}

/** To Idle, one failure richer unless blameless, to come back when idle-hold runs out. */
function down(state: State, settings: Settings, how: Descent): Step {
  const { notification, answers = false, blameless = false, damped = false } = how;
  const failures = blameless ? state.failures : state.failures + 1;
  // Who never dials has nobody to spare by waiting longer.
  const rung = Math.max(failures - 1, 0) + (damped && !settings.passive ? DAMPED_RUNGS : 0);
  const waitSeconds = backoffSeconds(rung, settings.idleHoldSeconds, settings.unit);
  return {
    // Whoever fails again and again waits, whoever dials: else the ladder would hold for one side only.
    state: { at: "idle", failures, stopped: false, answers: answers && failures <= PATIENCE },
    actions: [
      notification === undefined ? { do: "hang-up" } : { do: "hang-up", notification },
      arm("idle-hold", waitSeconds),
    ],
  };
}

function unreachable(x: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(x)}`);
}
