/** A peer's BFD session as the speaker sees it (RFC 5882): when it falls, the BGP session falls with it. */

import type { BfdState } from "../bfd/packet.ts";
import { type BfdTiming, DIAGNOSTIC } from "../bfd/session.ts";
import { isUnspecified } from "../net/address.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { Notification } from "../wire/messages.ts";
import { cease, hardReset } from "../wire/notification.ts";
import type { BfdReport, BfdWatch, DialTarget, World } from "./world.ts";

export interface BfdSnapshot extends BfdTiming {
  readonly state: BfdState;
  /** What the peer says of its own. */
  readonly remoteState: BfdState;
  /** Why it left Up the last time, in words. */
  readonly diagnostic: string | undefined;
  /** What keeps BFD from running on this machine. */
  readonly problem: string | undefined;
}

interface BfdOwner {
  dialTarget(): DialTarget;
  bfdChanged(snapshot: BfdSnapshot): void;
  /** @param restartable - the peer's BFD shares the fate of its speaker, so that the silence may be a restart */
  bfdFell(restartable: boolean): void;
}

const BEGINNING: BfdReport = {
  state: "down",
  diagnostic: DIAGNOSTIC.none,
  remoteState: "down",
  remoteIndependent: false,
  problem: undefined,
};

export class PeerBfd {
  readonly #world: World;
  readonly #owner: BfdOwner;
  #timing: BfdTiming | undefined;
  #watched: string | undefined;
  #watch: BfdWatch | undefined;
  #report: BfdReport = BEGINNING;

  constructor(world: World, owner: BfdOwner) {
    this.#world = world;
    this.#owner = owner;
  }

  /** Runs as `timing` says from now on, to where the peer is; undefined: not at all, which the peer is told. */
  configure(timing: BfdTiming | undefined): void {
    const { address, localAddress } = this.#owner.dialTarget();
    const from = JSON.stringify([address, localAddress]);
    if (timing === undefined || from !== this.#watched) this.end();
    if (timing === undefined || isUnspecified(address)) return;
    const before = this.#timing;
    this.#timing = timing;
    if (this.#watch === undefined) {
      this.#watched = from;
      const target = { address, localAddress, timing };
      this.#watch = this.#world.watch?.(target, (report) => this.#heard(report));
      if (this.#watch === undefined)
        this.#report = { ...BEGINNING, problem: "there is no BFD in this world" };
    } else if (before?.intervalMs !== timing.intervalMs || before.multiplier !== timing.multiplier) {
      this.#watch.change(timing);
    }
  }

  end(): void {
    this.#watch?.end();
    this.#watch = undefined;
    this.#timing = undefined;
    this.#report = BEGINNING;
  }

  /** Undefined: the peer is not watched. */
  get snapshot(): BfdSnapshot | undefined {
    const { state, remoteState, diagnostic, problem } = this.#report;
    return this.#timing && { ...this.#timing, state, remoteState, diagnostic: WORDS[diagnostic], problem };
  }

  #heard(report: BfdReport): void {
    const before = this.#report;
    this.#report = report;
    const { snapshot } = this;
    if (snapshot === undefined) return;
    if (report.state !== before.state || report.problem !== before.problem) this.#owner.bfdChanged(snapshot);
    const fell = before.state === "up" && report.state !== "up" && report.problem === undefined;
    // RFC 5882 §4.2: an AdminDown is somebody's wish, and says nothing about the link.
    if (fell && report.remoteState !== "admin-down") this.#owner.bfdFell(!report.remoteIndependent);
  }
}

export const BFD_DOWN = "BFD session down";

/** Cease, BFD Down (RFC 9384 §3). */
const CEASE_BFD_DOWN = 10;

/**
 * How the session ends. Undefined: without a word, as a lost connection, whose routes wait for a restart: RFC 5882
 * §4.3.2.2 has it so only where the peer's BFD shares the fate of its speaker, and the silence may be a restart.
 */
export function farewellOf(
  { gracefulRestart: restart }: Negotiated,
  restartable: boolean,
): Notification | undefined {
  if (restartable && restart !== undefined) return undefined;
  const notification = cease(CEASE_BFD_DOWN);
  // RFC 8538 §3: where a NOTIFICATION keeps routes, one that must not do so is wrapped.
  return restart?.notification === true ? hardReset(notification) : notification;
}

/** RFC 5880 §4.1 */
const WORDS: Readonly<Record<number, string>> = {
  1: "control detection time expired",
  2: "echo function failed",
  3: "neighbor signaled session down",
  4: "forwarding plane reset",
  5: "path down",
  6: "concatenated path down",
  7: "administratively down",
  8: "reverse concatenated path down",
};
