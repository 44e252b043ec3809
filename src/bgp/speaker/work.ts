/** What a speaker does in its turns: what was marked is looked at again, decided, and told, a piece at a time. */

import type { Family } from "../net/address.ts";
import type { PrefixId } from "../net/prefix-table.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { VrpTable } from "../rpki/vrp-table.ts";
import type { Monitor } from "./monitor.ts";
import type { Outbox } from "./outbox.ts";
import type { RouteChanges } from "./route-changes.ts";

/** Prefixes between two looks at the clock. */
const STEP_PREFIXES = 512;

/**
 * With nothing to do for so long, what is no longer used is forgotten: withdrawals do not wait for that (1 000 000 from one
 * peer to another took 0.38 s of CPU time instead of 0.74), and what is only withdrawn for a moment is found again.
 */
const TIDY_AFTER_MS = 100;
/** Prefixes and attribute sets of one turn. */
const STEP_FORGOTTEN = 4096;

const FAMILIES: readonly Family[] = [4, 6];

/** What the work is on. */
export interface Bench {
  readonly rib: Rib;
  readonly vrps: VrpTable;
  readonly outbox: Outbox;
  readonly changes: RouteChanges;
  readonly isReady: (peer: PeerId) => boolean;
  /** So many prefixes were not handed out to a peer, because their attributes do not fit into a message. */
  readonly spared: (peer: PeerId, family: Family, prefixes: number) => void;
  readonly monitors: ReadonlySet<Monitor>;
  readonly nowMs: () => number;
}

export class Work {
  readonly #bench: Bench;
  /** When there was something to do last. */
  #busyMs = Number.NEGATIVE_INFINITY;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** Works until `untilMs`; true when there is more. What it has to tell is handed to the links when it returns. */
  some(untilMs: number): boolean {
    const more = this.#until(untilMs);
    this.#bench.outbox.flush();
    return more;
  }

  /** When it is time to {@link tidy}; infinite while there is nothing to tidy up. */
  nextDeadline(): number {
    return this.#bench.rib.hasUnused ? this.#busyMs + TIDY_AFTER_MS : Number.POSITIVE_INFINITY;
  }

  /** Forgets some of what is no longer used, if it is time. */
  tidy(nowMs: number): void {
    if (nowMs >= this.nextDeadline()) this.#bench.rib.forgetSome(STEP_FORGOTTEN);
  }

  #until(untilMs: number): boolean {
    for (;;) {
      let done = 0;
      for (const family of FAMILIES) done += this.#decide(family) + this.#send(family);
      if (done === 0) return false;
      this.#busyMs = this.#bench.nowMs();
      if (this.#busyMs >= untilMs) return true;
    }
  }

  #decide(family: Family): number {
    const { rib, vrps, changes } = this.#bench;
    const { received, revalidation, best } = rib.of(family);
    const swept = vrps.lookSome(family, STEP_PREFIXES * 8);
    const changed = revalidation.isPending ? undefined : vrps.takeChanged(family);
    if (changed !== undefined) revalidation.begin(changed);
    // A row that is looked at costs a fraction of a decision.
    const looked = swept + received.sweepSome(STEP_PREFIXES * 8) + revalidation.workSome(STEP_PREFIXES * 4);
    const noted = (prefix: PrefixId): void => changes.note(family, prefix);
    return looked + best.decideSome(STEP_PREFIXES, noted, this.#watch(family));
  }

  /** Undefined: nobody wants to know of every prefix that is decided. */
  #watch(family: Family): ((prefix: PrefixId) => void) | undefined {
    const watching = [...this.#bench.monitors].filter(({ decided }) => decided !== undefined);
    if (watching.length === 0) return undefined;
    const { prefixes } = this.#bench.rib.of(family);
    return (id) => {
      const prefix = prefixes.prefix(id);
      for (const monitor of watching) monitor.decided?.(prefix);
    };
  }

  #send(family: Family): number {
    const { rib, outbox, isReady, spared } = this.#bench;
    let done = 0;
    for (const group of rib.of(family).exports.groups) {
      outbox.begin(group.exportClass);
      done += group.drain(STEP_PREFIXES, isReady, outbox);
      for (const member of group.members) {
        if (isReady(member)) done += group.catchUp(member, STEP_PREFIXES, outbox);
      }
      const unsendable = group.takeUnsendable();
      if (unsendable > 0) for (const member of group.members) spared(member, family, unsendable);
    }
    return done;
  }
}
