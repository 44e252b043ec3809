/**
 * What a policy does to attributes, done to their octets: what most rules do. A block in which nothing is wrong goes in;
 * out comes what {@link encodeAttributes} would write of the changed attributes, nothing left out, as the pool keeps it. A
 * test holds it to that. The rest (-1) is done with parsed values: attributes out of order, AS numbers of two octets, AS
 * paths that have no room, next hops behind an interface. With two senders of 100 000 prefixes in 40 000 sets, and a
 * community added on import and on export, convergence took 1.7 s of CPU this way and 3.0 s by way of parsed values.
 */

import type { CommunityPattern } from "../net/communities.ts";
import { type AttributeBlock, AttributeHeader } from "../wire/attribute-block.ts";
import { OPTIONAL, PARTIAL, TRANSITIVE } from "../wire/attributes/row.ts";
import { ROW_BY_CODE } from "../wire/attributes/table.ts";
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
  /** Of those, the first that was not made. */
  #next = 0;

  /** Returns how many octets it wrote, or -1. @param edits - in order of their codes, each once */
  edit({ octets, start, end, of }: AttributeBlock, edits: readonly AttributeEdit[]): number {
    // Room for all of it and what is added; nothing below checks again.
    this.out.begin((end - start) * 2 + 64 + edits.reduce((sum, edit) => sum + octetsAdded(edit), 0));
    this.#edits = edits;
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
    return this.out.length;
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
    const row = ROW_BY_CODE.get(code);
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
    else this.#putList(edit, marked, wordsIn(octets, start, end));
    return true;
  }

  /** An attribute that is not there. */
  #add(edit: AttributeEdit): void {
    if (edit.kind === "word") this.out.word(edit.flags, edit.code, edit.value);
    else if (edit.kind === "list") this.#putList(edit, edit.flags, []);
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

  #putList({ code, entryWords, steps }: ListEdit, flags: number, words: number[]): void {
    for (const step of steps) applyStep(words, entryWords, step);
    if (words.length === 0) return;
    this.out.head(flags, code, words.length * 4);
    for (const word of words) this.out.u32(word);
  }
}

type ListEdit = Extract<AttributeEdit, { kind: "list" }>;

const partialIn = (flags: number): number => ((flags & OPTIONAL) === 0 ? 0 : flags & PARTIAL);

function octetsAdded(edit: AttributeEdit): number {
  if (edit.kind === "word") return 8;
  if (edit.kind === "front") return 8 + edit.asns.length * 4;
  return edit.steps.reduce((sum, { added }) => sum + added.length * edit.entryWords * 4, 8);
}

function wordsIn(octets: Uint8Array, start: number, end: number): number[] {
  const words: number[] = [];
  for (let at = start; at < end; at += 4) {
    words.push(
      ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0,
    );
  }
  return words;
}

/** First entries go, then others come that are not there. */
function applyStep(words: number[], entryWords: number, { removed, added }: ListStep): void {
  let kept = 0;
  for (let at = 0; at < words.length; at += entryWords) {
    if (removed.some((pattern) => fits(pattern, words, at))) continue;
    for (let i = 0; i < entryWords; i++) words[kept++] = words[at + i]!;
  }
  words.length = kept;
  for (const entry of added) if (!includes(words, entry)) words.push(...entry);
}

function fits({ words, masks }: CommunityPattern, list: readonly number[], at: number): boolean {
  for (let i = 0; i < words.length; i++) if (((words[i]! ^ list[at + i]!) & masks[i]!) !== 0) return false;
  return true;
}

function includes(list: readonly number[], entry: readonly number[]): boolean {
  for (let at = 0; at < list.length; at += entry.length) {
    let same = 0;
    while (same < entry.length && list[at + same] === entry[same]) same++;
    if (same === entry.length) return true;
  }
  return false;
}
