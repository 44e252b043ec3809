/** What the machine of one connection can be in, be told, and ask for. Values only; `step.ts` moves between them. */

import type { Notification } from "../wire/messages.ts";

/**
 * connect-retry, hold, keepalive: RFC 4271 §8.1.3. idle-hold: §8.1.1 DampPeerOscillations. send-hold: RFC 9687.
 * settle: once it has run out in Established, earlier failures are forgiven.
 */
export const TIMERS = ["connect-retry", "hold", "keepalive", "idle-hold", "send-hold", "settle"] as const;
export type Timer = (typeof TIMERS)[number];

/** `failures` is RFC 4271's ConnectRetryCounter: what the ladder of waits stands on. */
export type State =
  /** `answers`: an incoming connection ends the wait, since what failed was the transport and not the peer's manners. */
  | { readonly at: "idle"; readonly failures: number; readonly stopped: boolean; readonly answers: boolean }
  /** Dialling. */
  | { readonly at: "connect"; readonly failures: number; readonly attempts: number }
  /** Listening, and dialling again when connect-retry runs out. */
  | { readonly at: "active"; readonly failures: number; readonly attempts: number }
  /** `attempts` are of the dials before: a peer that takes connections and closes them is not dialled any faster. */
  | { readonly at: "open-sent"; readonly failures: number; readonly attempts: number }
  | { readonly at: "open-confirm"; readonly failures: number; readonly holdSeconds: number }
  | { readonly at: "established"; readonly failures: number; readonly holdSeconds: number };

export type StateName = State["at"];

/** Each name lists its numbers in RFC 4271 §8.1; docs/FSM.md lists those that are not built. */
export type Event =
  /** 1, 4: passive is a setting. What starts by itself does so when idle-hold runs out. */
  | { readonly on: "start" }
  /** 2, 8. */
  | { readonly on: "stop"; readonly how: "manual" | "automatic"; readonly notification?: Notification }
  /** 9, 10, 11, 13; RFC 9687's 29 for send-hold. */
  | { readonly on: "timer"; readonly timer: Timer }
  /** 16 (ours was acknowledged), 17 (theirs was confirmed). */
  | { readonly on: "tcp-connected" }
  /** 18. */
  | { readonly on: "tcp-failed" }
  /** 19: an OPEN that passed every check of §6.2; the hold time is the peer's. */
  | { readonly on: "open-received"; readonly holdSeconds: number }
  /** 26. */
  | { readonly on: "keepalive-received" }
  /** 27; RFC 2918 and RFC 7313 treat ROUTE-REFRESH alike. */
  | { readonly on: "update-received" }
  /** 24 when it says Unsupported Version Number, else 25. */
  | { readonly on: "notification-received"; readonly notification: Notification }
  /** 21, 22, 28: what is wrong, as the NOTIFICATION to answer with. */
  | {
      readonly on: "header-error" | "open-error" | "update-error";
      readonly notification: Notification;
    }
  /** 23. */
  | { readonly on: "collision-lost" };

export type Action =
  | { readonly do: "dial" }
  /** The connection that tcp-connected told of becomes this machine's. */
  | { readonly do: "adopt" }
  | { readonly do: "send-open" }
  | { readonly do: "send-keepalive" }
  | { readonly do: "arm"; readonly timer: Timer; readonly seconds: number }
  | { readonly do: "disarm"; readonly timer: Timer }
  /** Drops the connection, dialled or connected, with a last message where one is given. */
  | { readonly do: "hang-up"; readonly notification?: Notification };

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** What one transition may look at besides state and event. */
export interface Settings {
  /** Never dials. */
  readonly passive: boolean;
  /** What our OPEN offers: 0, or 3..65535. */
  readonly holdSeconds: number;
  /** The longest wait between two dials. */
  readonly connectRetrySeconds: number;
  /** The longest wait in Idle after failures. */
  readonly idleHoldSeconds: number;
  /** RFC 4724 was negotiated on the Established session, so a new connection means that the peer restarted (§5). */
  readonly gracefulRestart: boolean;
  /** A number in [0, 1) from the caller's random source, for jitter. */
  readonly unit: number;
}
