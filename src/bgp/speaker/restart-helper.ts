/**
 * Graceful restart, as the one who waits (RFC 4724 §4.2, RFC 8538, RFC 9494): the paths of a peer whose session ended
 * become stale, stay selected and advertised, and go when the peer has told them again, says that it is done, or is
 * late. Where that was agreed on, one that is late only makes them a last resort, for a second and longer time. Paths
 * become stale in the same way when a peer begins to tell everything again on a session (RFC 7313).
 */

import type { Family } from "../net/address.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { RouteRefresh } from "../wire/messages.ts";
import { isHardReset } from "../wire/notification.ts";
import type { PeerEvent } from "./events.ts";
import type { Loss } from "./loss.ts";
import { LIMITS } from "./shared.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** restarting: within the restart time. long-lived: behind it (RFC 9494). refreshing: told again on a session. */
export type StalePhase = "restarting" | "long-lived" | "refreshing";

/** One family with stale paths. Times in `now()` milliseconds. */
interface Wait {
  phase: StalePhase;
  /** Since when its paths are stale. */
  readonly sinceMs: number;
  /** When what the peer was granted for this phase is over. */
  untilMs: number;
  /** The peer is back: when it must have told everything. Infinite while there is no session. */
  backUntilMs: number;
  /** What follows the restart time; 0: nothing. */
  readonly longLivedMs: number;
}

export interface StaleFamily {
  readonly family: Family;
  readonly phase: StalePhase;
  readonly paths: number;
  /** How long its paths have been stale. */
  readonly sinceMs: number;
  /** How long they may stay in this phase, unless the peer tells them again. */
  readonly leftMs: number;
}

/** What comes of a wait that is over. */
type Expired = Extract<PeerEvent, { readonly on: "stale-expired" | "long-lived-stale" }>;

export class RestartHelper {
  readonly #waits: Map<Family, Wait> = new Map();
  readonly #rib: Rib;
  readonly #staleMs: number;

  /** @param staleSeconds - how long stale paths wait for a peer that is back, or tells all again, to be done */
  constructor(rib: Rib, staleSeconds: number = LIMITS.staleSeconds) {
    this.#rib = rib;
    this.#staleMs = staleSeconds * 1000;
  }

  /** When the next wait ends, in `now()` milliseconds. */
  get deadlineMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const wait of this.#waits.values()) next = Math.min(next, deadlineOf(wait));
    return next;
  }

  /** What is stale, and how long yet. */
  stale(peer: PeerId, nowMs: number): readonly StaleFamily[] {
    return Array.from(this.#waits, ([family, wait]) => ({
      family,
      phase: wait.phase,
      paths: this.#rib.of(family).received.counts(peer).stale,
      sinceMs: nowMs - wait.sinceMs,
      leftMs: deadlineOf(wait) - nowMs,
    }));
  }

  /** A session ended: keeps what may be kept and drops the rest. True when anything is kept. */
  sessionEnded(peer: PeerId, negotiated: Negotiated, loss: Loss, nowMs: number): boolean {
    const keeps = keepsPaths(negotiated, loss);
    for (const family of FAMILIES) {
      const grant = keeps ? grantOf(negotiated, family) : undefined;
      this.#sessionEnded(peer, family, grant, nowMs);
    }
    return this.#waits.size > 0;
  }

  /** The peer is back. Families that it did not forward for in the meantime lose their stale paths at once. */
  sessionBegan(peer: PeerId, { gracefulRestart: restart }: Negotiated, nowMs: number): void {
    for (const [family, wait] of this.#waits) {
      // RFC 4724 §4.2, RFC 9494 §4.2: each capability has an F bit for the time that it grants.
      const forwarding = wait.phase === "long-lived" ? restart?.longLived?.forwarding : restart?.forwarding;
      if (forwarding?.includes(family) === true) wait.backUntilMs = nowMs + this.#staleMs;
      else this.endOfRib(peer, family);
    }
  }

  /**
   * The peer tells all of a family again (RFC 7313 §4.2): what it has not told when it says that it is done goes.
   * Returns how many paths did.
   */
  refresh(peer: PeerId, family: Family, subtype: RouteRefresh["subtype"], nowMs: number): number {
    const wait = this.#waits.get(family);
    // The end of what was not begun says nothing.
    if (subtype === "end" && wait?.phase === "refreshing") return this.endOfRib(peer, family);
    if (subtype !== "begin") return 0;
    // Begun twice, or before a restart has ended: what has been told meanwhile counts, so that nothing goes too early.
    if (wait !== undefined || this.#rib.of(family).received.markStale(peer) === 0) return 0;
    const untilMs = nowMs + this.#staleMs;
    this.#waits.set(family, {
      phase: "refreshing",
      sinceMs: nowMs,
      untilMs,
      backUntilMs: untilMs,
      longLivedMs: 0,
    });
    return 0;
  }

  /** Returns how many paths the peer did not tell again. */
  endOfRib(peer: PeerId, family: Family): number {
    return this.#waits.delete(family) ? this.#rib.of(family).received.sweepStale(peer) : 0;
  }

  /** Waits no longer for what the peer has not told again. Returns how many paths that was. */
  giveUp(peer: PeerId): number {
    let swept = 0;
    for (const family of this.#waits.keys()) swept += this.endOfRib(peer, family);
    return swept;
  }

  /** Ends the waits that are over. */
  expire(peer: PeerId, nowMs: number): readonly Expired[] {
    const expired: Expired[] = [];
    for (const [family, wait] of this.#waits) {
      if (deadlineOf(wait) > nowMs) continue;
      const goesOn = wait.backUntilMs === Number.POSITIVE_INFINITY && wait.longLivedMs > 0;
      if (wait.phase === "restarting" && goesOn) {
        wait.phase = "long-lived";
        wait.untilMs = nowMs + wait.longLivedMs;
        const paths = this.#rib.of(family).received.age(peer);
        expired.push({ on: "long-lived-stale", family, paths, seconds: wait.longLivedMs / 1000 });
      } else expired.push({ on: "stale-expired", family, sweptPaths: this.endOfRib(peer, family) });
    }
    return expired;
  }

  /** @param grant - how long the peer's paths may be kept; undefined: not at all */
  #sessionEnded(peer: PeerId, family: Family, grant: Grant | undefined, nowMs: number): void {
    const { received } = this.#rib.of(family);
    const before = this.#waits.get(family);
    // RFC 9494 §4.2: lost again before it had told everything. What is stale for long stays so, and no longer than it
    // would have; what the peer has told in between joins it.
    if (grant !== undefined && before?.phase === "long-lived" && before.untilMs > nowMs) {
      before.backUntilMs = Number.POSITIVE_INFINITY;
      received.markStale(peer, "stays");
      received.age(peer);
      return;
    }
    this.#waits.delete(family);
    // What was stale already goes now (RFC 4724 §4.2), or its time ran out while the peer told it again (RFC 9494 §4.2).
    if (grant === undefined || before?.phase === "long-lived") received.drop(peer);
    else if (received.markStale(peer) > 0) {
      this.#waits.set(family, {
        phase: "restarting",
        sinceMs: nowMs,
        untilMs: nowMs + grant.restartMs,
        backUntilMs: Number.POSITIVE_INFINITY,
        longLivedMs: grant.longLivedMs,
      });
    }
  }
}

interface Grant {
  readonly restartMs: number;
  readonly longLivedMs: number;
}

/** Undefined: neither capability names the family. RFC 9494 §4.2: one that only its own names has no restart time. */
function grantOf({ gracefulRestart: restart }: Negotiated, family: Family): Grant | undefined {
  const restarts = restart?.families.includes(family) === true;
  const longLivedMs = (restart?.longLived?.seconds[family] ?? 0) * 1000;
  if (restart === undefined || (!restarts && longLivedMs === 0)) return undefined;
  return { restartMs: restarts ? restart.restartSeconds * 1000 : 0, longLivedMs };
}

const deadlineOf = ({ untilMs, backUntilMs }: Wait): number =>
  backUntilMs === Number.POSITIVE_INFINITY ? untilMs : backUntilMs;

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
        (notification === undefined || !isHardReset(notification))
      );
    default:
      return cause satisfies never;
  }
}
