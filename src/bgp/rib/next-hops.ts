/**
 * Next hops as small numbers, with what the caller knows of them: whether they can be reached, and at what cost.
 * An attribute set holds one reference on its next hop. A next hop that nobody has spoken of is reachable at metric 0;
 * once the caller {@link NextHops.track}s them it cannot be reached, and is asked for when the first path wants to use
 * it. What is only rejected is never asked for, so that a peer whose routes are not accepted cannot make us ask.
 */

import type { Address } from "../net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../net/prefix-table.ts";
import { columnOf } from "./columns.ts";

/** In place of a family: a link-local address with its zone. */
const ZONED = 7;
const NO_ZONE = "";

export interface NextHopState {
  readonly reachable: boolean;
  /** Cost inside the AS, unsigned 32-bit; the lower is better (RFC 4271 §9.1.2.2 e). */
  readonly metric: number;
}

/** What is known of a next hop. */
export interface NextHopTold extends NextHopState {
  readonly nextHop: Address;
}

/** What changed in who is asked for: paths began to want `wanted`, and none is left that has one of `released`. */
export interface NextHopNeeds {
  readonly wanted: readonly Address[];
  readonly released: readonly Address[];
}

/** States of a next hop. */
const REACHABLE = 0;
const UNREACHABLE = 1;
/** No path has wanted to use it yet. */
const UNASKED = 2;
/** It is asked for, and there is no answer. */
const ASKED = 3;

export class NextHops {
  /** Both families in one table of wide keys; "length" tells them apart, and those behind an interface. */
  readonly #table: PrefixTable = new PrefixTable(6);
  /** Names of interfaces by number. Bounded by those that peers are behind. */
  readonly #zones: string[] = [NO_ZONE];
  readonly #zoneNumbers: Map<string, number> = new Map();
  #references: Uint32Array = new Uint32Array(64);
  #state: Uint8Array = new Uint8Array(64);
  #metric: Uint32Array = new Uint32Array(64);
  /** What the caller said, kept over the time when no attribute set uses the address. Bounded by the caller's links. */
  readonly #told: Set<number> = new Set();

  #tracked = false;
  /** Asked for since {@link takeNeeds}. */
  readonly #asked: Set<number> = new Set();
  /** Asked for before, and without a reference since. They keep their ids until {@link takeNeeds}. */
  readonly #left: Set<number> = new Set();

  /** From now on a next hop that nobody has spoken of cannot be reached. Before the first is taken. */
  track(): void {
    this.#tracked = true;
  }

  /** Takes one reference. */
  take(address: Address): number {
    const id = this.#idOf(address);
    this.#references[id]!++;
    return id;
  }

  /** Takes one more reference on a next hop that has one. */
  hold(id: number): void {
    this.#references[id]!++;
  }

  /** Gives one reference back. */
  give(id: number): void {
    if (--this.#references[id]! > 0) return;
    if (this.#tracked && this.#state[id] !== UNASKED) this.#left.add(id);
    else if (!this.#told.has(id)) this.#table.remove(id as PrefixId);
  }

  /** Returns the id when the state is another than before and somebody uses the address, else -1. */
  tell(address: Address, { reachable, metric }: NextHopState): number {
    // An answer that comes when nobody asks any more would stay for good.
    if (this.#tracked && !this.#isAsked(address)) return -1;
    const id = this.#idOf(address);
    const state = reachable ? REACHABLE : UNREACHABLE;
    const same = (this.#state[id] === REACHABLE) === reachable && (!reachable || this.#metric[id] === metric);
    this.#state[id] = state;
    this.#metric[id] = metric;
    if (!this.#tracked) this.#keep(id as PrefixId, reachable && metric === 0);
    return this.#references[id]! > 0 && !same ? id : -1;
  }

  /** Who is to be asked for, and who no more, since the last call. Undefined: nothing changed. */
  takeNeeds(): NextHopNeeds | undefined {
    if (this.#asked.size + this.#left.size === 0) return undefined;
    const wanted: Address[] = [];
    const released: Address[] = [];
    for (const id of this.#asked) if (this.#references[id]! > 0) wanted.push(this.#address(id as PrefixId));
    for (const id of this.#left) {
      if (this.#references[id]! > 0) continue;
      if (!this.#asked.has(id)) released.push(this.#address(id as PrefixId));
      this.#table.remove(id as PrefixId);
    }
    this.#asked.clear();
    this.#left.clear();
    return wanted.length + released.length === 0 ? undefined : { wanted, released };
  }

  /** The next hop as a value. The id is one that somebody holds a reference on. */
  address(id: number): Address {
    const { w0, w1, w2, w3, length } = this.#table.prefix(id as PrefixId);
    if (length === ZONED) return { family: 6, w0, w1: 0, w2, w3, zone: this.#zones[w1]! };
    return { family: length === 4 ? 4 : 6, w0, w1, w2, w3 };
  }

  isReachable(id: number): boolean {
    const state = this.#state[id];
    if (state === UNASKED) {
      this.#state[id] = ASKED;
      this.#asked.add(id);
    }
    return state === REACHABLE;
  }

  metric(id: number): number {
    return this.#metric[id]!;
  }

  /** A small number for the name of an interface; 0 for none. */
  zoneNumber(zone: string | undefined): number {
    if (zone === undefined) return 0;
    let number = this.#zoneNumbers.get(zone);
    if (number === undefined) {
      number = this.#zones.push(zone) - 1;
      this.#zoneNumbers.set(zone, number);
    }
    return number;
  }

  zoneOf(number: number): string | undefined {
    return number === 0 ? undefined : this.#zones[number];
  }

  #keep(id: PrefixId, isDefault: boolean): void {
    if (isDefault) this.#told.delete(id);
    else this.#told.add(id);
    if (isDefault && this.#references[id] === 0) this.#table.remove(id);
  }

  #isAsked(a: Address): boolean {
    const id = this.#find(a);
    return id !== NO_PREFIX && this.#references[id]! > 0 && this.#state[id] !== UNASKED;
  }

  #address(id: PrefixId): Address {
    const [w0, w1, w2, w3] = [0, 1, 2, 3].map((i) => this.#table.word(id, i as 0 | 1 | 2 | 3));
    const kind = this.#table.lengthOf(id);
    const zone = kind === ZONED ? this.#zones[w1!] : undefined;
    const words = { w0: w0!, w1: zone === undefined ? w1! : 0, w2: w2!, w3: w3! };
    return { family: kind === 4 ? 4 : 6, ...words, ...(zone !== undefined && { zone }) };
  }

  // A link-local address has nothing in its second word (RFC 4291 §2.5.6), so that its zone can stand there.
  #find({ family, w0, w1, w2, w3, zone }: Address): PrefixId {
    if (zone === undefined) return this.#table.find(w0, w1, w2, w3, family);
    return this.#table.find(w0, this.zoneNumber(zone), w2, w3, ZONED);
  }

  #idOf(a: Address): PrefixId {
    const known = this.#find(a);
    if (known !== NO_PREFIX) return known;
    const w1 = a.zone === undefined ? a.w1 : this.zoneNumber(a.zone);
    const id = this.#table.findOrAdd(a.w0, w1, a.w2, a.w3, a.zone === undefined ? a.family : ZONED);
    this.#references = columnOf(this.#references, this.#table.extent);
    this.#state = columnOf(this.#state, this.#table.extent);
    this.#metric = columnOf(this.#metric, this.#table.extent);
    this.#references[id] = 0;
    this.#state[id] = this.#tracked ? UNASKED : REACHABLE;
    this.#metric[id] = 0;
    return id;
  }
}
