/** What a peer did wrong: counted, the last words, and the raw octets of the last offending messages. */

import { REACTIONS, type Reaction } from "../wire/fault.ts";
import { LIMITS } from "./shared.ts";

export interface OffendingMessage {
  readonly atMs: number;
  readonly why: string;
  readonly octets: Uint8Array;
}

export class PeerErrorLog {
  last: { readonly atMs: number; readonly words: string } | undefined;
  readonly #counts: Map<Reaction, number> = new Map();
  readonly #messages: OffendingMessage[] = [];

  note(words: string, atMs: number): void {
    this.last = { atMs, words };
  }

  /** An UPDATE that cost `reaction`; its octets are copied. */
  offend(reaction: Reaction, why: string, message: Uint8Array, atMs: number): void {
    this.note(`${why} (${reaction})`, atMs);
    this.#counts.set(reaction, (this.#counts.get(reaction) ?? 0) + 1);
    if (this.#messages.length === LIMITS.keptMessages) this.#messages.shift();
    this.#messages.push({ atMs, why, octets: message.slice() });
  }

  counts(): Readonly<Record<Reaction, number>> {
    const named = REACTIONS.map((reaction): [Reaction, number] => [
      reaction,
      this.#counts.get(reaction) ?? 0,
    ]);
    return Object.fromEntries(named) as Record<Reaction, number>;
  }

  messages(): readonly OffendingMessage[] {
    return this.#messages;
  }
}
