/** What a peer did wrong: counted, the last words, and the raw octets of the last offending messages. */

import { type Fault, REACTIONS, type Reaction, type Refusal } from "../wire/fault.ts";
import type { Notification } from "../wire/messages.ts";
import { describeNotification } from "../wire/notification.ts";
import { notificationEvent } from "./cease.ts";
import type { PeerEvent } from "./events.ts";
import { LIMITS } from "./shared.ts";

export interface OffendingMessage {
  readonly atMs: number;
  /** What it cost: the strongest of its faults. */
  readonly reaction: Reaction;
  readonly faults: readonly MessageFault[];
  /** All of it, header included; of a message whose header is wrong, those 19 octets. */
  readonly octets: Uint8Array;
}

export type MessageFault = Pick<Fault, "reaction" | "why" | "rfc" | "attribute">;

/** Where the checks of a message stand, by the code of the NOTIFICATION that they are answered with. */
const CHECKS: Readonly<Record<number, string>> = {
  1: "RFC 4271 section 6.1",
  2: "RFC 4271 section 6.2",
  3: "RFC 4271 section 6.3",
  7: "RFC 7313 section 5",
};

/** Something that was said, in words. `atMs` is on the world's clock. */
export interface Said {
  readonly atMs: number;
  readonly words: string;
}

export class PeerErrorLog {
  last: Said | undefined;
  /** The last NOTIFICATION each way. */
  readonly notifications: { sent: Said | undefined; received: Said | undefined } = {
    sent: undefined,
    received: undefined,
  };
  readonly #counts: Map<Reaction, number> = new Map(REACTIONS.map((reaction) => [reaction, 0]));
  #messages: readonly OffendingMessage[] = [];

  note(words: string, atMs: number): void {
    this.last = { atMs, words };
  }

  /** An UPDATE that cost what the worst of its faults says; its octets are copied. Returns what is to be told of it. */
  offend(
    { reaction, rfc, attribute }: Fault,
    faults: readonly Fault[],
    message: Uint8Array,
    atMs: number,
  ): PeerEvent {
    const why = faults.map((fault) => fault.why).join("; ");
    this.note(`${why} (${reaction})`, atMs);
    this.#counts.set(reaction, this.#counts.get(reaction)! + 1);
    this.#keep({ atMs, reaction, faults: faults.map(factsOf), octets: message.slice() });
    return { on: "malformed-update", reaction, why, rfc, attribute };
  }

  /** Keeps the words of a NOTIFICATION as the last one that way. Returns what is to be told of it. */
  notified(direction: "sent" | "received", notification: Notification, atMs: number): PeerEvent {
    this.notifications[direction] = { atMs, words: describeNotification(notification) };
    return notificationEvent(direction, notification);
  }

  /** A message that is no UPDATE, or no message at all, and ended the connection; its octets are copied. */
  refuse({ why, notification }: Refusal, message: Uint8Array, atMs: number): void {
    const rfc = CHECKS[notification.code] ?? "RFC 4271 section 6";
    const faults = [{ reaction: "session-reset", why, rfc, attribute: undefined } as const];
    this.#keep({ atMs, reaction: "session-reset", faults, octets: message.slice() });
  }

  counts(): Readonly<Record<Reaction, number>> {
    return Object.fromEntries(this.#counts) as Record<Reaction, number>;
  }

  /** The last ones, latest last: whole, and so few that they are within {@link LIMITS}. */
  messages(): readonly OffendingMessage[] {
    return this.#messages;
  }

  #keep(message: OffendingMessage): void {
    const kept = [...this.#messages, message].slice(-LIMITS.keptMessages);
    while (octetsIn(kept) > LIMITS.keptOctets) kept.shift();
    this.#messages = kept;
  }
}

const factsOf = ({ reaction, why, rfc, attribute }: Fault): MessageFault => ({
  reaction,
  why,
  rfc,
  attribute,
});

const octetsIn = (messages: readonly OffendingMessage[]): number =>
  messages.reduce((sum, { octets }) => sum + octets.length, 0);
