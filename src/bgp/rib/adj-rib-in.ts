/**
 * What peers told us, judged: the Adj-RIB-In of every peer of one family (RFC 4271 §3.2).
 *
 * Every path is kept, the rejected ones too, so that a policy can change without asking the peer again. Whatever
 * changes marks its prefix as to be decided; nothing is decided here. Taking away many paths at once (a peer that is
 * gone, stale ones after a restart) is a sweep over the rows, done in slices by {@link AdjRibIn.sweepSome}.
 *
 * Stale (RFC 4724 §4.2): each peer has a generation, each path the one in which it was last announced. When they differ
 * the path is stale. So marking everything stale is one increment. Stale for long (RFC 9494) is a generation of its own,
 * into which a sweep puts the stale paths one by one, and LLGR_STALE among the attributes that such a path is accepted
 * with: selection and export see it there.
 */

import type { Prefix } from "../net/address.ts";
import { NO_PREFIX, type PrefixId } from "../net/prefix-table.ts";
import type { PrefixBatch } from "../wire/prefix-batch.ts";
import { changed, WITH_LLGR_STALE, WITHOUT_PREFERENCE } from "./amendments.ts";
import { AppliedFilter } from "./applied-filter.ts";
import { GRACEFUL_SHUTDOWN, NO_LLGR } from "./attribute-columns.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { Feed, FeedCounts, Refilter, Sweep } from "./feed.ts";
import { type ImportLimits, loopOf, overLimit, sameLimits, TOO_LONG } from "./import-limits.ts";
import { NIL, type PathTable } from "./path-table.ts";
import { LOCAL, type PeerId } from "./peer-table.ts";
import type { RouteFilter, Verdict } from "./route-filter.ts";
import { RuleNames } from "./rule-names.ts";

/** To judge a path again costs as much as looking at so many rows. */
const JUDGED_ROWS = 8;

/**
 * Most paths of one prefix that one peer may have us keep (RFC 7911): what is done for a prefix is done for each of
 * them, some of it for each pair, and a peer may think out as many as it likes.
 */
const MOST_PATHS = 256;

const GENERATIONS = 255;
/** The generation of what is stale for long. */
const LONG_LIVED = 255;

export class AdjRibIn {
  readonly #paths: PathTable;
  readonly #pool: AttributePool;
  readonly #feeds: (Feed | undefined)[] = [];
  /** Of the rules that decided: what the `rule` column counts. */
  readonly #rules: RuleNames = new RuleNames();
  #sweeps: Sweep[] = [];
  #refilters: Refilter[] = [];

  constructor(paths: PathTable, pool: AttributePool) {
    this.#paths = paths;
    this.#pool = pool;
  }

  /** Begins to believe a peer as far as `filter` lets it. */
  open(peer: PeerId, filter: RouteFilter, limits: ImportLimits): void {
    this.#feeds[peer] = {
      filter: new AppliedFilter(filter, this.#pool),
      limits,
      generation: 0,
      received: 0,
      accepted: 0,
      stale: 0,
      refused: 0,
    };
  }

  /** Every prefix of the batch has this path now. Takes references of its own: give yours back after. */
  announce(peer: PeerId, attrs: AttrId, batch: PrefixBatch): void {
    const feed = this.#feed(peer);
    const six = batch.family === 6;
    const { filter } = feed.filter;
    const attributeClass = feed.filter.classOf(attrs);
    const origin = this.#pool.columns.originAs[attrs]!;
    const refused = overLimit(this.#pool.columns, attrs, feed.limits);
    const judgesEach = filter.usesPrefix && refused === undefined;
    let verdict = judgesEach
      ? undefined
      : (refused ?? filter.judge(attributeClass, batch.family, 0, 0, 0, 0, 0, 0, origin));
    for (let i = 0; i < batch.count; i++) {
      const w0 = batch.w0[i]!;
      const w1 = six ? batch.w1[i]! : 0;
      const w2 = six ? batch.w2[i]! : 0;
      const w3 = six ? batch.w3[i]! : 0;
      const length = batch.length[i]!;
      if (judgesEach) {
        verdict = filter.judge(attributeClass, batch.family, w0, w1, w2, w3, length, 0, origin);
      }
      this.#put(feed, peer, this.#paths.open(w0, w1, w2, w3, length), batch.pathId[i]!, attrs, verdict!);
    }
  }

  /** Prefixes that the peer never announced are passed over. */
  withdraw(peer: PeerId, batch: PrefixBatch): void {
    const six = batch.family === 6;
    for (let i = 0; i < batch.count; i++) {
      const prefix = this.#paths.prefixes.find(
        batch.w0[i]!,
        six ? batch.w1[i]! : 0,
        six ? batch.w2[i]! : 0,
        six ? batch.w3[i]! : 0,
        batch.length[i]!,
      );
      if (prefix === NO_PREFIX) continue;
      const row = this.#paths.find(prefix, peer, batch.pathId[i]!);
      if (row !== NIL) this.#remove(row);
    }
  }

  /**
   * A route of our own: it always wins, and passes no import policy. Takes a reference of its own.
   * @throws RangeError when an IPv6 prefix is given an IPv4 next hop, which no UPDATE can carry
   */
  originate(prefix: Prefix, attrs: AttrId, tag: number): void {
    if (prefix.family === 6 && this.#pool.attributes(attrs).nextHop.family === 4) {
      throw new RangeError("an IPv6 prefix needs an IPv6 next hop");
    }
    const { w0, w1, w2, w3, length } = prefix;
    const paths = this.#paths;
    const id = paths.open(w0, w1, w2, w3, length);
    const found = paths.find(id, LOCAL, 0);
    const row = found === NIL ? this.#append(id, LOCAL, 0) : found;
    if (paths.received[row] === attrs && paths.tag[row] === tag) return;
    this.#replace(paths.received, row, this.#pool.retain(attrs));
    this.#replace(paths.accepted, row, this.#pool.retain(attrs));
    paths.tag[row] = tag;
    paths.touch(row);
  }

  /** Takes a route of our own back. True when there was one. */
  abandon({ w0, w1, w2, w3, length }: Prefix): boolean {
    const id = this.#paths.prefixes.find(w0, w1, w2, w3, length);
    const row = id === NO_PREFIX ? NIL : this.#paths.find(id, LOCAL, 0);
    if (row !== NIL) this.#remove(row);
    return row !== NIL;
  }

  /**
   * Graceful restart began: what is there is stale until it is announced again. Returns how much that is.
   * @param before - what was stale already goes at once (RFC 4724 §4.2, consecutive restarts), or stays (RFC 9494 §4.2)
   */
  markStale(peer: PeerId, before: "goes" | "stays" = "goes"): number {
    const feed = this.#feed(peer);
    if (feed.stale > 0 && before === "goes") this.sweepStale(peer);
    this.#finish(peer);
    feed.generation = (feed.generation + 1) % GENERATIONS;
    feed.stale = feed.received;
    return feed.stale;
  }

  /** End-of-RIB, or the time is over: what is still stale goes, in slices. Returns how much that is. */
  sweepStale(peer: PeerId, done: () => void = nothing): number {
    const { stale } = this.#feed(peer);
    if (stale === 0) done();
    else this.#sweeps.push({ peer, ages: false, at: 0, done });
    return stale;
  }

  /**
   * What is stale is so for long from now on (RFC 9494 §4.2): in slices it is given LLGR_STALE, or goes where it says
   * NO_LLGR. Returns how much is stale.
   */
  age(peer: PeerId): number {
    const { stale } = this.#feed(peer);
    if (stale > 0) this.#sweeps.push({ peer, ages: true, at: 0, done: nothing });
    return stale;
  }

  /** The session is gone for good: all of its paths go, in slices. The peer may come back meanwhile. */
  drop(peer: PeerId, done: () => void = nothing): void {
    this.markStale(peer);
    this.sweepStale(peer, done);
  }

  /** True while there are rows to sweep. */
  get isSweeping(): boolean {
    return this.#sweeps.length + this.#refilters.length > 0;
  }

  /** Sweeps and judges on; spends about `budget`, in rows looked at, and returns what it spent. */
  sweepSome(budget: number): number {
    let left = budget;
    for (let sweep = this.#sweeps[0]; sweep !== undefined && left > 0; sweep = this.#sweeps[0]) {
      left -= this.#advance(sweep, left);
    }
    for (let one = this.#refilters[0]; one !== undefined && left > 0; one = this.#refilters[0]) {
      left -= this.#judgeSome(one, left);
    }
    return budget - left;
  }

  /**
   * Another import policy, other limits, or the same, which are passed over: for what the peer says from now on at once,
   * for what it has told us in slices.
   */
  refilter(peer: PeerId, filter: RouteFilter, limits: ImportLimits): void {
    const feed = this.#feed(peer);
    if (feed.filter.filter === filter && sameLimits(feed.limits, limits)) return;
    const recounts = feed.limits.ownAs !== limits.ownAs;
    feed.filter = new AppliedFilter(filter, this.#pool);
    feed.limits = limits;
    if (recounts) feed.accepted = this.#countUsable(peer, feed);
    this.#refilters = this.#refilters.filter((other) => other.peer !== peer);
    this.#refilters.push({ peer, at: 0 });
  }

  /** True when the import policy of any peer asks for the validity of origins. */
  get usesValidity(): boolean {
    return this.#feeds.some((feed) => feed?.filter.filter.usesValidity === true);
  }

  /** Judges a path again, if its peer's import policy asks for the validity of origins. */
  revalidate(row: number): void {
    const feed = this.#feeds[this.#paths.peer[row]!];
    if (feed?.filter.filter.usesValidity === true) this.#judge(feed, row);
  }

  counts(peer: PeerId): FeedCounts {
    return this.#feed(peer);
  }

  isStale(row: number): boolean {
    const peer = this.#paths.peer[row]! as PeerId;
    return peer !== LOCAL && this.#paths.generation[row] !== this.#feed(peer).generation;
  }

  /** What keeps a path that import policy lets in from being used: our own number in it, as RFC 4271 or RFC 4456 has it. */
  loopOf(row: number): string | undefined {
    const accepted = this.#paths.accepted[row]!;
    const feed = this.#paths.isLocal(row) ? undefined : this.#feed(this.#paths.peer[row]! as PeerId);
    return feed && accepted !== 0 ? loopOf(this.#pool.columns, accepted, feed.limits) : undefined;
  }

  /** The import rule that decided about a path; undefined for a local one. */
  ruleOf(row: number): string | undefined {
    return this.#paths.isLocal(row) ? undefined : this.#rules.nameOf(this.#paths.rule[row]!);
  }

  #put(feed: Feed, peer: PeerId, prefix: PrefixId, pathId: number, attrs: AttrId, verdict: Verdict): void {
    const paths = this.#paths;
    let row = paths.find(prefix, peer, pathId);
    let marked = false;
    if (row === NIL) {
      if (pathId !== 0 && paths.countOf(prefix, peer) >= MOST_PATHS) {
        feed.refused++;
        return;
      }
      row = this.#append(prefix, peer, pathId);
      feed.received++;
    } else if (paths.generation[row] !== feed.generation) {
      feed.stale--;
      marked = paths.generation[row] === LONG_LIVED;
    }
    if (paths.generation[row] !== feed.generation) paths.generation[row] = feed.generation;
    if (paths.received[row] === attrs && !marked) return;
    this.#replace(paths.received, row, this.#pool.retain(attrs));
    this.#accept(feed, row, verdict);
  }

  #append(prefix: PrefixId, peer: PeerId, pathId: number): number {
    const row = this.#paths.append(prefix, peer, pathId);
    this.#paths.received[row] = 0;
    this.#paths.accepted[row] = 0;
    this.#paths.rule[row] = 0;
    if (this.#paths.tag[row] !== 0) this.#paths.tag[row] = 0;
    return row;
  }

  /** Does to a path what the policy says, and has its prefix decided when that changes something. */
  #accept(feed: Feed, row: number, verdict: Verdict): void {
    const paths = this.#paths;
    const before = paths.accepted[row]!;
    const after = verdict.accepted ? this.#accepted(feed, row, verdict) : NO_ATTRIBUTES;
    const tag = verdict.tag ?? 0;
    const isOther = before !== after || paths.tag[row] !== tag;
    feed.accepted += this.#usable(feed, after) - this.#usable(feed, before);
    this.#replace(paths.accepted, row, after);
    if (paths.tag[row] !== tag) paths.tag[row] = tag;
    const isTooLong = verdict.accepted && after === NO_ATTRIBUTES;
    paths.rule[row] = this.#rules.numberOf(isTooLong ? TOO_LONG : verdict);
    if (isOther) paths.touch(row);
  }

  /**
   * What is left of a path when policy and well-known communities have had their say. Takes one reference. NO_ATTRIBUTES:
   * it is longer than any message.
   */
  #accepted({ filter }: Feed, row: number, verdict: Verdict): AttrId {
    const attrs = filter.apply(this.#paths.received[row]! as AttrId, verdict);
    if (attrs === NO_ATTRIBUTES) return attrs;
    const lowers = filter.filter.honorsGracefulShutdown;
    const lowered = lowers && (this.#pool.columns.flags[attrs]! & GRACEFUL_SHUTDOWN) !== 0;
    const kept = lowered ? changed(this.#pool, filter, attrs, WITHOUT_PREFERENCE) : attrs;
    const long = this.#paths.generation[row] === LONG_LIVED;
    return long ? changed(this.#pool, filter, kept, WITH_LLGR_STALE) : kept;
  }

  /** Puts an id that was retained in the place of another, which is released. */
  #replace(column: Uint32Array, row: number, attrs: AttrId): void {
    const before = column[row]! as AttrId;
    column[row] = attrs;
    if (before !== 0) this.#pool.release(before);
  }

  /** 1: selection may choose it; 0: it was rejected, or is a loop. */
  #usable({ limits }: Feed, accepted: number): number {
    return accepted === 0 || loopOf(this.#pool.columns, accepted, limits) !== undefined ? 0 : 1;
  }

  #countUsable(peer: PeerId, feed: Feed): number {
    const paths = this.#paths;
    let count = 0;
    for (let row = 0; row < paths.extent; row++) {
      if (paths.peer[row] === peer && paths.has(row)) count += this.#usable(feed, paths.accepted[row]!);
    }
    return count;
  }

  #remove(row: number): void {
    const paths = this.#paths;
    const feed = this.#feeds[paths.peer[row]!];
    if (feed !== undefined) {
      feed.received--;
      feed.accepted -= this.#usable(feed, paths.accepted[row]!);
      if (paths.generation[row] !== feed.generation) feed.stale--;
    }
    paths.remove(row);
    this.#replace(paths.received, row, 0 as AttrId);
    this.#replace(paths.accepted, row, 0 as AttrId);
  }

  /** Sweeps on; returns what that cost. */
  #advance(sweep: Sweep, budget: number): number {
    const paths = this.#paths;
    const feed = this.#feed(sweep.peer);
    let spent = 0;
    for (; sweep.at < paths.extent && spent < budget; sweep.at++) {
      const row = sweep.at;
      spent++;
      if (paths.peer[row] !== sweep.peer || !paths.has(row)) continue;
      const generation = paths.generation[row];
      if (generation === feed.generation) continue;
      if (!sweep.ages) this.#remove(row);
      else if (generation !== LONG_LIVED) {
        paths.generation[row] = LONG_LIVED;
        this.#judge(feed, row);
        spent += JUDGED_ROWS;
      }
    }
    if (sweep.at >= paths.extent) {
      this.#sweeps = this.#sweeps.filter((other) => other !== sweep);
      sweep.done();
    }
    return Math.max(1, spent);
  }

  /** Judges on; returns what that cost. */
  #judgeSome(refilter: Refilter, budget: number): number {
    const paths = this.#paths;
    const feed = this.#feed(refilter.peer);
    let spent = 0;
    for (; refilter.at < paths.extent && spent < budget; refilter.at++) {
      const row = refilter.at;
      spent++;
      if (paths.peer[row] !== refilter.peer || !paths.has(row)) continue;
      this.#judge(feed, row);
      spent += JUDGED_ROWS;
    }
    if (refilter.at >= paths.extent) this.#refilters.shift();
    return Math.max(1, spent);
  }

  /** Asks the policy about a path again. */
  #judge(feed: Feed, row: number): void {
    const paths = this.#paths;
    this.#accept(feed, row, this.#verdictOn(feed, row));
    const flags = this.#pool.columns.flags[paths.accepted[row]! || paths.received[row]!]!;
    // RFC 9494 §4.2: what says so is not kept for long.
    if (paths.generation[row] === LONG_LIVED && (flags & NO_LLGR) !== 0) this.#remove(row);
  }

  #verdictOn(feed: Feed, row: number): Verdict {
    const { prefixes } = this.#paths;
    const prefix = this.#paths.prefix[row]! as PrefixId;
    const attrs = this.#paths.received[row]! as AttrId;
    const refused = overLimit(this.#pool.columns, attrs, feed.limits);
    if (refused !== undefined) return refused;
    return feed.filter.filter.judge(
      feed.filter.classOf(attrs),
      prefixes.family,
      prefixes.word(prefix, 0),
      prefixes.word(prefix, 1),
      prefixes.word(prefix, 2),
      prefixes.word(prefix, 3),
      prefixes.lengthOf(prefix),
      0,
      this.#pool.columns.originAs[attrs]!,
    );
  }

  /** Ends the sweeps of a peer now: its generation is about to change, and theirs would then take too much. */
  #finish(peer: PeerId): void {
    for (const sweep of this.#sweeps.filter((one) => one.peer === peer)) {
      this.#advance(sweep, Number.POSITIVE_INFINITY);
    }
  }

  #feed(peer: PeerId): Feed {
    const feed = this.#feeds[peer];
    if (feed === undefined) throw new RangeError(`peer ${peer} is not open`);
    return feed;
  }
}

function nothing(): void {
  // Nobody waits.
}
