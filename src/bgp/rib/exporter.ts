/** What a class of peers is to be sent of a prefix: the rules of RFC 4271 §9.1.3, then export policy. */

import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import type { PrefixId } from "../net/prefix-table.ts";
import type { AttributeBlock } from "../wire/attribute-block.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS } from "../wire/context.ts";
import { ROLE_RULES } from "../wire/roles.ts";
import { AppliedFilter } from "./applied-filter.ts";
import {
  AS_SETS,
  HAS_OTC,
  LLGR_STALE,
  NEXT_HOP_ON_LINK,
  NEXT_HOP_OURS,
  NEXT_HOP_SIX,
  NO_ADVERTISE,
  NO_EXPORT,
  NON_TRANSITIVE_COMMUNITY,
} from "./attribute-columns.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { Decision } from "./decision.ts";
import {
  type ExportClass,
  isReflected,
  isTransparent,
  type Origination,
  outgoingAttributes,
  takesOurs,
} from "./outgoing.ts";
import { NIL, type PathTable } from "./path-table.ts";
import { NO_PEER, type PeerId, type PeerTable, SOURCE, type Source } from "./peer-table.ts";
import { Rewriter } from "./rewrite.ts";
import type { Verdict } from "./route-filter.ts";

export interface ExportSettings {
  /** Our own AS number. */
  readonly asn: number;
  /** Unsigned 32-bit (RFC 4456 §7). */
  readonly clusterId: number;
  /** A learned route is sent only while the caller has said that it is in the forwarding plane. */
  readonly advertiseInstalledOnly: boolean;
}

/** What keeps a learned path from a class of peers whatever the policy. */
export type HeldBack =
  | "not installed"
  | "only to customers (RFC 9234)"
  | "community no-advertise"
  | "community no-export"
  | "community no-export-subconfed"
  | "community llgr-stale"
  | "from iBGP to iBGP"
  | "AS_SET in the path (RFC 9774)";

export interface ExportReason {
  readonly sent: boolean;
  readonly reason:
    | HeldBack
    | "no path is used"
    | "the peer's own path"
    | "accepted by rule"
    | "rejected by rule"
    | "attributes too long for a message"
    | "no session"
    | "family not negotiated";
  /** The export rule that decided; undefined: none was asked. */
  readonly rule: string | undefined;
}

/** What the rules read. */
export interface ExportInput {
  readonly paths: PathTable;
  readonly pool: AttributePool;
  readonly peers: PeerTable;
  /** Which paths can be used, where several are sent. */
  readonly decision: Decision;
}

const MED = 4;
const SOURCES = Object.keys(SOURCE).length;

/** The header, two lengths, the longer header of MP_REACH_NLRI, and one prefix of IPv6 with its path identifier. */
const BESIDE_ATTRIBUTES = 19 + 4 + 1 + 4 + 17;

export class Exporter {
  readonly exportClass: ExportClass;
  /** Whose path the last {@link evaluate} answered with, and its tag. Fields, so that no object is made per prefix. */
  source: PeerId = NO_PEER;
  tag = 0;
  /** How often {@link evaluate} found that the attributes do not fit into a message. Whoever reads it sets it to 0. */
  unsendable = 0;
  readonly #input: ExportInput;
  readonly #settings: ExportSettings;
  readonly #filter: AppliedFilter;
  /** To a provider, a peer or a route server (RFC 9234 §5). */
  readonly #holdsMarked: boolean;
  readonly #rewriter: Rewriter = new Rewriter();
  /** Numbers of router ids in cache keys, from 1 on. */
  readonly #originators: Map<number, number> = new Map();

  constructor(exportClass: ExportClass, input: ExportInput, settings: ExportSettings) {
    this.exportClass = exportClass;
    this.#input = input;
    this.#settings = settings;
    this.#holdsMarked = exportClass.role !== undefined && ROLE_RULES[exportClass.role].holdsBack;
    this.#filter = new AppliedFilter(exportClass.filter, input.pool);
  }

  /** The attributes of the best path to send now, with one reference taken; NO_ATTRIBUTES: nothing is to be sent. */
  evaluate(prefix: PrefixId): AttrId {
    this.source = NO_PEER;
    this.tag = 0;
    return this.#isReachable(prefix)
      ? this.#evaluatePath(prefix, this.#input.paths.head(prefix))
      : NO_ATTRIBUTES;
  }

  /**
   * As {@link evaluate}, of every path that is to be sent (RFC 7911); calls back with its row. What may not go to such
   * peers does not count among the most that they take; a member's own does.
   */
  evaluatePaths(prefix: PrefixId, each: (row: number, attrs: AttrId) => void): void {
    if (!this.#isReachable(prefix)) return;
    const { decision } = this.#input;
    let left = this.exportClass.paths;
    const ranked = decision.listUsable(prefix) > left;
    while (left > 0) {
      const row = decision.takeUsable(ranked);
      if (row === NIL) return;
      const attrs = this.#evaluatePath(prefix, row);
      if (attrs === NO_ATTRIBUTES) continue;
      left--;
      each(row, attrs);
    }
  }

  /**
   * Why a prefix is sent to a peer of this class or not, by the steps of {@link evaluate}: of several paths, one that is
   * sent, or else the best.
   */
  explain(prefix: PrefixId, peer: PeerId): ExportReason {
    const { paths, decision } = this.#input;
    if (!this.#isReachable(prefix)) return { sent: false, reason: "no path is used", rule: undefined };
    let left = this.exportClass.paths;
    if (left === 0) return this.#explainPath(prefix, paths.head(prefix), peer);
    decision.listUsable(prefix);
    const best = decision.takeUsable(true);
    for (let row = best; row !== NIL && left > 0; row = decision.takeUsable(true)) {
      const reason = this.#explainPath(prefix, row, peer);
      if (reason.sent) return reason;
      if (reason.reason === "the peer's own path") left--;
    }
    return this.#explainPath(prefix, best === NIL ? paths.head(prefix) : best, peer);
  }

  /** The rule that lets a path out; undefined: none does. */
  ruleOf(prefix: PrefixId, row: number): string | undefined {
    return this.#explainPath(prefix, row, NO_PEER).rule;
  }

  #isReachable(prefix: PrefixId): boolean {
    const { paths } = this.#input;
    return paths.prefixes.has(prefix) && paths.selected(prefix) > 0;
  }

  #evaluatePath(prefix: PrefixId, row: number): AttrId {
    const { paths, peers } = this.#input;
    const attrs = paths.attributesOf(row);
    this.source = NO_PEER;
    // Rejected since it was chosen: it is marked, and will be decided.
    if (attrs === NO_ATTRIBUTES) return NO_ATTRIBUTES;
    const source = peers.sourceOf(paths.peer[row]! as PeerId);
    if (source !== SOURCE.local && this.#heldBack(prefix, attrs, source) !== undefined) return NO_ATTRIBUTES;
    const sent = this.#judge(prefix, row, attrs, source);
    if (this.source === NO_PEER || this.#fits(sent)) return sent;
    this.#give(sent);
    this.source = NO_PEER;
    this.tag = 0;
    this.unsendable++;
    return NO_ATTRIBUTES;
  }

  #explainPath(prefix: PrefixId, row: number, peer: PeerId): ExportReason {
    const { paths, peers } = this.#input;
    const attrs = paths.attributesOf(row);
    if (attrs === NO_ATTRIBUTES) return { sent: false, reason: "no path is used", rule: undefined };
    const source = peers.sourceOf(paths.peer[row]! as PeerId);
    const held = source === SOURCE.local ? undefined : this.#heldBack(prefix, attrs, source);
    if (held !== undefined) return { sent: false, reason: this.#named(held, attrs), rule: undefined };
    const { accepted, rule } = this.#verdictOn(prefix, row, attrs);
    if (!accepted) return { sent: false, reason: "rejected by rule", rule };
    if (paths.peer[row] === peer) return { sent: false, reason: "the peer's own path", rule: undefined };
    const made = this.#judge(prefix, row, attrs, source);
    const fits = this.#fits(made);
    this.#give(made);
    return { sent: fits, reason: fits ? "accepted by rule" : "attributes too long for a message", rule };
  }

  /** RFC 8654 §4: what does not fit is not sent, and withdrawn where something else was sent before. */
  #fits(attrs: AttrId): boolean {
    const most = this.exportClass.extendedMessage ? MAX_EXTENDED_MESSAGE_OCTETS : MAX_MESSAGE_OCTETS;
    return attrs !== NO_ATTRIBUTES && this.#input.pool.octetsIn(attrs) <= most - BESIDE_ATTRIBUTES;
  }

  /** What is longer than any message was not even made. */
  #give(attrs: AttrId): void {
    if (attrs !== NO_ATTRIBUTES) this.#input.pool.release(attrs);
  }

  /** Why a learned path may not go to such peers at all, before policy is asked. */
  #heldBack(prefix: PrefixId, attrs: AttrId, source: Source): HeldBack | undefined {
    const { external, reflectorClient, longLived } = this.exportClass;
    const flags = this.#input.pool.columns.flags[attrs]!;
    if (this.#settings.advertiseInstalledOnly && !this.#input.paths.isInstalled(prefix))
      return "not installed";
    if (this.#holdsMarked && (flags & HAS_OTC) !== 0) return "only to customers (RFC 9234)";
    // RFC 9494 §4.3: who does not know that it is a last resort would take it for any other.
    if (!longLived && (flags & LLGR_STALE) !== 0) return "community llgr-stale";
    // RFC 7947 §2.2.4: communities are the clients' own business.
    if (isTransparent(source, this.exportClass)) return undefined;
    // RFC 1997, well-known communities.
    if ((flags & NO_ADVERTISE) !== 0) return "community no-advertise";
    if (external && (flags & NO_EXPORT) !== 0) return "community no-export";
    // RFC 9774 §3: whoever believes such a path keeps it to himself.
    if ((flags & AS_SETS) !== 0) return "AS_SET in the path (RFC 9774)";
    // RFC 4271 §9.2: what one internal peer said is not told to another, but (RFC 4456 §6) what anybody said to a
    // client, and what a client said to everybody.
    return external || source !== SOURCE.internal || reflectorClient ? undefined : "from iBGP to iBGP";
  }

  /** Without confederations the two communities mean the same (RFC 1997), and share a bit. */
  #named(held: HeldBack, attrs: AttrId): HeldBack {
    if (held !== "community no-export") return held;
    const { communities } = this.#input.pool.attributes(attrs);
    return communities.includes(WELL_KNOWN_COMMUNITIES["no-export"]) ? held : "community no-export-subconfed";
  }

  #judge(prefix: PrefixId, row: number, attrs: AttrId, source: Source): AttrId {
    const { paths } = this.#input;
    const verdict = this.#verdictOn(prefix, row, attrs);
    if (!verdict.accepted) return NO_ATTRIBUTES;
    this.source = paths.peer[row]! as PeerId;
    this.tag = verdict.tag ?? paths.tag[row]!;
    const how = this.#filter.numberOf(verdict) * SOURCES + source;
    if (isReflected(source, this.exportClass)) return this.#reflect(attrs, source, verdict, how);
    const known = this.#filter.derived(attrs, how);
    if (known !== NO_ATTRIBUTES) return known;
    return this.#filter.remember(attrs, how, this.#make(attrs, this.#from(source, 0), verdict));
  }

  #verdictOn(prefix: PrefixId, row: number, attrs: AttrId): Verdict {
    const { prefixes, tag } = this.#input.paths;
    return this.#filter.filter.judge(
      this.#filter.classOf(attrs),
      prefixes.family,
      prefixes.word(prefix, 0),
      prefixes.word(prefix, 1),
      prefixes.word(prefix, 2),
      prefixes.word(prefix, 3),
      prefixes.lengthOf(prefix),
      tag[row]!,
      this.#input.pool.columns.originAs[attrs]!,
    );
  }

  /** What becomes of a path depends on its peer too where it does not say itself whose it is (RFC 4456 §8). */
  #reflect(attrs: AttrId, source: Source, verdict: Verdict, how: number): AttrId {
    const { pool, peers } = this.#input;
    const originatorId = peers.routerId(this.source);
    const make = (): AttrId => this.#make(attrs, this.#from(source, originatorId), verdict);
    if (pool.columns.originatorId[attrs] !== 0) return this.#filter.derive(attrs, how, make);
    const originator = this.#numberOf(originatorId);
    // What does not fit in a key of 32 bits is made every time.
    if (how > 0xffff || originator > 0xffff) return make();
    return this.#filter.derive(attrs, ((originator << 16) | how) >>> 0, make);
  }

  #from(source: Source, originatorId: number): Origination {
    const { asn, clusterId } = this.#settings;
    return { asn, source, originatorId, clusterId };
  }

  #numberOf(routerId: number): number {
    const known = this.#originators.get(routerId);
    if (known !== undefined) return known;
    const number = this.#originators.size + 1;
    if (number <= 0xffff) this.#originators.set(routerId, number);
    return number;
  }

  #make(attrs: AttrId, from: Origination, verdict: Verdict): AttrId {
    const { pool, paths } = this.#input;
    const { family } = paths.prefixes;
    const to = this.exportClass;
    const special = to.external ? NEXT_HOP_OURS | NON_TRANSITIVE_COMMUNITY : NEXT_HOP_OURS;
    const flags = pool.columns.flags[attrs]!;
    const isPlain = (flags & special) === 0 && pool.isAs4(attrs) === to.as4;
    const block = isPlain ? this.#blockOf(attrs, verdict) : undefined;
    if (block !== undefined) {
      const kind = { six: (flags & NEXT_HOP_SIX) !== 0, onLink: (flags & NEXT_HOP_ON_LINK) !== 0 };
      const ours = takesOurs(kind, from.source, to);
      const length = this.#rewriter.rewrite(block, { to, from, family, ours });
      const { out, of } = this.#rewriter;
      if (length >= 0) return pool.internOctets(out.octets, length, family, to, of);
    }
    return pool.internFor(outgoingAttributes(pool.attributes(attrs), from, to, verdict.change), family, to);
  }

  /** The octets of a set, changed as the verdict says; undefined: that takes parsed values. */
  #blockOf(attrs: AttrId, { change, edits }: Verdict): AttributeBlock | undefined {
    const { pool } = this.#input;
    if (change === undefined) return pool.block(attrs);
    // Of MEDs, one that came goes and one that a rule set stays, which octets do not tell apart.
    if (edits === undefined || (this.exportClass.external && edits.some(({ code }) => code === MED))) {
      return undefined;
    }
    return pool.edited(attrs, edits);
  }
}
