/**
 * {@link outgoingAttributes} on raw octets: what a path's attribute block becomes on the way out, where no policy changes
 * it. That is by far the most frequent case. Measured with 1 000 000 prefixes in 200 000 sets of some 50 octets: all of
 * the export took 0.7 s of CPU this way, and 4.2 s by way of parsed values.
 *
 * It does the plain cases only, and leaves the others (-1) to the slow way: attributes out of order, AS numbers of
 * another width than the peer's, confederation segments, a next hop that moves from MP_REACH_NLRI into the body, AS
 * numbers that the peer is not shown as they are. Where it does answer, it answers with the same octets as the slow way;
 * a test holds it to that.
 */

import type { Address, Family } from "../net/address.ts";
import { type AttributeBlock, AttributeHeader } from "../wire/attribute-block.ts";
import { type AttributeRow, OPTIONAL, PARTIAL, TRANSITIVE } from "../wire/attributes/row.ts";
import { ROW_BY_CODE } from "../wire/attributes/table.ts";
import { DEFAULT_LOCAL_PREF } from "./attribute-columns.ts";
import { BlockWriter } from "./block-writer.ts";
import { type ExportClass, isReflected, isTransparent, markOf, type Origination } from "./outgoing.ts";
import { SOURCE, type Source } from "./peer-table.ts";

const AS_PATH = 2;
const NEXT_HOP = 3;
const MED = 4;
const LOCAL_PREF = 5;
const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;
const MP_REACH = 14;
const ONLY_TO_CUSTOMER = 35;

const AS_SET = 1;
const AS_SEQUENCE = 2;
const MOST_IN_SEGMENT = 255;
/** Flags, code, length of two octets, and a longest value. */
const MOST_OCTETS = 4 + 65535;

/** What a rewrite is for. */
export interface RewriteInput {
  readonly to: ExportClass;
  readonly from: Origination;
  readonly family: Family;
  /** Our own next hop takes the place of the path's. */
  readonly ours: boolean;
}

export class Rewriter {
  /** What the last {@link rewrite} wrote, from 0 on. */
  readonly out: BlockWriter = new BlockWriter();
  /** Where it has the next hop: "mp": in an MP_REACH_NLRI without NLRI, which goes first. */
  of: "body" | "mp" = "body";
  readonly #header: AttributeHeader = new AttributeHeader();
  #lastCode = 0;

  /** Returns how many octets it wrote, or -1: do it the slow way. */
  rewrite(block: AttributeBlock, input: RewriteInput): number {
    // Room for all of it and what can be added; nothing below checks again.
    const most = (block.end - block.start) * 2 + 64;
    if (most > MOST_OCTETS || input.to.asView !== undefined) return -1;
    this.out.begin(most);
    this.#lastCode = 0;
    if (!this.#putMpReach(block, input)) return -1;
    const header = this.#header;
    for (let at = block.start; at < block.end; at = header.end) {
      if (!header.read(block.octets, at, block.end)) return -1;
      if (header.code === MP_REACH) continue;
      if (header.code <= this.#lastCode || !this.#put(block.octets, input)) return -1;
      this.#lastCode = header.code;
    }
    this.#fill(CLUSTER_LIST + 1, input);
    this.#mark(input);
    return this.out.length;
  }

  /** One attribute, whose header was read, as it goes out. False: the slow way. */
  #put(octets: Uint8Array, input: RewriteInput): boolean {
    const { code, flags, start, end } = this.#header;
    const { to, from } = input;
    if (code > LOCAL_PREF && this.#lastCode < CLUSTER_LIST) this.#fill(code, input);
    if (code > ONLY_TO_CUSTOMER) this.#mark(input);
    const row = ROW_BY_CODE[code];
    if (row === undefined) return this.#putUnknown(octets, to);
    if (row.oldSpeakerOnly === true) return false;
    if (staysHere(row, from.source, to)) return true;
    if (code === AS_PATH && to.external && !isTransparent(from.source, to)) {
      return this.#putAsPath(octets, input);
    }
    if (code === NEXT_HOP) return this.of === "mp" || this.#putNextHop(octets, input);
    if (code === CLUSTER_LIST && isReflected(from.source, to)) return this.#putClusterList(octets, input);
    this.#copy(row.flags | ((row.flags & OPTIONAL) === 0 ? 0 : flags & PARTIAL), octets, start, end);
    return true;
  }

  /** RFC 4271 §5: an attribute that we do not know goes on only if it is transitive, and then marked as partial. */
  #putUnknown(octets: Uint8Array, to: ExportClass): true {
    const { flags, start, end } = this.#header;
    const passes = to.passesUnknown && (flags & TRANSITIVE) !== 0;
    if (passes) this.#copy(OPTIONAL | TRANSITIVE | PARTIAL, octets, start, end);
    return true;
  }

  /** An IPv6 next hop goes first, in an MP_REACH_NLRI without NLRI, as the pool keeps it. */
  #putMpReach({ octets, start, end, of }: AttributeBlock, { to, family, ours }: RewriteInput): boolean {
    this.of = (ours ? to.localAddress.family === 6 : of === "mp") ? "mp" : "body";
    // What was in MP_REACH_NLRI has no place of its own in the body.
    if (this.of === "body") return of === "body" && family === 4;
    const length = ours && to.linkLocal !== undefined ? 32 : 16;
    const { out } = this;
    out.mpReach(family, length);
    if (ours) {
      this.#putAddress(to.localAddress);
      if (to.linkLocal !== undefined) this.#putAddress(to.linkLocal);
    } else {
      const at = this.#find(octets, start, end, MP_REACH);
      if (at < 0 || octets[at + 3]! < 16) return false;
      out.raw(octets, at + 4, at + 20);
    }
    out.u8(0);
    return true;
  }

  #putAddress({ w0, w1, w2, w3 }: Address): void {
    for (const word of [w0, w1, w2, w3]) this.out.u32(word);
  }

  #putNextHop(octets: Uint8Array, { to, ours }: RewriteInput): boolean {
    const { start, end } = this.#header;
    if (ours) {
      this.out.word(TRANSITIVE, NEXT_HOP, to.localAddress.w0);
    } else this.#copy(TRANSITIVE, octets, start, end);
    return true;
  }

  /** RFC 4271 §5.1.2 b: our own number in front, in the first sequence if it has room. */
  #putAsPath(octets: Uint8Array, { to, from: { asn } }: RewriteInput): boolean {
    const { start, end } = this.#header;
    const width = to.as4 ? 4 : 2;
    if (!to.as4 && asn > 0xffff) return false;
    for (let at = start; at < end; at += 2 + octets[at + 1]! * width) {
      if (octets[at] !== AS_SEQUENCE && octets[at] !== AS_SET) return false;
    }
    const joins = end > start && octets[start] === AS_SEQUENCE && octets[start + 1]! < MOST_IN_SEGMENT;
    const { out } = this;
    out.head(TRANSITIVE, AS_PATH, end - start + width + (joins ? 0 : 2));
    out.u8(AS_SEQUENCE);
    out.u8(joins ? octets[start + 1]! + 1 : 1);
    if (width === 4) out.u32(asn);
    else {
      out.u8(asn >>> 8);
      out.u8(asn);
    }
    out.raw(octets, joins ? start + 2 : start, end);
    return true;
  }

  /** RFC 4456 §8: our cluster in front of those that it passed. */
  #putClusterList(octets: Uint8Array, { from }: RewriteInput): boolean {
    const { start, end } = this.#header;
    this.out.head(OPTIONAL, CLUSTER_LIST, end - start + 4);
    this.out.u32(from.clusterId);
    this.out.raw(octets, start, end);
    return true;
  }

  /** What internal peers are told of a path that does not have it: all that comes before the attribute `code`. */
  #fill(code: number, { to, from }: RewriteInput): void {
    if (to.external) return;
    // RFC 4271 §5.1.5: to internal peers it is always there.
    if (this.#lastCode < LOCAL_PREF) this.out.word(TRANSITIVE, LOCAL_PREF, DEFAULT_LOCAL_PREF);
    if (!isReflected(from.source, to)) return;
    if (this.#lastCode < ORIGINATOR_ID && code > ORIGINATOR_ID) {
      this.out.word(OPTIONAL, ORIGINATOR_ID, from.originatorId);
    }
    if (this.#lastCode < CLUSTER_LIST && code > CLUSTER_LIST) {
      this.out.word(OPTIONAL, CLUSTER_LIST, from.clusterId);
    }
  }

  /** RFC 9234 §5: what is told to such peers has OTC; all that comes before it has been put. */
  #mark({ to, from }: RewriteInput): void {
    const asn = markOf(to, from.asn);
    if (asn === undefined || this.#lastCode >= ONLY_TO_CUSTOMER) return;
    this.out.word(OPTIONAL | TRANSITIVE, ONLY_TO_CUSTOMER, asn);
    this.#lastCode = ONLY_TO_CUSTOMER;
  }

  #copy(flags: number, octets: Uint8Array, start: number, end: number): void {
    this.out.head(flags, this.#header.code, end - start);
    this.out.raw(octets, start, end);
  }

  /** Where the value of an attribute begins; -1 when it is not there. */
  #find(octets: Uint8Array, start: number, end: number, code: number): number {
    const header = this.#header;
    for (let at = start; at < end && header.read(octets, at, end); at = header.end) {
      if (header.code === code) return header.start;
    }
    return -1;
  }
}

/** What is not told to another AS: RFC 4271 §5.1.4 (the MED of one neighbour), §5.1.5, RFC 4456 §8. */
function staysHere(row: AttributeRow, source: Source, to: ExportClass): boolean {
  if (!to.external) return false;
  return row.ibgpOnly === true || (row.code === MED && source !== SOURCE.local && !isTransparent(source, to));
}
