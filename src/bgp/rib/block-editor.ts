/**
 * What a policy does to attributes, done to their octets: what most rules do. A block in which nothing is wrong goes in;
 * out comes what {@link encodeAttributes} would write of the changed attributes, nothing left out, as the pool keeps it. A
 * test holds it to that. The rest (-1) is done with parsed values: attributes out of order, AS numbers of two octets, AS
 * paths that have no room, what is longer than any message, next hops behind an interface. With two senders of 100 000
 * prefixes in 40 000 sets, and a community added on import and on export, convergence took 1.7 s of CPU this way and 3.0 s
 * by way of parsed values.
 */

import type { CommunityPattern } from "../net/communities.ts";
import { type AttributeBlock, AttributeHeader } from "../wire/attribute-block.ts";
import { OPTIONAL, PARTIAL, TRANSITIVE } from "../wire/attributes/row.ts";
import { ROW_BY_CODE } from "../wire/attributes/table.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS } from "../wire/context.ts";
import { BlockWriter } from "./block-writer.ts";
import type { AttributeEdit, ListStep } from "./route-filter.ts";

const AS_PATH = 2;
const NEXT_HOP = 3;
const MP_REACH = 14;
const AS_SEQUENCE = 2;
const MOST_IN_SEGMENT = 255;
const IPV6_OCTETS = 16;

export class BlockEditor {
  /** What the last {@link edit} wrote, from 0 on; the next hop is where it was. */
  readonly out: BlockWriter = new BlockWriter();
  readonly #header: AttributeHeader = new AttributeHeader();
  #edits: readonly AttributeEdit[] = [];
  /** Octets that they add. */
  #mostAdded = 0;
  /** Of those, the first that was not made. */
  #next = 0;
  /** The entries of a list while it is edited. */
  #words: Uint32Array = new Uint32Array(256);

  /** Returns how many octets it wrote, or -1. @param edits - in order of their codes, each once */
  edit({ octets, start, end, of }: AttributeBlock, edits: readonly AttributeEdit[]): number {
    // Room for all of it and what is added; nothing below checks again.
    if (edits !== this.#edits) {
      this.#edits = edits;
      this.#mostAdded = edits.reduce((sum, edit) => sum + octetsAdded(edit), 0);
    }
    this.out.begin((end - start) * 2 + 64 + this.#mostAdded);
    this.#next = 0;
    const header = this.#header;
    let at = start;
    if (of === "mp") {
      if (!header.read(octets, at, end) || !this.#putMpReach(octets)) return -1;
      at = header.end;
    }
    for (let last = 0; at < end; at = header.end) {
      if (!header.read(octets, at, end) || header.code <= last) return -1;
      last = header.code;
      this.#addBelow(last);
      if (last === NEXT_HOP && of === "mp") continue;
      if (!this.#put(octets)) return -1;
    }
    this.#addBelow(Number.POSITIVE_INFINITY);
    return this.out.length > MAX_EXTENDED_MESSAGE_OCTETS ? -1 : this.out.length;
  }

  /** What the edits add before the attribute `code`. */
  #addBelow(code: number): void {
    for (let edit = this.#edits[this.#next]; edit !== undefined && edit.code < code; ) {
      this.#add(edit);
      edit = this.#edits[++this.#next];
    }
  }

  /** An attribute whose header was read. False: the slow way. */
  #put(octets: Uint8Array): boolean {
    const edit = this.#edits[this.#next];
    if (edit?.code !== this.#header.code) return this.#copy(octets);
    this.#next++;
    return this.#change(edit, octets);
  }

  /** The header was read. */
  #putMpReach(octets: Uint8Array): boolean {
    const { code, start } = this.#header;
    if (code !== MP_REACH || octets[start + 3] !== IPV6_OCTETS) return false;
    this.out.mpReach(6, IPV6_OCTETS);
    this.out.raw(octets, start + 4, start + 4 + IPV6_OCTETS);
    this.out.u8(0);
    return true;
  }

  /** An attribute that stays as it is. */
  #copy(octets: Uint8Array): boolean {
    const { code, flags, start, end } = this.#header;
    const row = ROW_BY_CODE[code];
    if (row?.oldSpeakerOnly === true || code === MP_REACH) return false;
    // RFC 4271 §5: one that we do not know goes on only if it is transitive, and then marked as partial.
    if (row === undefined && (flags & TRANSITIVE) === 0) return true;
    const marked = row === undefined ? OPTIONAL | TRANSITIVE | PARTIAL : row.flags | partialIn(flags);
    this.out.head(marked, code, end - start);
    this.out.raw(octets, start, end);
    return true;
  }

  /** An attribute that is there. */
  #change(edit: AttributeEdit, octets: Uint8Array): boolean {
    const { flags, start, end } = this.#header;
    const marked = edit.flags | partialIn(flags);
    if (edit.kind === "word") this.out.word(marked, edit.code, edit.value);
    else if (edit.kind === "front") return this.#front(edit.asns, octets, start, end);
    else this.#putList(edit, marked, octets, start, end);
    return true;
  }

  /** An attribute that is not there. */
  #add(edit: AttributeEdit): void {
    if (edit.kind === "word") this.out.word(edit.flags, edit.code, edit.value);
    else if (edit.kind === "list") this.#putList(edit, edit.flags, NOTHING, 0, 0);
  }

  /** RFC 4271 §5.1.2 b: into the first sequence. */
  #front(asns: readonly number[], octets: Uint8Array, start: number, end: number): boolean {
    const { out } = this;
    const joins = end > start && octets[start] === AS_SEQUENCE;
    const count = asns.length + (joins ? octets[start + 1]! : 0);
    if (count > MOST_IN_SEGMENT) return false;
    out.head(TRANSITIVE, AS_PATH, end - start + asns.length * 4 + (joins ? 0 : 2));
    out.u8(AS_SEQUENCE);
    out.u8(count);
    for (const asn of asns) out.u32(asn);
    out.raw(octets, joins ? start + 2 : start, end);
    return true;
  }

  #putList(edit: ListEdit, flags: number, octets: Uint8Array, start: number, end: number): void {
    const most = (end - start + octetsAdded(edit)) >>> 2;
    if (this.#words.length < most) this.#words = new Uint32Array(most * 2);
    const words = this.#words;
    let count = 0;
    for (let at = start; at < end; at += 4) {
      words[count++] =
        (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!;
    }
    for (const step of edit.steps) count = applyStep(words, count, edit.entryWords, step);
    if (count === 0) return;
    this.out.head(flags, edit.code, count * 4);
    for (let i = 0; i < count; i++) this.out.u32(words[i]!);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

type ListEdit = Extract<AttributeEdit, { kind: "list" }>;

const partialIn = (flags: number): number => ((flags & OPTIONAL) === 0 ? 0 : flags & PARTIAL);

function octetsAdded(edit: AttributeEdit): number {
  if (edit.kind === "word") return 8;
  if (edit.kind === "front") return 8 + edit.asns.length * 4;
  return edit.steps.reduce((sum, { added }) => sum + added.length * edit.entryWords * 4, 8);
}

/** First entries go, then others come that are not there. Returns how many words there are then. */
function applyStep(
  words: Uint32Array,
  before: number,
  entryWords: number,
  { removed, added }: ListStep,
): number {
  let count = before;
  if (removed.length > 0) {
    count = 0;
    for (let at = 0; at < before; at += entryWords) {
      if (fitsAny(removed, words, at)) continue;
      for (let i = 0; i < entryWords; i++) words[count++] = words[at + i]!;
    }
  }
  for (const entry of added) {
    if (includes(words, count, entry)) continue;
    for (const word of entry) words[count++] = word;
  }
  return count;
}

function fitsAny(patterns: readonly CommunityPattern[], list: Uint32Array, at: number): boolean {
  for (const { words, masks } of patterns) {
    let same = 0;
    while (same < words.length && ((words[same]! ^ list[at + same]!) & masks[same]!) === 0) same++;
    if (same === words.length) return true;
  }
  return false;
}

function includes(list: Uint32Array, count: number, entry: readonly number[]): boolean {
  for (let at = 0; at < count; at += entry.length) {
    let same = 0;
    while (same < entry.length && list[at + same] === entry[same]) same++;
    if (same === entry.length) return true;
  }
  return false;
}
