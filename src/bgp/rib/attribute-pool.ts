/**
 * Path attributes, held once each, found by their octets.
 *
 * In go the raw attribute blocks of UPDATEs (copied out of the receive buffer here, once), and attributes that we made
 * ourselves: local routes, what import policy changed, what export sends. Out comes a small number. A block that was
 * seen before in an equal context is found by its hash and one comparison of octets: it is not parsed, and no string
 * and no object is made. Equal ids mean equal attributes; that equal attributes have equal ids holds among those of
 * one context only, which may cost an id but never a wrong answer.
 *
 * The octets are the truth. The parsed value is let go and made again when somebody looks (a display, a policy), but for
 * the last ones used; what selection needs stays as columns. Cost of a set: its octets, rounded up to 8, and some 60
 * octets of columns and index.
 */

import type { Family } from "../net/address.ts";
import { type AttributeBlock, attributeContextKey, decodeAttributes } from "../wire/attribute-block.ts";
import { type EncodedAttributes, encodeAttributes } from "../wire/attribute-encode.ts";
import {
  type DecodeContext,
  type EncodeContext,
  MAX_EXTENDED_MESSAGE_OCTETS,
  NOTHING_NEGOTIATED,
} from "../wire/context.ts";
import type { PathAttributes } from "../wire/path-attributes.ts";
import { isPlain, nextHopIn } from "../wire/plain-block.ts";
import { AttributeColumns, type Identity, NEXT_HOP_OURS } from "./attribute-columns.ts";
import { AT_ONCE, Backlog } from "./backlog.ts";
import { BlockEditor } from "./block-editor.ts";
import { tableColumnOf } from "./columns.ts";
import { NextHops } from "./next-hops.ts";
import { OctetArena } from "./octet-arena.ts";
import { copyOctets, hashOctets, sameOctets } from "./octets.ts";
import type { AttributeEdit } from "./route-filter.ts";

declare const brand: unique symbol;
/** An attribute set. `===` compares; 0 is none. */
export type AttrId = number & { readonly [brand]: "attributes" };

export const NO_ATTRIBUTES: AttrId = 0 as AttrId;

/** How a set's octets are to be read: bits of its context. The first two are those of {@link attributeContextKey}. */
const AS4 = 1;
const EXTERNAL = 2;
/** The next hop is in MP_REACH_NLRI. */
const MP = 4;
/** Made by us: MP_REACH_NLRI comes first, and {@link AttributePool.encoded} may be asked for. */
const OURS = 8;
/** Made for IPv6 prefixes. */
const SIX = 16;
/** Only ever sent: selection does not read it, so it has no row in the columns. */
const SENT = 32;
/** Above these bits: the number of the interface that link-local next hops are behind; 0 for none. */
const ZONE_SHIFT = 6;

/** What our own attributes are written with until they are sent: nothing is left out. */
const LOSSLESS: EncodeContext = { as4: true, external: false };
/** Parsed values that are kept; by the low bits of the id. */
const RECENT = 1024;

export class AttributePool {
  /** What selection reads, by id. */
  readonly columns: AttributeColumns;
  readonly nextHops: NextHops = new NextHops();
  /** Distinct sets held, those included that nobody has a reference on and {@link forgetSome} has not come to. */
  size = 0;
  readonly #arena: OctetArena = new OctetArena();
  readonly #editor: BlockEditor = new BlockEditor();
  #ref: Uint32Array = new Uint32Array(256);
  /** A set is no longer than the longest message: 65 535. */
  #octets: Uint16Array = new Uint16Array(256);
  #context: Uint32Array = new Uint32Array(256);
  #references: Uint32Array = new Uint32Array(256);
  /** 0: the id is free. */
  #serial: Uint32Array = new Uint32Array(256);
  /**
   * Open addressing, linear probing: an id, 0 for an empty slot, and behind it its hash, so that no set is touched that is
   * not the one.
   */
  #slots: Uint32Array = new Uint32Array(1024);
  /** One more than the highest id ever given out. */
  #extent = 1;
  /** The id that was freed last, which has the one before in `#ref`; NO_ATTRIBUTES at the end. */
  #free: AttrId = NO_ATTRIBUTES;
  /** Ids that lost their last reference, in that order, each once: {@link forgetSome}. Some have been taken again. */
  readonly #idle: Backlog = new Backlog();
  /** By id, 1: it is among those. */
  #isIdle: Uint8Array = new Uint8Array(256);
  #lastSerial = 0;
  readonly #recent: ({ id: AttrId; serial: number; attributes: PathAttributes } | undefined)[] = [];
  /** Sets whose next hop is still to be filled in: no octets of UPDATEs say that, so they cannot be parsed again. */
  readonly #unparsable: Map<AttrId, PathAttributes> = new Map();

  constructor(identity: Identity) {
    this.columns = new AttributeColumns(identity);
  }

  /** Memory held for octets, used or free to be used again. */
  get capacityOctets(): number {
    return this.#arena.capacityOctets;
  }

  /**
   * Takes one reference on a block that is known, or in which nothing is wrong; then it is copied. NO_ATTRIBUTES when it is
   * neither: then decode it and {@link add} it.
   */
  take(block: AttributeBlock, context: DecodeContext): AttrId {
    const key = this.#keyOf(block, context);
    const hash = hashOctets(block.octets, block.start, block.end, key);
    const known = this.#lookUp(block, key, hash);
    if (known !== NO_ATTRIBUTES) return this.retain(known);
    return isPlain(block, context) ? this.#add(block, key, hash) : NO_ATTRIBUTES;
  }

  /**
   * Takes one reference on a block, copying it when it is new. `attributes` is what `decodeAttributes` made of it. Give a
   * block with a fault to {@link intern} instead: its octets say what was discarded.
   */
  add(block: AttributeBlock, context: DecodeContext, attributes: PathAttributes): AttrId {
    return this.#intern(block, this.#keyOf(block, context), attributes);
  }

  /**
   * Takes one reference on attributes that did not come from the wire. A next hop of 0.0.0.0 or :: stands for our own
   * address of whatever session the route is sent on. NO_ATTRIBUTES: they are longer than any message.
   */
  intern(attributes: PathAttributes): AttrId {
    return this.#internOurs(attributes, attributes.nextHop.family, LOSSLESS, 0);
  }

  /** As {@link intern}, of attributes to be sent with prefixes of `family`, and for nothing else. */
  internFor(attributes: PathAttributes, family: Family, context: EncodeContext): AttrId {
    return this.#internOurs(attributes, family, context, SENT);
  }

  /**
   * As {@link internFor}, of octets[0..length) that are written already; for "mp" with an MP_REACH_NLRI without NLRI in
   * front, as {@link block} has it.
   */
  internOctets(
    octets: Uint8Array,
    length: number,
    family: Family,
    context: EncodeContext,
    of: "body" | "mp",
  ): AttrId {
    return this.#intern({ octets, start: 0, end: length, of }, keyOfOurs(family, context, of) | SENT);
  }

  /**
   * As {@link intern}, of a set's attributes as edits change them; NO_ATTRIBUTES: that takes parsed values. Of a set that
   * came from the wire, or was made of one.
   */
  internEdited(id: AttrId, edits: readonly AttributeEdit[]): AttrId {
    const block = this.edited(id, edits);
    if (block === undefined) return NO_ATTRIBUTES;
    return this.#intern(block, keyOfOurs(block.of === "mp" ? 6 : 4, LOSSLESS, block.of));
  }

  /** The octets of a set as edits change them, valid until this is asked again; undefined: that takes parsed values. */
  edited(id: AttrId, edits: readonly AttributeEdit[]): AttributeBlock | undefined {
    const isBehindInterface = this.#context[id]! >>> ZONE_SHIFT !== 0;
    if (isBehindInterface || !this.isAs4(id) || this.#unparsable.has(id)) return undefined;
    const block = this.block(id);
    const end = this.#editor.edit(block, edits);
    return end < 0 ? undefined : { octets: this.#editor.out.octets, start: 0, end, of: block.of };
  }

  /** The octets of a set. Valid while the caller, or a route, holds a reference. */
  block(id: AttrId): AttributeBlock {
    const start = this.#arena.offsetOf(this.#ref[id]!);
    return {
      octets: this.#arena.chunkOf(this.#ref[id]!),
      start,
      end: start + this.#octets[id]!,
      of: (this.#context[id]! & MP) === 0 ? "body" : "mp",
    };
  }

  /** How many octets the set takes in an UPDATE; of MP_REACH_NLRI, all but NLRI and (the header being longer there) one. */
  octetsIn(id: AttrId): number {
    return this.#octets[id]!;
  }

  /** Are AS numbers in these octets four octets wide? */
  isAs4(id: AttrId): boolean {
    return (this.#context[id]! & AS4) !== 0;
  }

  /** Takes one more reference; returns the id, to be stored. */
  retain(id: AttrId): AttrId {
    this.#references[id]!++;
    return id;
  }

  /** Gives one reference back. @throws RangeError when none is out */
  release(id: AttrId): void {
    const references = this.#references[id]!;
    if (references === 0 || id === NO_ATTRIBUTES) throw new RangeError(`attributes ${id} are not live`);
    this.#references[id] = references - 1;
    if (references > 1 || this.#isIdle[id] === 1) return;
    this.#isIdle[id] = 1;
    this.#idle.push(id);
  }

  /** There are sets to {@link forgetSome} of. */
  get hasUnused(): boolean {
    return this.#idle.size > 0;
  }

  /**
   * Forgets sets that nobody has a reference on; looks at up to `limit`. Until then they are found like any other, and what
   * is withdrawn for a moment is not read anew.
   */
  forgetSome(limit: number): void {
    for (let left = Math.min(limit, this.#idle.size); left > 0; left--) {
      const id = this.#idle.shift() as AttrId;
      this.#isIdle[id] = 0;
      if (this.#references[id] === 0) this.#remove(id);
    }
  }

  /** Another number whenever the id comes to stand for another set: lets caches hold ids without references. */
  serial(id: AttrId): number {
    return this.#serial[id]!;
  }

  /** The set as a value. Parses its octets again unless it was used a moment ago. */
  attributes(id: AttrId): PathAttributes {
    const recent = this.#recent[id % RECENT];
    if (recent?.id === id && recent.serial === this.#serial[id]) return recent.attributes;
    const attributes = this.#unparsable.get(id) ?? this.#parse(id);
    this.#keepRecent(id, attributes);
    return attributes;
  }

  /**
   * What `packAnnounced` writes, of a set that {@link internFor} made. Views of the pool's memory: valid while the
   * caller, or a route, holds a reference.
   */
  encoded(id: AttrId): EncodedAttributes {
    const context = this.#context[id]!;
    if ((context & OURS) === 0) throw new RangeError(`attributes ${id} are not for sending`);
    const chunk = this.#arena.chunkOf(this.#ref[id]!);
    const start = this.#arena.offsetOf(this.#ref[id]!);
    const end = start + this.#octets[id]!;
    const family = (context & SIX) === 0 ? 4 : 6;
    if ((context & MP) === 0) return { family, octets: chunk.subarray(start, end), mpNextHop: undefined };
    const nextHopAt = start + MP_BEFORE_NEXT_HOP;
    const nextHopEnd = nextHopAt + chunk[nextHopAt - 1]!;
    return {
      family,
      octets: chunk.subarray(nextHopEnd + 1, end),
      mpNextHop: chunk.subarray(nextHopAt, nextHopEnd),
    };
  }

  #internOurs(attributes: PathAttributes, family: Family, context: EncodeContext, use: number): AttrId {
    const encoded = encodeAttributes(attributes, family, context);
    const octets = blockOf(encoded);
    if (octets.length > MAX_EXTENDED_MESSAGE_OCTETS) return NO_ATTRIBUTES;
    const of = encoded.mpNextHop === undefined ? "body" : "mp";
    const block: AttributeBlock = { octets, start: 0, end: octets.length, of };
    const zone = this.nextHops.zoneNumber(attributes.nextHop.zone) << ZONE_SHIFT;
    return this.#intern(block, keyOfOurs(family, context, of) | use | zone, attributes);
  }

  #keyOf(block: AttributeBlock, context: DecodeContext): number {
    const key = attributeContextKey(context) | (block.of === "mp" ? MP : 0);
    return context.zone === undefined ? key : key | (this.nextHops.zoneNumber(context.zone) << ZONE_SHIFT);
  }

  /** `attributes` may be left out for what is only SENT, and for a block in which nothing is wrong. */
  #intern(block: AttributeBlock, key: number, attributes?: PathAttributes): AttrId {
    const hash = hashOctets(block.octets, block.start, block.end, key);
    const known = this.#lookUp(block, key, hash);
    return known === NO_ATTRIBUTES ? this.#add(block, key, hash, attributes) : this.retain(known);
  }

  #add(block: AttributeBlock, key: number, hash: number, attributes?: PathAttributes): AttrId {
    const id = this.#takeId();
    const length = block.end - block.start;
    const ref = this.#arena.take(length);
    copyOctets(block.octets, block.start, block.end, this.#arena.chunkOf(ref), this.#arena.offsetOf(ref));
    this.#ref[id] = ref;
    this.#octets[id] = length;
    this.#context[id] = key;
    this.#references[id] = 1;
    this.#serial[id] = ++this.#lastSerial;
    if (attributes !== undefined) this.#describe(id, attributes);
    else if ((key & SENT) === 0) this.#read(id);
    this.size++;
    if (this.size * 20 > this.#slots.length * 7) this.#grow();
    this.#place(id, hash);
    return id;
  }

  #lookUp(block: AttributeBlock, key: number, hash: number): AttrId {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const length = block.end - block.start;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const id = slots[slot]! as AttrId;
      if (id === NO_ATTRIBUTES) return id;
      if (slots[slot + 1] !== hash || this.#octets[id] !== length || this.#context[id] !== key) continue;
      const ref = this.#ref[id]!;
      const at = this.#arena.offsetOf(ref);
      if (sameOctets(this.#arena.chunkOf(ref), at, block.octets, block.start, length)) return id;
    }
  }

  #describe(id: AttrId, attributes: PathAttributes): void {
    this.#keepRecent(id, attributes);
    if ((this.#context[id]! & SENT) !== 0) return;
    this.columns.set(id, attributes, this.nextHops.take(attributes.nextHop));
    if ((this.columns.flags[id]! & NEXT_HOP_OURS) !== 0) this.#unparsable.set(id, attributes);
  }

  /** As {@link #describe}, without making values of the octets. */
  #read(id: AttrId): void {
    const block = this.block(id);
    const nextHop = nextHopIn(block, this.nextHops.zoneOf(this.#context[id]! >>> ZONE_SHIFT));
    this.columns.read(id, block, this.isAs4(id) ? 4 : 2, nextHop, this.nextHops.take(nextHop));
  }

  #remove(id: AttrId): void {
    this.#closeGap(id);
    this.#arena.give(this.#ref[id]!, this.#octets[id]!);
    if ((this.#context[id]! & SENT) === 0) this.nextHops.give(this.columns.nextHop[id]!);
    if (this.#unparsable.size > 0) this.#unparsable.delete(id);
    this.#recent[id % RECENT] = undefined;
    this.#serial[id] = 0;
    this.#ref[id] = this.#free;
    this.#free = id;
    this.size--;
  }

  #place(id: AttrId, hash: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    while (slots[slot] !== 0) slot = (slot + 2) & mask;
    slots[slot] = id;
    slots[slot + 1] = hash;
  }

  /** Takes an id out of the index and moves back whatever probed over it. */
  #closeGap(id: AttrId): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { octets, start, end } = this.block(id);
    let gap = (hashOctets(octets, start, end, this.#context[id]!) << 1) & mask;
    while (slots[gap] !== id) gap = (gap + 2) & mask;
    for (let at = (gap + 2) & mask; slots[at] !== 0; at = (at + 2) & mask) {
      const home = (slots[at + 1]! << 1) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      slots[gap] = slots[at]!;
      slots[gap + 1] = slots[at + 1]!;
      gap = at;
    }
    slots[gap] = 0;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot] !== 0) this.#place(before[slot]! as AttrId, before[slot + 1]!);
    }
  }

  #takeId(): AttrId {
    if (this.#free === NO_ATTRIBUTES && this.#idle.isLongBeside(this.size)) this.forgetSome(AT_ONCE);
    const again = this.#free;
    if (again !== NO_ATTRIBUTES) {
      this.#free = this.#ref[again]! as AttrId;
      return again;
    }
    const id = this.#extent++;
    this.#ref = tableColumnOf(this.#ref, id + 1);
    this.#octets = tableColumnOf(this.#octets, id + 1);
    this.#context = tableColumnOf(this.#context, id + 1);
    this.#references = tableColumnOf(this.#references, id + 1);
    this.#serial = tableColumnOf(this.#serial, id + 1);
    this.#isIdle = tableColumnOf(this.#isIdle, id + 1);
    return id as AttrId;
  }

  #keepRecent(id: AttrId, attributes: PathAttributes): void {
    this.#recent[id % RECENT] = { id, serial: this.#serial[id]!, attributes };
  }

  #parse(id: AttrId): PathAttributes {
    const context = this.#context[id]!;
    const { attributes } = decodeAttributes(this.block(id), {
      ...NOTHING_NEGOTIATED,
      as4: (context & AS4) !== 0,
      external: (context & EXTERNAL) !== 0,
      zone: this.nextHops.zoneOf(context >>> ZONE_SHIFT),
      ...((context & OURS) !== 0 && { ours: true }),
    });
    if (attributes === undefined) throw new RangeError(`attributes ${id} do not parse again`);
    return attributes;
  }
}

const keyOfOurs = (family: Family, { as4, external }: EncodeContext, of: AttributeBlock["of"]): number =>
  OURS | (as4 ? AS4 : 0) | (external ? EXTERNAL : 0) | (of === "mp" ? MP : 0) | (family === 6 ? SIX : 0);

/** Flags, code, length; AFI, SAFI; length of the next hop. */
const MP_BEFORE_NEXT_HOP = 7;

/** Puts the next hop back where a received block has it: into an MP_REACH_NLRI without NLRI. */
function blockOf({ family, octets, mpNextHop }: EncodedAttributes): Uint8Array {
  if (mpNextHop === undefined) return octets;
  const length = mpNextHop.length;
  const block = new Uint8Array(MP_BEFORE_NEXT_HOP + length + 1 + octets.length);
  block.set([0x80, 14, length + 5, 0, family === 4 ? 1 : 2, 1, length]);
  block.set(mpNextHop, MP_BEFORE_NEXT_HOP);
  block.set(octets, MP_BEFORE_NEXT_HOP + length + 1);
  return block;
}
