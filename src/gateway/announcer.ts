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
  /** Resolves when what was said before has been handed to the sockets of all peers. */
  flushed(): Promise<void>;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls once, at or after `atMs` of `now()`. What it returns calls that off. */
  at(atMs: number, wake: () => void): () => void;
  /** Resolves when others have had their turn. */
  turn(): Promise<void>;
}

/** A route without one is better in all of the AS (RFC 4271 §9.1.2.2 c). */
const LAST_RESORT_MED = 0xffff_ffff;

/** A peer that takes nothing must not keep the rest from going on. */
const FLUSH_LIMIT_MS = 1000;

export class Publisher {
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  /** By prefix text. */
  readonly #announced = new Map<string, Announcement>();

  constructor(announcer: Announcer, clock: Clock) {
    this.#announcer = announcer;
    this.#clock = clock;
  }

  get announced(): ReadonlyMap<string, Announcement> {
    return this.#announced;
  }

  /**
   * Withdraws what `keeps` refuses; resolves when that has reached the wire.
   * @param told - something else was withdrawn that must reach it, too
   */
  async retract(keeps: (key: string) => boolean, told: boolean): Promise<void> {
    const going = [...this.#announced.keys()].filter((key) => !keeps(key));
    await this.withdraw(going, told);
  }

  /** The same of these keys alone. */
  async withdraw(keys: Iterable<string>, told: boolean): Promise<void> {
    let mustFlush = told;
    for (const key of keys) {
      const known = this.#announced.get(key);
      if (known === undefined) continue;
      this.#announcer.withdraw(known.prefix);
      this.#announced.delete(key);
      mustFlush = true;
    }
    if (mustFlush) await this.flushed();
  }

  announce(key: string, announcement: Announcement): void {
    const before = this.#announced.get(key);
    this.#announced.set(key, announcement);
    const { prefix, kind, isLeaving } = announcement;
    if (before?.kind === kind && before.isLeaving === isLeaving) return;
    this.#announcer.announce({ prefix, tag: tagOf(kind), ...(isLeaving && { med: LAST_RESORT_MED }) });
  }

  /** Resolves when what was said before has reached the wire, or a peer takes too long. */
  async flushed(): Promise<void> {
    let callOff = (): void => undefined;
    const limit = new Promise<void>((resolve) => {
      callOff = this.#clock.at(this.#clock.now() + FLUSH_LIMIT_MS, resolve);
    });
    await Promise.race([this.#announcer.flushed(), limit]);
    callOff();
  }
}
