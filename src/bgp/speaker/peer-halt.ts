/**
 * Whether a session with a peer is wanted at all. It is not while an operator says so, in the configuration or by an
 * order, nor after a peer has told too much. What was said last counts: an order holds until the configuration says
 * something else than before.
 */

import type { Notification } from "../wire/messages.ts";
import { cease } from "../wire/notification.ts";
import { CEASE } from "./cease.ts";
import type { PeerEvent } from "./events.ts";
import type { PeerOptions, PrefixLimit } from "./options.ts";

export interface Halt {
  readonly reason: "shutdown" | "max-prefixes";
  /** For the operator of the other side (RFC 9003). */
  readonly text: string | undefined;
  /** When it ends by itself, in `now()` milliseconds; infinite: when somebody says so. */
  readonly untilMs: number;
}

/** What an operator may want of a peer while it runs. */
export type PeerOrder =
  /** No session until {@link PeerOrder} "start"; `text` is for the other side's operator, up to 255 octets (RFC 9003). */
  | { readonly do: "shutdown"; readonly text?: string }
  /** Ends a shutdown, a halt after too many prefixes, and the wait after failures. */
  | { readonly do: "start" }
  /** A new session in the place of this one, without the routes of either side. A peer that is shut down stays so. */
  | { readonly do: "reset"; readonly text?: string }
  /** On the session as it is: we tell everything again, and ask for everything again (RFC 2918). */
  | { readonly do: "refresh" }
  /** What leads over the session becomes a last resort at both ends, before it ends (RFC 8326); or no longer. */
  | { readonly do: "drain" | "undrain" };

interface Halted {
  readonly options: PeerOptions;
  /** Ends what there is, until {@link start}. */
  stopForGood(notification: Notification, words: string): void;
  start(): void;
  exchangeAgain(): void;
  drain(drained: boolean): void;
  haltChanged(event: PeerEvent): void;
}

/** Of the number that is warned at: below this share of it, the warning may come again. */
const CALM = 7 / 8;

export class PeerHalt {
  readonly #peer: Halted;
  #current: Halt | undefined;
  #warned = false;

  constructor(peer: Halted, { shutdown }: PeerOptions) {
    this.#peer = peer;
    if (shutdown !== undefined) this.#current = shutdownOf(shutdown);
  }

  /** Undefined: a session is wanted. */
  get current(): Halt | undefined {
    return this.#current;
  }

  get deadlineMs(): number {
    return this.#current?.untilMs ?? Number.POSITIVE_INFINITY;
  }

  obey(order: PeerOrder): void {
    switch (order.do) {
      case "shutdown":
        this.#shutDown(order.text);
        break;
      case "start":
        this.end();
        break;
      case "reset":
        if (this.#current?.reason === "shutdown") break;
        this.#peer.stopForGood(cease(CEASE.reset, order.text), "reset by the operator");
        this.end();
        break;
      case "refresh":
        this.#peer.exchangeAgain();
        break;
      case "drain":
      case "undrain":
        this.#peer.drain(order.do === "drain");
        this.#peer.haltChanged({ on: "drained", drained: order.do === "drain" });
        break;
      default:
        order satisfies never;
    }
  }

  /** What a peer that connects meanwhile is told. */
  get notice(): Notification | undefined {
    return this.#current && noticeOf(this.#current);
  }

  end(): void {
    const halted = this.#current !== undefined;
    this.#current = undefined;
    if (halted) this.#peer.haltChanged({ on: "started" });
    this.#peer.start();
  }

  /** The settings are others. True: they began or ended a halt. */
  configure(before: PeerOptions, { shutdown, maxPrefixes }: PeerOptions): boolean {
    const reason = this.#current?.reason;
    if (shutdown !== before.shutdown) {
      if (shutdown !== undefined) this.#shutDown(shutdown === true ? undefined : shutdown);
      else if (reason === "shutdown") this.end();
      else return false;
      return true;
    }
    if (reason !== "max-prefixes" || isSameLimit(before.maxPrefixes, maxPrefixes)) return false;
    this.end();
    return true;
  }

  /** The peer has told `received` prefixes. */
  count(received: number, { limit, warnAt = limit, restartSeconds }: PrefixLimit, nowMs: number): void {
    if (received > limit) {
      const untilMs = restartSeconds === undefined ? Number.POSITIVE_INFINITY : nowMs + restartSeconds * 1000;
      this.#begin({ reason: "max-prefixes", text: undefined, untilMs }, `more than ${limit} prefixes`);
      this.#peer.haltChanged({ on: "max-prefix", limit, received, restartSeconds });
    } else if (received < warnAt * CALM) this.#warned = false;
    else if (received >= warnAt && warnAt < limit && !this.#warned) {
      this.#warned = true;
      this.#peer.haltChanged({ on: "max-prefix-near", warnAt, limit, received });
    }
  }

  #shutDown(text: string | undefined): void {
    this.#begin(shutdownOf(text ?? true), "shut down by the operator");
    this.#peer.haltChanged({ on: "shutdown", text });
  }

  #begin(halt: Halt, words: string): void {
    this.#current = halt;
    this.#warned = false;
    this.#peer.stopForGood(noticeOf(halt), words);
  }
}

const shutdownOf = (shutdown: true | string): Halt => ({
  reason: "shutdown",
  text: shutdown === true ? undefined : shutdown,
  untilMs: Number.POSITIVE_INFINITY,
});

const noticeOf = ({ reason, text }: Halt): Notification =>
  cease(reason === "shutdown" ? CEASE.shutdown : CEASE.maxPrefixes, text);

const isSameLimit = (a: PrefixLimit | undefined, b: PrefixLimit | undefined): boolean =>
  a?.limit === b?.limit && a?.warnAt === b?.warnAt && a?.restartSeconds === b?.restartSeconds;
