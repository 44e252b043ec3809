/**
 * One TCP connection with a peer and its state machine: performs what the machine asks, and tells it what came of it.
 *
 * In Established the machine's answer to KEEPALIVE and UPDATE is always to restart the hold timer. That is done here by
 * noting when something was heard, so that no event and no action is made per message; the timer looks at the note
 * when it runs out.
 */

import {
  type Action,
  type Event,
  type Settings,
  type State,
  type StateName,
  TIMERS,
  type Timer,
} from "../fsm/state.ts";
import { INITIAL, step } from "../fsm/step.ts";
import { Framer } from "../session/framer.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { decodeMessage, encodeMessage } from "../wire/codec.ts";
import { NOTHING_NEGOTIATED } from "../wire/context.ts";
import { Refusal } from "../wire/fault.ts";
import { messageTypeAt } from "../wire/header.ts";
import { MESSAGE_TYPE, type Notification, type Open, type RouteRefresh } from "../wire/messages.ts";
import { describeNotification, shutdownCommunication } from "../wire/notification.ts";
import { silenceOf } from "./peer-options.ts";
import type { Traffic } from "./traffic.ts";
import type { DialTarget, Link, LinkEvents, World } from "./world.ts";

/** Why a connection ended. */
export interface Loss {
  readonly cause:
    | "transport"
    | "replaced"
    | "notification-received"
    | "notification-sent"
    | "stopped"
    | "collision";
  readonly words: string;
  readonly notification: Notification | undefined;
}

/** What both sides said first. */
export interface Opens {
  readonly sent: Open;
  /** The whole message. */
  readonly received: Uint8Array;
}

/** Who looks on. */
interface ConnectionWatch {
  stateChanged(connection: Connection, before: StateName): void;
  received(connection: Connection, message: Uint8Array): void;
}

/** The peer that a connection belongs to. */
export interface ConnectionOwner {
  readonly traffic: Traffic;
  readonly watch: ConnectionWatch;
  settings(connection: Connection): Settings;
  dialTarget(): DialTarget;
  offer(): Open;
  /** Checks an OPEN and settles a collision. Undefined: this connection has just been given up. */
  opened(connection: Connection, offered: Open, open: Open): Negotiated | Refusal | undefined;
  established(connection: Connection, negotiated: Negotiated): void;
  /** Left Established. */
  lost(connection: Connection, negotiated: Negotiated, loss: Loss): void;
  /** A connection that never was a session ended. */
  failed(connection: Connection, loss: Loss): void;
  notified(direction: "sent" | "received", notification: Notification): void;
  update(connection: Connection, message: Uint8Array): void;
  refresh(connection: Connection, refresh: RouteRefresh): void;
  keepalive(connection: Connection): void;
  /** There is room to write again. */
  drained(connection: Connection): void;
  /** A deadline was set; it may be the next one. */
  rearmed(atMs: number): void;
}

const KEEPALIVE = encodeMessage({ type: "keepalive" });

/** RFC 9687 §3: the send hold time is the greater of 8 minutes and twice the hold time. */
const LEAST_SEND_HOLD_MS = 480_000;

/** A hold timer that is looked at this late was not looked at in time: what the peer sent may still be unread. */
const LATE_MS = 500;

export class Connection {
  /** Who opened the present link. */
  initiator: "local" | "remote" = "local";
  state: State;
  /** `now()` when the state was entered. */
  sinceMs: number;
  negotiated: Negotiated | undefined;
  /** Of `negotiated`. */
  opens: Opens | undefined;
  /** The link takes nothing more for the moment. */
  blocked = false;
  readonly #world: World;
  readonly #owner: ConnectionOwner;
  readonly #deadlines: Map<Timer, number> = new Map();
  #framer: Framer = new Framer();
  #link: Link | undefined;
  #arriving: Link | undefined;
  #offered: Open | undefined;
  #heardAtMs = 0;
  #heard = 0;

  constructor(world: World, owner: ConnectionOwner, state: State = INITIAL) {
    this.#world = world;
    this.#owner = owner;
    this.state = state;
    this.sinceMs = world.now();
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** Ready to be handed UPDATEs. */
  get writable(): boolean {
    return this.state.at === "established" && !this.blocked;
  }

  /** RFC 4271 §6.8: only a connection whose OPEN has been accepted can collide. */
  get isContender(): boolean {
    return this.state.at === "open-confirm" || this.state.at === "established";
  }

  /** In `now()` milliseconds; infinite when nothing is armed. */
  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const atMs of this.#deadlines.values()) next = Math.min(next, atMs);
    return next;
  }

  /** Offers an incoming link to the machine. Undefined: it does not want it. */
  arrive(link: Link): LinkEvents | undefined {
    this.#arriving = link;
    this.feed({ on: "tcp-connected" }, "the peer opened another connection");
    this.#arriving = undefined;
    return this.#link === link ? this.#eventsOf(() => link) : undefined;
  }

  /** One event through the machine. `words` say what happened, for the log and the API. */
  feed(event: Event, words: string): void {
    const before = this.state;
    const { negotiated } = this;
    const { state, actions } = step(before, event, this.#owner.settings(this));
    this.state = state;
    if (state.at !== before.at) this.sinceMs = this.#world.now();
    let sent: Notification | undefined;
    for (const action of actions) {
      this.#perform(action);
      if (action.do === "hang-up") sent = action.notification;
    }
    if (state.at === before.at) return;
    this.#owner.watch.stateChanged(this, before.at);
    if (state.at === "established" && negotiated !== undefined) this.#owner.established(this, negotiated);
    if (before.at === "established" && negotiated !== undefined) {
      this.#owner.lost(this, negotiated, lossOf(event, words, sent));
    } else if (isEnd(before, state)) this.#owner.failed(this, lossOf(event, words, sent));
  }

  /** Fires the timers that are due, earliest first; looks again after each, since one may disarm another. */
  expire(): void {
    for (let timer = this.#due(); timer !== undefined; timer = this.#due()) {
      const lateMs = this.#world.now() - this.#deadlines.get(timer)!;
      this.#deadlines.delete(timer);
      if (timer === "connect-retry" && this.state.at === "connect") this.#unanswered();
      if (timer !== "hold" || !this.#postponeHold(lateMs))
        this.feed({ on: "timer", timer }, `${timer} timer`);
    }
  }

  /** Writes whole messages, which nobody changes afterwards. */
  write(octets: Uint8Array): void {
    if (this.#link === undefined || this.#link.write(octets) || this.blocked) return;
    this.blocked = true;
    if (this.state.at !== "established") return;
    this.#arm("send-hold", Math.max(LEAST_SEND_HOLD_MS, 2000 * this.state.holdSeconds));
  }

  /** Closes without a NOTIFICATION: a peer that does graceful restart keeps our routes. */
  abandon(): void {
    this.#link?.close();
    this.#forget();
    this.#deadlines.clear();
  }

  #perform(action: Action): void {
    switch (action.do) {
      case "dial": {
        const link: Link = this.#world.dial(
          this.#owner.dialTarget(),
          this.#eventsOf(() => link),
        );
        this.#link = link;
        this.initiator = "local";
        break;
      }
      case "adopt":
        if (this.#arriving === undefined) break;
        this.#link = this.#arriving;
        this.initiator = "remote";
        break;
      case "send-open":
        this.#offered = this.#owner.offer();
        this.#owner.traffic.sent("open", 1);
        this.write(encodeMessage({ type: "open", open: this.#offered }));
        break;
      case "send-keepalive":
        // What waits in a blocked link tells the peer as much, once it reads.
        if (this.blocked) break;
        this.#owner.traffic.sent("keepalive", 1);
        this.write(KEEPALIVE);
        break;
      case "arm":
        this.#arm(action.timer, action.seconds * 1000);
        break;
      case "disarm":
        this.#deadlines.delete(action.timer);
        break;
      case "hang-up":
        this.#hangUp(action.notification);
        break;
      default:
        action satisfies never;
    }
  }

  #arm(timer: Timer, afterMs: number): void {
    const atMs = this.#world.now() + afterMs;
    this.#deadlines.set(timer, atMs);
    this.#owner.rearmed(atMs);
  }

  #hangUp(notification: Notification | undefined): void {
    if (this.#link === undefined) return;
    if (notification === undefined) this.#link.close();
    else {
      this.#owner.traffic.sent("notification", 1);
      this.#owner.notified("sent", notification);
      this.#link.write(encodeMessage({ type: "notification", notification }));
      this.#link.close();
    }
    this.#forget();
  }

  #forget(): void {
    this.#link = undefined;
    this.negotiated = undefined;
    this.blocked = false;
    this.#framer = new Framer();
  }

  /** A link that was let go may still have something to say; it is not heard. */
  #eventsOf(link: () => Link): LinkEvents {
    const current = (): boolean => this.#link === link();
    return {
      connected: () => {
        if (current()) this.feed({ on: "tcp-connected" }, "connected");
      },
      received: (octets) => {
        if (current()) this.#received(octets, link());
      },
      drained: () => {
        if (!current()) return;
        this.blocked = false;
        this.#deadlines.delete("send-hold");
        this.#owner.drained(this);
      },
      closed: (reason) => {
        if (current()) this.feed({ on: "tcp-failed" }, reason);
      },
    };
  }

  #received(octets: Uint8Array, link: Link): void {
    const heard = this.#heard;
    const refusal = this.#framer.push(octets, (message) => {
      this.#take(message);
      return this.#link === link;
    });
    if (this.#heard !== heard) this.#heardAtMs = this.#world.now();
    if (refusal !== undefined) {
      this.feed({ on: "header-error", notification: refusal.notification }, refusal.why);
    }
  }

  #take(message: Uint8Array): void {
    const type = messageTypeAt(message, 0);
    this.#owner.traffic.receivedType(type);
    this.#owner.watch.received(this, message);
    if (type === MESSAGE_TYPE.update) {
      this.#heard++;
      if (this.state.at === "established") this.#owner.update(this, message);
      else this.feed({ on: "update-received" }, "UPDATE before the session was up");
      return;
    }
    const decoded = decodeMessage(message, this.negotiated?.decode ?? NOTHING_NEGOTIATED);
    if (decoded instanceof Refusal) this.#refuse(decoded);
    else if (decoded.type === "open") this.#takeOpen(decoded.open, message);
    else if (decoded.type === "notification") this.#takeNotification(decoded.notification);
    else if (decoded.type === "route-refresh") this.#takeRefresh(decoded.refresh);
    else this.#takeKeepalive();
  }

  #takeKeepalive(): void {
    this.#heard++;
    if (this.state.at === "established") this.#owner.keepalive(this);
    else this.feed({ on: "keepalive-received" }, "KEEPALIVE before OPEN");
  }

  /** RFC 2918 has no event of its own; out of place it is as wrong as an UPDATE. */
  #takeRefresh(refresh: RouteRefresh): void {
    this.#heard++;
    if (this.state.at === "established") this.#owner.refresh(this, refresh);
    else this.feed({ on: "update-received" }, "ROUTE-REFRESH before the session was up");
  }

  #takeNotification(notification: Notification): void {
    this.#owner.notified("received", notification);
    this.feed(
      { on: "notification-received", notification },
      `received ${describeNotification(notification)}${quoted(shutdownCommunication(notification))}`,
    );
  }

  #takeOpen(open: Open, message: Uint8Array): void {
    if (this.state.at !== "open-sent" || this.#offered === undefined) {
      this.feed({ on: "open-received", holdSeconds: open.holdSeconds }, "OPEN twice on one connection");
      return;
    }
    const outcome = this.#owner.opened(this, this.#offered, open);
    if (outcome === undefined) return;
    if (outcome instanceof Refusal) {
      this.feed({ on: "open-error", notification: outcome.notification }, outcome.why);
      return;
    }
    this.negotiated = outcome;
    this.opens = { sent: this.#offered, received: message.slice() };
    this.#framer.extendedMessage = outcome.decode.extendedMessage;
    this.feed({ on: "open-received", holdSeconds: open.holdSeconds }, "OPEN");
  }

  /** A message that could not be decoded: the code says whose check it failed. */
  #refuse({ notification, why }: Refusal): void {
    if (notification.code === 2) this.feed({ on: "open-error", notification }, why);
    else if (notification.code === 1) this.feed({ on: "header-error", notification }, why);
    else this.feed({ on: "update-error", notification }, why);
  }

  /** A dial came to nothing in time; the machine makes another. */
  #unanswered(): void {
    const words = silenceOf(this.#owner.dialTarget());
    this.#owner.failed(this, { cause: "transport", words, notification: undefined });
  }

  #due(): Timer | undefined {
    let first: Timer | undefined;
    let firstAtMs = this.#world.now();
    for (const timer of TIMERS) {
      const atMs = this.#deadlines.get(timer);
      if (atMs !== undefined && atMs <= firstAtMs) [first, firstAtMs] = [timer, atMs];
    }
    return first;
  }

  /** True when the hold timer was armed again instead of firing. */
  #postponeHold(lateMs: number): boolean {
    const { state } = this;
    if (state.at !== "established") return false;
    const leftMs = this.#heardAtMs + state.holdSeconds * 1000 - this.#world.now();
    // After a pause of the whole process the peer's keepalives wait in the socket: they are read first.
    if (leftMs < 1 && lateMs < LATE_MS) return false;
    this.#arm("hold", leftMs < 1 ? 2 * LATE_MS : leftMs);
    return true;
  }
}

const quoted = (text: string | undefined): string => (text === undefined || text === "" ? "" : `: "${text}"`);

const isEnd = (before: State, after: State): boolean =>
  (after.at === "idle" || after.at === "active") && before.at !== "idle" && before.at !== "active";

function lossOf(event: Event, words: string, sent: Notification | undefined): Loss {
  switch (event.on) {
    case "tcp-connected":
      return { cause: "replaced", words, notification: undefined };
    case "tcp-failed":
      return { cause: "transport", words, notification: undefined };
    case "stop":
      return { cause: "stopped", words, notification: sent };
    case "collision-lost":
      return { cause: "collision", words, notification: sent };
    case "notification-received":
      return { cause: "notification-received", words, notification: event.notification };
    default:
      return { cause: "notification-sent", words, notification: sent };
  }
}
