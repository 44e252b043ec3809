/** What this speaker says to its peers, kept in step with what was acknowledged. */

import type { Prefix } from "../bgp/net/address.ts";
import type { LocalRoute } from "../bgp/speaker/options.ts";
import type { Announcement } from "./intent.ts";
import { tagOf } from "./kinds.ts";

/** The speaker, as the reconciler sees it. */
export interface Announcer {
  /** Replaces an earlier announcement of the same prefix. */
  announce(route: LocalRoute): void;
  withdraw(prefix: Prefix): void;
  /** A learned prefix is, or is not any more, in the forwarding plane, and may be advertised to others. */
  markInstalled(prefix: Prefix, installed: boolean): void;
  /** Resolves when what was said before has been handed to the sockets of all peers. */
  flushed(): Promise<void>;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls once, at or after `atMs` of `now()`. What it returns calls that off. */
  at(atMs: number, wake: () => void): () => void;
}

/** A peer that takes nothing must not keep the rest from going on. */
const FLUSH_LIMIT_MS = 1000;

export class Publisher {
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  /** By prefix text. */
  readonly #announced = new Map<string, Announcement>();
  /** Learned prefixes that the speaker was told are installed. */
  readonly #marked = new Map<string, Prefix>();

  constructor(announcer: Announcer, clock: Clock) {
    this.#announcer = announcer;
    this.#clock = clock;
  }

  get announced(): ReadonlyMap<string, Announcement> {
    return this.#announced;
  }

  /**
   * Withdraws what of our own `keeps` refuses, and of what was learned what `forwards` refuses; resolves when that
   * has reached the wire.
   */
  async retract(keeps: (key: string) => boolean, forwards: (key: string) => boolean): Promise<void> {
    let told = false;
    for (const [key, { prefix }] of this.#announced) {
      if (keeps(key)) continue;
      this.#announcer.withdraw(prefix);
      this.#announced.delete(key);
      told = true;
    }
    for (const [key, prefix] of this.#marked) {
      if (forwards(key)) continue;
      this.#announcer.markInstalled(prefix, false);
      this.#marked.delete(key);
      told = true;
    }
    if (told) await this.#flush();
  }

  announce(key: string, announcement: Announcement): void {
    const before = this.#announced.get(key);
    this.#announced.set(key, announcement);
    if (before?.kind === announcement.kind) return;
    this.#announcer.announce({ prefix: announcement.prefix, tag: tagOf(announcement.kind) });
  }

  installed(key: string, prefix: Prefix): void {
    if (this.#marked.has(key)) return;
    this.#marked.set(key, prefix);
    this.#announcer.markInstalled(prefix, true);
  }

  async #flush(): Promise<void> {
    let callOff = (): void => undefined;
    const limit = new Promise<void>((resolve) => {
      callOff = this.#clock.at(this.#clock.now() + FLUSH_LIMIT_MS, resolve);
    });
    await Promise.race([this.#announcer.flushed(), limit]);
    callOff();
  }
}
