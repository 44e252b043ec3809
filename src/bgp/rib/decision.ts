/**
 * The decision process of RFC 4271 §9.1.2.2 for one prefix.
 *
 * In words: paths that cannot be used are left out (rejected by policy, a loop, next hop unreachable). Of the rest each
 * step keeps those that are best by one number and drops the others, until one path is left:
 *
 *   1 local           our own route wins over all that was learned
 *   2 longLivedStale  what is not LLGR_STALE before what is (RFC 9494 §4.4)
 *   3 localPref       the higher (§9.1.1)
 *   4 asPathLength    the shorter (§9.1.2.2 a; RFC 5065 §5.3 for how it is counted)
 *   5 origin          IGP before EGP before INCOMPLETE (b)
 *   6 med             the lower, among paths of the same neighbour AS; none counts as 0 (c)
 *   7 external        eBGP before iBGP (d)
 *   8 igpMetric       the nearer next hop (e)
 *   -                 what is left here is of equal cost: the multipath set
 *   9 routerId        the lower; ORIGINATOR_ID in its place when there is one (f; RFC 4456 §9)
 *  10 clusterLength   the shorter CLUSTER_LIST (RFC 4456 §9)
 *  11 peerAddress     the lower (g)
 *  12 pathId          the lower: several paths of one peer (RFC 7911) need an order too
 *
 * Steps drop from the whole set rather than compare two and two, so MED gives one answer whatever the order in which
 * the paths came (what others call deterministic MED). The age of a path is no step, for the same reason.
 * The multipath set is the first N of the paths of equal cost, in the order of steps 9 to 12; unless that is relaxed,
 * of those only that lead into the neighbouring AS of the best. AS paths of equal length may differ further on.
 *
 * Deviates: "local" (1) is no step of the RFC, which puts local routes through the degree of preference; every router
 * that lets its own routes win does it thus. MED is compared between eBGP and iBGP paths of one neighbour AS alike.
 */

import type { PrefixId } from "../net/prefix-table.ts";
import { type AttributeColumns, LLGR_STALE } from "./attribute-columns.ts";
import type { NextHops } from "./next-hops.ts";
import { NIL, type PathTable } from "./path-table.ts";
import type { PeerId, PeerTable } from "./peer-table.ts";

/** What became of a path. The names from "local" on are the step that it lost by. */
export type Outcome =
  | "best"
  | "multipath"
  /** Of equal cost, but more than the multipath limit. */
  | "multipathLimit"
  /** Of equal cost, but by another neighbouring AS than the best, and multipath is not relaxed. */
  | "neighbourAs"
  | "rejected"
  | "asLoop"
  | "originatorLoop"
  | "clusterLoop"
  | "nextHopUnreachable"
  | "local"
  | "longLivedStale"
  | "localPref"
  | "asPathLength"
  | "origin"
  | "med"
  | "external"
  | "igpMetric"
  | "routerId"
  | "clusterLength"
  | "peerAddress"
  | "pathId";

export interface DecisionOptions {
  /** Paths of equal cost that are kept, 1..256. */
  readonly multipath: number;
  /** They may lead into different neighbouring ASes; else only into that of the best path. */
  readonly multipathRelax: boolean;
  /** Compares MED between different neighbour ASes too. */
  readonly alwaysCompareMed: boolean;
}

/** What the steps read. */
export interface DecisionInput {
  readonly paths: PathTable;
  readonly attributes: AttributeColumns;
  readonly nextHops: NextHops;
  readonly peers: PeerTable;
}

/** The lower is the better. */
interface Step {
  readonly outcome: Outcome;
  readonly rank: (input: DecisionInput, row: number) => number;
}

const LOCAL_FIRST: Step = { outcome: "local", rank: ({ paths }, row) => (paths.isLocal(row) ? 0 : 1) };

const STALE_LAST: Step = {
  outcome: "longLivedStale",
  rank: ({ paths, attributes }, row) => attributes.flags[paths.accepted[row]!]! & LLGR_STALE,
};

const STEPS_BEFORE_MED: readonly Step[] = [
  {
    outcome: "localPref",
    rank: ({ paths, attributes }, row) => -attributes.localPref[paths.accepted[row]!]!,
  },
  {
    outcome: "asPathLength",
    rank: ({ paths, attributes }, row) => attributes.pathLength[paths.accepted[row]!]!,
  },
  { outcome: "origin", rank: ({ paths, attributes }, row) => attributes.origin[paths.accepted[row]!]! },
];

const STEPS_AFTER_MED: readonly Step[] = [
  {
    outcome: "external",
    rank: ({ paths, peers }, row) => (peers.isExternal(paths.peer[row]! as PeerId) ? 0 : 1),
  },
  {
    outcome: "igpMetric",
    rank: ({ paths, attributes, nextHops }, row) =>
      nextHops.metric(attributes.nextHop[paths.accepted[row]!]!),
  },
];

const TIE_BREAKS: readonly Step[] = [
  {
    outcome: "routerId",
    rank: ({ paths, attributes, peers }, row) =>
      attributes.originatorId[paths.accepted[row]!]! || peers.routerId(paths.peer[row]! as PeerId),
  },
  {
    outcome: "clusterLength",
    rank: ({ paths, attributes }, row) => attributes.clusterLength[paths.accepted[row]!]!,
  },
  {
    outcome: "peerAddress",
    rank: ({ paths, peers }, row) => peers.addressRank(paths.peer[row]! as PeerId),
  },
  { outcome: "pathId", rank: ({ paths }, row) => paths.pathId[row]! },
];

/** So many paths are put in order without an allocation; hundreds (RFC 7911) would take too long that way. */
const FEW = 16;

/** Decides one prefix after the other, with scratch arrays that are used again. */
export class Decision {
  readonly #input: DecisionInput;
  readonly #options: DecisionOptions;
  /** Rows still in the running, then (behind `#left`) nothing of use. */
  readonly #rows: number[] = [];
  readonly #ranks: number[] = [];
  #left = 0;
  /** What {@link listUsable} found and {@link takeUsable} has not named. */
  readonly #usable: number[] = [];
  #usableLeft = 0;
  /** Who was dropped by what: only filled for {@link explain}. */
  #lost: Map<number, Outcome> | undefined;

  constructor(input: DecisionInput, options: DecisionOptions) {
    this.#input = input;
    this.#options = options;
  }

  /** Puts the chosen paths in front of the prefix's list. True when they, or what they carry, are others than before. */
  decide(prefix: PrefixId): boolean {
    const { paths } = this.#input;
    const touched = paths.takeTouched(prefix);
    const head = paths.head(prefix);
    // One path and no other, or none: by far the most frequent, and nothing to compare.
    if (head === NIL || paths.next[head] === NIL) {
      const count = head !== NIL && this.#unusable(head) === undefined ? 1 : 0;
      const changed = touched || paths.selected(prefix) !== count;
      if (changed) paths.select(prefix, head, count);
      return changed;
    }
    const count = this.#choose(prefix);
    if (!touched && this.#isAsBefore(prefix, count)) return false;
    this.#relink(prefix, count);
    return true;
  }

  /** What became of every path of a prefix, by row. As the last {@link decide} would say now. */
  explain(prefix: PrefixId): ReadonlyMap<number, Outcome> {
    const lost = new Map<number, Outcome>();
    this.#lost = lost;
    const count = this.#choose(prefix);
    for (let i = 0; i < count; i++) lost.set(this.#rows[i]!, i === 0 ? "best" : "multipath");
    this.#lost = undefined;
    return lost;
  }

  /** Finds all paths of a prefix that can be used, for {@link takeUsable}. Returns how many. */
  listUsable(prefix: PrefixId): number {
    this.#gather(prefix);
    for (let i = 0; i < this.#left; i++) this.#usable[i] = this.#rows[i]!;
    this.#usableLeft = this.#left;
    return this.#left;
  }

  /** The next of them, NIL when there is none; `ranked`: the one that would be chosen, were there but those left. */
  takeUsable(ranked: boolean): number {
    const usable = this.#usable;
    if (this.#usableLeft === 0) return NIL;
    if (!ranked) return usable[--this.#usableLeft]!;
    this.#left = this.#usableLeft;
    for (let i = 0; i < this.#left; i++) this.#rows[i] = usable[i]!;
    this.#keepEquals();
    let best = this.#rows[0]!;
    for (let i = 1; i < this.#left; i++) {
      if (this.#firstDifference(this.#rows[i]!, best) < 0) best = this.#rows[i]!;
    }
    let at = 0;
    while (usable[at] !== best) at++;
    usable[at] = usable[--this.#usableLeft]!;
    return best;
  }

  /** Leaves the chosen rows, the best first, in front of `#rows`; returns how many they are. */
  #choose(prefix: PrefixId): number {
    this.#gather(prefix);
    this.#keepEquals();
    return this.#orderEquals();
  }

  /** All steps but the tie breaks. */
  #keepEquals(): void {
    this.#keepBest(LOCAL_FIRST);
    if (this.#input.attributes.anyStale) this.#keepBest(STALE_LAST);
    for (const step of STEPS_BEFORE_MED) this.#keepBest(step);
    this.#keepLowestMed();
    for (const step of STEPS_AFTER_MED) this.#keepBest(step);
  }

  #gather(prefix: PrefixId): void {
    const { paths } = this.#input;
    this.#left = 0;
    for (let row = paths.head(prefix); row !== NIL; row = paths.next[row]!) {
      const unusable = this.#unusable(row);
      if (unusable === undefined) this.#rows[this.#left++] = row;
      else this.#lost?.set(row, unusable);
    }
  }

  #unusable(row: number): Outcome | undefined {
    const { paths, attributes, nextHops, peers } = this.#input;
    const attrs = paths.accepted[row]!;
    if (attrs === 0) return "rejected";
    if (attributes.isLooped(attrs)) {
      const loop = attributes.loopOf(attrs, peers.allowedOwnAs(paths.peer[row]! as PeerId));
      if (loop !== undefined) return loop;
    }
    // A local route is reached by what we program for it, whatever next hop it tells others.
    if (paths.isLocal(row) || nextHops.isReachable(attributes.nextHop[attrs]!)) return undefined;
    return "nextHopUnreachable";
  }

  #keepBest({ rank, outcome }: Step): void {
    if (this.#left < 2) return;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#left; i++) {
      const value = rank(this.#input, this.#rows[i]!);
      this.#ranks[i] = value;
      if (value < best) best = value;
    }
    this.#keepRanked(best, outcome);
  }

  #keepRanked(best: number, outcome: Outcome): void {
    let kept = 0;
    for (let i = 0; i < this.#left; i++) {
      const row = this.#rows[i]!;
      if (this.#ranks[i] === best) this.#rows[kept++] = row;
      else this.#lost?.set(row, outcome);
    }
    this.#left = kept;
  }

  /** RFC 4271 §9.1.2.2 c: a path goes when another of the same neighbour AS has a lower MED. */
  #keepLowestMed(): void {
    if (this.#left < 2) return;
    const { paths, attributes } = this.#input;
    for (let i = 0; i < this.#left; i++) {
      const mine = paths.accepted[this.#rows[i]!]!;
      this.#ranks[i] = 0;
      for (let j = 0; j < this.#left && this.#ranks[i] === 0; j++) {
        const other = paths.accepted[this.#rows[j]!]!;
        const comparable =
          this.#options.alwaysCompareMed || attributes.neighbourAs[mine] === attributes.neighbourAs[other];
        if (comparable && attributes.med[other]! < attributes.med[mine]!) this.#ranks[i] = 1;
      }
    }
    this.#keepRanked(0, "med");
  }

  /** Sorts the paths of equal cost by the tie breaks and cuts them at the limit. */
  #orderEquals(): number {
    const rows = this.#rows;
    if (this.#left > FEW) {
      rows.length = this.#left;
      rows.sort((a, b) => this.#firstDifference(a, b));
    } else this.#insertInOrder();
    if (!this.#options.multipathRelax && this.#options.multipath > 1) this.#keepNeighbourOfBest();
    const count = Math.min(this.#left, this.#options.multipath);
    if (this.#lost !== undefined) this.#explainCut(count);
    return count;
  }

  #keepNeighbourOfBest(): void {
    const { paths, attributes } = this.#input;
    for (let i = 0; i < this.#left; i++) {
      this.#ranks[i] = attributes.neighbourAs[paths.accepted[this.#rows[i]!]!]!;
    }
    if (this.#left > 1) this.#keepRanked(this.#ranks[0]!, "neighbourAs");
  }

  #insertInOrder(): void {
    const rows = this.#rows;
    for (let i = 1; i < this.#left; i++) {
      const row = rows[i]!;
      let at = i;
      for (; at > 0 && this.#firstDifference(row, rows[at - 1]!) < 0; at--) rows[at] = rows[at - 1]!;
      rows[at] = row;
    }
  }

  /** Without multipath the tie break is why a path lost; with it, the limit is. */
  #explainCut(count: number): void {
    for (let i = count; i < this.#left; i++) {
      const row = this.#rows[i]!;
      const by = TIE_BREAKS.find(({ rank }) => rank(this.#input, row) !== rank(this.#input, this.#rows[0]!));
      this.#lost?.set(row, this.#options.multipath > 1 || by === undefined ? "multipathLimit" : by.outcome);
    }
  }

  /** Negative when `a` wins. Never 0: a peer has one path per prefix and path identifier. */
  #firstDifference(a: number, b: number): number {
    for (const { rank } of TIE_BREAKS) {
      const difference = rank(this.#input, a) - rank(this.#input, b);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #isAsBefore(prefix: PrefixId, count: number): boolean {
    const { paths } = this.#input;
    if (paths.selected(prefix) !== count) return false;
    let row = paths.head(prefix);
    for (let i = 0; i < count; i++) {
      if (row !== this.#rows[i]) return false;
      row = paths.next[row]!;
    }
    return true;
  }

  /** The chosen rows in their order, then the others in theirs. */
  #relink(prefix: PrefixId, count: number): void {
    const { paths } = this.#input;
    const rows = this.#rows;
    let end = count;
    for (let row = paths.head(prefix); row !== NIL; row = paths.next[row]!) {
      if (!includes(rows, count, row)) rows[end++] = row;
    }
    for (let i = 0; i < end; i++) paths.next[rows[i]!] = i + 1 < end ? rows[i + 1]! : NIL;
    paths.select(prefix, end === 0 ? NIL : rows[0]!, count);
  }
}

function includes(rows: readonly number[], count: number, row: number): boolean {
  for (let i = 0; i < count; i++) if (rows[i] === row) return true;
  return false;
}
