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
 *
 * A group that is sent several paths of a prefix (RFC 7911) does all of this path by path; only the marks are by prefix.
 * {@link Naming} makes the difference.
 */

import type { PrefixId } from "../net/prefix-table.ts";
import { AdjRibOut } from "./adj-rib-out.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import { columnOf } from "./columns.ts";
import type { Exporter, ExportReason } from "./exporter.ts";
import { IdSet } from "./id-set.ts";
import { Naming, type NlriId } from "./naming.ts";
import type { ExportClass } from "./outgoing.ts";
import { NIL, type PathTable } from "./path-table.ts";
import { NO_PEER, type PeerId } from "./peer-table.ts";
import { allBut, EVERYBODY, only, UpdateRuns, type UpdateSink } from "./update-runs.ts";

/** One peer in the group. */
interface Member {
  readonly peer: PeerId;
  /** What it must still be told of. Empty: it is in step with the group. */
  readonly behind: IdSet;
  /** Of those, the ones that it holds an earlier announcement of. */
  readonly holds: IdSet;
  /** What it has been sent and not had withdrawn. */
  advertised: number;
}

/** What is sent by one NLRI, before and after: used again for every one. */
interface Change {
  before: AttrId;
  from: PeerId;
  after: AttrId;
  by: PeerId;
}

export class UpdateGroup {
  readonly exportClass: ExportClass;
  readonly naming: Naming;
  readonly sent: AdjRibOut;
  readonly #exporter: Exporter;
  readonly #paths: PathTable;
  readonly #runs: UpdateRuns;
  readonly #members: Map<PeerId, Member> = new Map();
  readonly #dirty: IdSet = new IdSet();
  readonly #change: Change = { before: NO_ATTRIBUTES, from: NO_PEER, after: NO_ATTRIBUTES, by: NO_PEER };
  /** Whose number may be given back once the sink has had them. */
  readonly #settled: NlriId[] = [];
  /** By path, of a group that is sent several: the look at its prefix that found it to be sent. */
  #found: Uint32Array = new Uint32Array(0);
  #looks = 0;
  #foundPaths = 0;
  // Who takes part in the drain that is going on.
  #ready: Member[] = [];
  #late: Member[] = [];

  constructor(exporter: Exporter, pool: AttributePool, paths: PathTable) {
    this.exportClass = exporter.exportClass;
    this.naming = new Naming(paths, exporter.exportClass.paths > 0);
    this.sent = new AdjRibOut(this.naming, pool);
    this.#exporter = exporter;
    this.#paths = paths;
    this.#runs = new UpdateRuns(paths.prefixes, this.naming);
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
   * Does nothing while no member at all is ready. Returns how many prefixes, or paths, it looked at.
   */
  drain(limit: number, isReady: (peer: PeerId) => boolean, sink: UpdateSink): number {
    if (this.#dirty.size === 0 || !this.#split(isReady)) return 0;
    let looked = 0;
    while (looked < limit && this.#dirty.size > 0) {
      const prefix = this.#dirty.next() as PrefixId;
      this.#dirty.delete(prefix);
      looked += this.#look(prefix);
    }
    this.#flush(
      this.#ready.map(({ peer }) => peer),
      sink,
    );
    return looked;
  }

  /** Hands out up to `limit` of what one member is behind with. Returns how many. */
  catchUp(peer: PeerId, limit: number, sink: UpdateSink): number {
    const member = this.#member(peer);
    let told = 0;
    for (let left = member.behind.size; left > 0 && told < limit; left--) {
      const nlri = member.behind.next() as NlriId;
      // What is to be sent of it is not known before drain has looked at it; its bit stays.
      if (this.#dirty.has(this.naming.prefixOf(nlri))) continue;
      this.#tell(member, nlri);
      told++;
    }
    this.#flush([peer], sink);
    return told;
  }

  /** How much has not been handed out to this member. 0: it has everything (the time for End-of-RIB). */
  pendingFor(peer: PeerId): number {
    return this.#dirty.size + this.#member(peer).behind.size;
  }

  /** True when the member was handed out what {@link sent} has. */
  isHeldBy(peer: PeerId, nlri: NlriId): boolean {
    return !this.#member(peer).behind.has(nlri);
  }

  /** True when it may have changed and the member has not been told. */
  isPendingFor(peer: PeerId, nlri: NlriId): boolean {
    return this.#dirty.has(this.naming.prefixOf(nlri)) || this.#member(peer).behind.has(nlri);
  }

  /** Everything again, to one member: it asked for a refresh (RFC 2918 §4). */
  resend(peer: PeerId): void {
    const member = this.#member(peer);
    this.sent.each((nlri) => {
      if (this.sent.source(nlri) !== peer) this.#fallBehind(member, nlri, true);
    });
  }

  /** How many prefixes, or paths, this member has been sent. */
  advertised(peer: PeerId): number {
    return this.#member(peer).advertised;
  }

  /** A peer that holds nothing, or, having been in another group, what that calls back for. */
  join(peer: PeerId, held: (each: (nlri: NlriId) => void) => void = nothing): void {
    const member: Member = { peer, behind: new IdSet(), holds: new IdSet(), advertised: 0 };
    this.#members.set(peer, member);
    held((nlri) => {
      this.#fallBehind(member, nlri, true);
      member.advertised++;
    });
    this.sent.each((nlri) => {
      if (this.sent.source(nlri) !== peer) this.#fallBehind(member, nlri, false);
    });
  }

  leave(peer: PeerId): void {
    const { behind } = this.#member(peer);
    this.#members.delete(peer);
    for (let id = behind.next(); id >= 0; id = behind.next()) {
      behind.delete(id);
      this.naming.unpin(id as NlriId);
    }
    if (this.#members.size === 0) this.sent.clear();
  }

  /** Why a prefix is sent to a member, or is not: of several paths, any that is sent, else the best. */
  explain(peer: PeerId, prefix: PrefixId): ExportReason {
    return this.#exporter.explain(prefix, peer);
  }

  /** The export rule that lets it out; undefined: none does now. */
  ruleOf(nlri: NlriId): string | undefined {
    const prefix = this.naming.prefixOf(nlri);
    const path = this.naming.byPath ? nlri : this.#paths.head(prefix);
    const isThere = path !== NIL && this.#paths.has(path);
    return isThere ? this.#exporter.ruleOf(prefix, path) : undefined;
  }

  /** Calls back for all that this member holds. */
  eachHeldBy(peer: PeerId, each: (nlri: NlriId) => void): void {
    const { behind, holds } = this.#member(peer);
    this.sent.each((nlri) => {
      if (!behind.has(nlri) && this.sent.source(nlri) !== peer) each(nlri);
    });
    for (let id = 0; id < this.naming.extent; id++) if (holds.has(id)) each(id as NlriId);
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

  /** Finds out what is to be sent of a prefix. Returns how much there was to look at. */
  #look(prefix: PrefixId): number {
    const exporter = this.#exporter;
    if (!this.naming.byPath) {
      this.#compare(prefix as number as NlriId, exporter.evaluate(prefix), exporter.source);
      return 1;
    }
    // What is to be had goes out before what is taken back: nobody is without a path in between.
    const look = ++this.#looks;
    this.#foundPaths = 0;
    this.#found = columnOf(this.#found, this.naming.extent);
    exporter.evaluatePaths(prefix, this.#compareFound);
    this.sent.eachPathOf(prefix, (path) => {
      if (this.#found[path] !== look) this.#compare(path, NO_ATTRIBUTES, NO_PEER);
    });
    return Math.max(1, this.#foundPaths);
  }

  readonly #compareFound = (row: number, attrs: AttrId): void => {
    this.#found[row] = this.#looks;
    this.#foundPaths++;
    this.#compare(row as NlriId, attrs, this.#exporter.source);
  };

  /** Compares what is to be sent with what was, and notes the difference for everybody. */
  #compare(nlri: NlriId, attrs: AttrId, source: PeerId): void {
    const change = this.#change;
    change.before = this.sent.attrs(nlri);
    change.from = this.sent.source(nlri);
    change.after = attrs;
    change.by = source;
    const { before, from, after, by } = change;
    if (after !== before || by !== from) {
      for (const member of this.#late) {
        const had = holdsIt(before, from, member.peer);
        if (had || holdsIt(after, by, member.peer)) this.#fallBehind(member, nlri, had);
      }
      this.#noteReady(nlri, change);
    }
    if (after === NO_ATTRIBUTES && before === NO_ATTRIBUTES) return;
    if (this.sent.set(nlri, after, by, this.#exporter.tag)) this.#settled.push(nlri);
  }

  /** What the members in step are to be told. Only the peers of the two paths differ from the others. */
  #noteReady(nlri: NlriId, change: Change): void {
    const { before, from, after, by } = change;
    // Who is left out: the peer whose path it is, or (nothing being left) the one that never had it.
    const excluded = after === NO_ATTRIBUTES ? from : by;
    let audience = EVERYBODY;
    for (const member of this.#ready) {
      const had = holdsIt(before, from, member.peer);
      const wants = holdsIt(after, by, member.peer);
      member.advertised += (wants ? 1 : 0) - (had ? 1 : 0);
      if (member.peer === excluded) audience = allBut(excluded);
      if (member.peer === from || member.peer === by) this.#noteConcerned(nlri, member.peer, change);
    }
    if (after !== before) this.#runs.add(nlri, after, audience);
  }

  /** What one of the two peers is told that the others are not. */
  #noteConcerned(nlri: NlriId, peer: PeerId, { before, from, after, by }: Change): void {
    const had = holdsIt(before, from, peer);
    const wants = holdsIt(after, by, peer);
    if (wants && after === before) this.#runs.add(nlri, after, only(peer));
    else if (had && !wants && after !== NO_ATTRIBUTES) this.#runs.add(nlri, NO_ATTRIBUTES, only(peer));
  }

  /** Tells one member what was sent to the others, or takes back what it holds. */
  #tell(member: Member, nlri: NlriId): void {
    const held = member.holds.delete(nlri);
    const attrs = this.sent.attrs(nlri);
    const wants = holdsIt(attrs, this.sent.source(nlri), member.peer);
    if (wants) this.#runs.add(nlri, attrs, EVERYBODY);
    else if (held) this.#runs.add(nlri, NO_ATTRIBUTES, EVERYBODY);
    member.advertised += (wants ? 1 : 0) - (held ? 1 : 0);
    member.behind.delete(nlri);
    this.#settled.push(nlri);
  }

  #fallBehind(member: Member, nlri: NlriId, holds: boolean): void {
    if (!member.behind.add(nlri)) return;
    if (holds) member.holds.add(nlri);
    this.naming.pin(nlri);
  }

  #flush(recipients: readonly PeerId[], sink: UpdateSink): void {
    this.#runs.flush(this.#paths.prefixes.family, recipients, sink);
    for (const nlri of this.#settled) this.naming.unpin(nlri);
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
