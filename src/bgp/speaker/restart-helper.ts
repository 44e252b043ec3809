/**
 * Graceful restart, as the one who waits (RFC 4724 §4.2, RFC 8538): the paths of a peer whose session ended become
 * stale, stay selected and advertised, and go when the peer has told them again, says that it is done, or is late. The
 * same happens to those of a peer that begins to tell everything again on a session (RFC 7313).
 */

import type { Family } from "../net/address.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { RouteRefresh } from "../wire/messages.ts";
import { unwrapHardReset } from "../wire/notification.ts";
import type { Loss } from "./loss.ts";
import { LIMITS } from "./shared.ts";

const FAMILIES: readonly Family[] = [4, 6];

export class RestartHelper {
  /** Families with paths that are stale. */
  readonly #stale: Set<Family> = new Set();
  /** Of those, the ones that the peer is telling again. */
  readonly #refreshing: Set<Family> = new Set();
  /** When the wait ends, in `now()` milliseconds. */
  #deadlineMs: number = Number.POSITIVE_INFINITY;
  readonly #rib: Rib;

  constructor(rib: Rib) {
    this.#rib = rib;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** A session ended: keeps what may be kept and drops the rest. True when anything is kept. */
  sessionEnded(peer: PeerId, negotiated: Negotiated, loss: Loss, nowMs: number): boolean {
    const restart = negotiated.gracefulRestart;
    this.#refreshing.clear();
    const kept = restart !== undefined && keepsPaths(negotiated, loss) ? restart.families : [];
    for (const family of FAMILIES) {
      const { received } = this.#rib.of(family);
      // RFC 4724 §4.2: what is stale from a restart before this one goes now.
      if (this.#stale.delete(family)) received.sweepStale(peer);
      if (!kept.includes(family)) received.drop(peer);
      else if (received.markStale(peer) > 0) this.#stale.add(family);
    }
    const waits = this.#stale.size > 0;
    this.#deadlineMs = waits ? nowMs + (restart?.restartSeconds ?? 0) * 1000 : Number.POSITIVE_INFINITY;
    return waits;
  }

  /** The peer is back. Families that it did not forward for in the meantime lose their stale paths at once. */
  sessionBegan(peer: PeerId, negotiated: Negotiated, nowMs: number): void {
    const forwarding = negotiated.gracefulRestart?.forwarding ?? [];
    for (const family of [...this.#stale]) {
      if (!forwarding.includes(family)) this.endOfRib(peer, family);
    }
    this.#deadlineMs = this.#stale.size > 0 ? nowMs + LIMITS.staleSeconds * 1000 : Number.POSITIVE_INFINITY;
  }

  /**
   * The peer tells all of a family again (RFC 7313 §4.2): what it has not told when it says that it is done goes.
   * Returns how many paths did.
   */
  refresh(peer: PeerId, family: Family, subtype: RouteRefresh["subtype"], nowMs: number): number {
    // The end of what was not begun says nothing.
    if (subtype === "end" && this.#refreshing.delete(family)) return this.endOfRib(peer, family);
    if (subtype !== "begin") return 0;
    // Begun twice, or before a restart has ended: what has been told meanwhile counts, so that nothing goes too early.
    if (this.#stale.has(family) || this.#rib.of(family).received.markStale(peer) === 0) return 0;
    this.#stale.add(family);
    this.#refreshing.add(family);
    this.#deadlineMs = nowMs + LIMITS.staleSeconds * 1000;
    return 0;
  }

  /** Returns how many paths the peer did not tell again. */
  endOfRib(peer: PeerId, family: Family): number {
    if (!this.#stale.delete(family)) return 0;
    if (this.#stale.size === 0) this.#deadlineMs = Number.POSITIVE_INFINITY;
    return this.#rib.of(family).received.sweepStale(peer);
  }

  /** The wait is over. Returns how many paths went. */
  expire(peer: PeerId): number {
    let swept = 0;
    for (const family of [...this.#stale]) swept += this.endOfRib(peer, family);
    return swept;
  }
}

/** RFC 4724 §4.2: a broken connection keeps them; RFC 8538 §3: with N on both sides a NOTIFICATION does, unless hard. */
function keepsPaths(negotiated: Negotiated, { cause, notification }: Loss): boolean {
  switch (cause) {
    case "transport":
    case "replaced":
      return true;
    case "stopped":
    case "collision":
      return false;
    case "notification-received":
    case "notification-sent":
      return (
        negotiated.gracefulRestart?.notification === true &&
        (notification === undefined || unwrapHardReset(notification) === undefined)
      );
    default:
      return cause satisfies never;
  }
}
