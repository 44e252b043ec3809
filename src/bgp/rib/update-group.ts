/**
 * Peers that are told the same, and what they have been told.
 *
 * A change of a best path only sets a bit here ({@link UpdateGroup.mark}). When somebody can take more, {@link drain}
 * asks for each such prefix what is to be sent now, compares that with what was sent, and hands out the difference: to
 * be encoded once and written to every member. So a prefix that changes ten times before it is sent is sent once.
 *
 * A member that cannot take it falls behind: it gets one bit per prefix instead of a queue of messages, and a second
 * bit that says whether it holds the prefix (so that it is told of a withdrawal only if it does). {@link catchUp} hands
 * out to it alone until it is in step again.
 *
 * The best path's own peer is not sent it back: the Adj-RIB-Out remembers whose path was sent, and that member gets a
 * withdrawal in its place. A prefix is pinned (its id is not given out again) while it is sent or owed.
 */

import type { AdjRibOut } from "./adj-rib-out.ts";
import { type AttrId, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { Exporter, ExportReason } from "./exporter.ts";
import { IdSet } from "./id-set.ts";
import type { ExportClass } from "./outgoing.ts";
import type { PathTable } from "./path-table.ts";
import { NO_PEER, type PeerId } from "./peer-table.ts";
import type { PrefixId } from "./prefix-table.ts";
import { allBut, EVERYBODY, only, UpdateRuns, type UpdateSink } from "./update-runs.ts";

/** One peer in the group. */
interface Member {
  readonly peer: PeerId;
  /** Prefixes that it must still be told of. Empty: it is in step with the group. */
  readonly behind: IdSet;
  /** Of those, the ones that it holds an earlier announcement of. */
  readonly holds: IdSet;
  /** Prefixes that it has been sent and not had withdrawn. */
  advertised: number;
}

/** What is sent of one prefix, before and after: used again for every prefix. */
interface Change {
  before: AttrId;
  from: PeerId;
  after: AttrId;
  by: PeerId;
}

export class UpdateGroup {
  readonly exportClass: ExportClass;
  readonly sent: AdjRibOut;
  readonly #exporter: Exporter;
  readonly #paths: PathTable;
  readonly #runs: UpdateRuns;
  readonly #members: Map<PeerId, Member> = new Map();
  readonly #dirty: IdSet = new IdSet();
  readonly #change: Change = { before: NO_ATTRIBUTES, from: NO_PEER, after: NO_ATTRIBUTES, by: NO_PEER };
  /** Prefixes whose number may be given back once the sink has had them. */
  readonly #settled: PrefixId[] = [];
  // Who takes part in the drain that is going on.
  #ready: Member[] = [];
  #late: Member[] = [];

  constructor(exporter: Exporter, sent: AdjRibOut, paths: PathTable) {
    this.exportClass = exporter.exportClass;
    this.sent = sent;
    this.#exporter = exporter;
    this.#paths = paths;
    this.#runs = new UpdateRuns(paths.prefixes);
  }

  get members(): readonly PeerId[] {
    return [...this.#members.keys()];
  }

  /** How many prefixes were not handed out since this was asked, because their attributes do not fit into a message. */
  takeUnsendable(): number {
    const { unsendable } = this.#exporter;
    this.#exporter.unsendable = 0;
    return unsendable;
  }

  /** Prefixes that changed and have not been looked at. */
  get pending(): number {
    return this.#dirty.size;
  }

  /** Says that what is to be sent of a prefix may be something else now. */
  mark(prefix: PrefixId): void {
    this.#dirty.add(prefix);
  }

  /**
   * Hands out up to `limit` changed prefixes to all members that are in step and `isReady`; the others fall behind.
   * Does nothing while no member at all is ready. Returns how many prefixes it looked at.
   */
  drain(limit: number, isReady: (peer: PeerId) => boolean, sink: UpdateSink): number {
    if (this.#dirty.size === 0 || !this.#split(isReady)) return 0;
    let looked = 0;
    for (; looked < limit && this.#dirty.size > 0; looked++) {
      const prefix = this.#dirty.next() as PrefixId;
      this.#dirty.delete(prefix);
      this.#look(prefix);
    }
    this.#flush(
      this.#ready.map(({ peer }) => peer),
      sink,
    );
    return looked;
  }

  /** Hands out up to `limit` prefixes that one member is behind with. Returns how many. */
  catchUp(peer: PeerId, limit: number, sink: UpdateSink): number {
    const member = this.#member(peer);
    let told = 0;
    for (let left = member.behind.size; left > 0 && told < limit; left--) {
      const prefix = member.behind.next() as PrefixId;
      // What is to be sent of it is not known before drain has looked at it; its bit stays.
      if (this.#dirty.has(prefix)) continue;
      this.#tell(member, prefix);
      told++;
    }
    this.#flush([peer], sink);
    return told;
  }

  /** Prefixes that have not been handed out to this member. 0: it has everything (the time for End-of-RIB). */
  pendingFor(peer: PeerId): number {
    return this.#dirty.size + this.#member(peer).behind.size;
  }

  /** True when this prefix has changed and the member has not been told. */
  isPendingFor(peer: PeerId, prefix: PrefixId): boolean {
    return this.#dirty.has(prefix) || this.#member(peer).behind.has(prefix);
  }

  /** Everything again, to one member: it asked for a refresh (RFC 2918 §4). */
  resend(peer: PeerId): void {
    const member = this.#member(peer);
    this.sent.each((prefix) => {
      if (this.sent.source(prefix) !== peer) this.#fallBehind(member, prefix, true);
    });
  }

  /** Prefixes that this member has been sent. */
  advertised(peer: PeerId): number {
    return this.#member(peer).advertised;
  }

  /** A peer that holds nothing, or, having been in another group, what that calls back for. */
  join(peer: PeerId, held: (each: (prefix: PrefixId) => void) => void = nothing): void {
    const member: Member = { peer, behind: new IdSet(), holds: new IdSet(), advertised: 0 };
    this.#members.set(peer, member);
    held((prefix) => {
      this.#fallBehind(member, prefix, true);
      member.advertised++;
    });
    this.sent.each((prefix) => {
      if (this.sent.source(prefix) !== peer) this.#fallBehind(member, prefix, false);
    });
  }

  leave(peer: PeerId): void {
    const { behind } = this.#member(peer);
    this.#members.delete(peer);
    for (let id = behind.next(); id >= 0; id = behind.next()) {
      behind.delete(id);
      this.#paths.unpin(id as PrefixId);
    }
    if (this.#members.size === 0) this.sent.clear();
  }

  /** Why a prefix is sent to a member, or is not. */
  explain(peer: PeerId, prefix: PrefixId): ExportReason {
    const reason = this.#exporter.explain(prefix);
    const isOwn = reason.sent && this.#paths.peer[this.#paths.head(prefix)] === peer;
    return isOwn ? { sent: false, reason: "the peer's own path", rule: undefined } : reason;
  }

  /** Calls back for every prefix that this member holds. */
  eachHeldBy(peer: PeerId, each: (prefix: PrefixId) => void): void {
    const { behind, holds } = this.#member(peer);
    this.sent.each((prefix) => {
      if (!behind.has(prefix) && this.sent.source(prefix) !== peer) each(prefix);
    });
    for (let id = 0; id < this.#paths.prefixes.extent; id++) if (holds.has(id)) each(id as PrefixId);
  }

  /** Sorts members into those that this drain serves and those that fall behind. False: nobody is ready. */
  #split(isReady: (peer: PeerId) => boolean): boolean {
    this.#ready = [];
    this.#late = [];
    let anybody = false;
    for (const member of this.#members.values()) {
      const ready = isReady(member.peer);
      anybody ||= ready;
      if (ready && member.behind.size === 0) this.#ready.push(member);
      else this.#late.push(member);
    }
    return anybody;
  }

  /** Compares what is to be sent of a prefix with what was, and notes the difference for everybody. */
  #look(prefix: PrefixId): void {
    const change = this.#change;
    change.before = this.sent.attrs(prefix);
    change.from = this.sent.source(prefix);
    change.after = this.#exporter.evaluate(prefix);
    change.by = this.#exporter.source;
    const { before, from, after, by } = change;
    if (after !== before || by !== from) {
      for (const member of this.#late) {
        const had = holdsIt(before, from, member.peer);
        if (had || holdsIt(after, by, member.peer)) this.#fallBehind(member, prefix, had);
      }
      this.#noteReady(prefix, change);
    }
    if (after === NO_ATTRIBUTES && before === NO_ATTRIBUTES) return;
    if (this.sent.set(prefix, after, by, this.#exporter.tag)) this.#settled.push(prefix);
  }

  /** What the members in step are to be told. Only the peers of the two paths differ from the others. */
  #noteReady(prefix: PrefixId, change: Change): void {
    const { before, from, after, by } = change;
    // Who is left out: the peer whose path it is, or (nothing being left) the one that never had it.
    const excluded = after === NO_ATTRIBUTES ? from : by;
    let audience = EVERYBODY;
    for (const member of this.#ready) {
      const had = holdsIt(before, from, member.peer);
      const wants = holdsIt(after, by, member.peer);
      member.advertised += (wants ? 1 : 0) - (had ? 1 : 0);
      if (member.peer === excluded) audience = allBut(excluded);
      if (member.peer === from || member.peer === by) this.#noteConcerned(prefix, member.peer, change);
    }
    if (after !== before) this.#runs.add(prefix, after, audience);
  }

  /** What one of the two peers is told that the others are not. */
  #noteConcerned(prefix: PrefixId, peer: PeerId, { before, from, after, by }: Change): void {
    const had = holdsIt(before, from, peer);
    const wants = holdsIt(after, by, peer);
    if (wants && after === before) this.#runs.add(prefix, after, only(peer));
    else if (had && !wants && after !== NO_ATTRIBUTES) this.#runs.add(prefix, NO_ATTRIBUTES, only(peer));
  }

  /** Tells one member what was sent of a prefix to the others, or takes back what it holds. */
  #tell(member: Member, prefix: PrefixId): void {
    const held = member.holds.delete(prefix);
    const attrs = this.sent.attrs(prefix);
    const wants = holdsIt(attrs, this.sent.source(prefix), member.peer);
    if (wants) this.#runs.add(prefix, attrs, EVERYBODY);
    else if (held) this.#runs.add(prefix, NO_ATTRIBUTES, EVERYBODY);
    member.advertised += (wants ? 1 : 0) - (held ? 1 : 0);
    member.behind.delete(prefix);
    this.#settled.push(prefix);
  }

  #fallBehind(member: Member, prefix: PrefixId, holds: boolean): void {
    if (!member.behind.add(prefix)) return;
    if (holds) member.holds.add(prefix);
    this.#paths.pin(prefix);
  }

  #flush(recipients: readonly PeerId[], sink: UpdateSink): void {
    this.#runs.flush(this.#paths.prefixes.family, recipients, sink);
    for (const prefix of this.#settled) this.#paths.unpin(prefix);
    this.#settled.length = 0;
  }

  #member(peer: PeerId): Member {
    const member = this.#members.get(peer);
    if (member === undefined) throw new RangeError(`peer ${peer} is not in this group`);
    return member;
  }
}

/** A path is sent to everybody but the peer that it came from. */
const holdsIt = (attrs: AttrId, source: PeerId, peer: PeerId): boolean =>
  attrs !== NO_ATTRIBUTES && source !== peer;

function nothing(): void {
  // A new session: the peer holds nothing.
}
