/**
 * Next hops as small numbers, with what the caller knows of them: whether they can be reached, and at what cost.
 * An attribute set holds one reference on its next hop. A next hop that nobody has spoken of is reachable at metric 0.
 */

import type { Address } from "../net/address.ts";
import { columnOf } from "./columns.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "./prefix-table.ts";

/** In place of a family: a link-local address with its zone. */
const ZONED = 7;
const NO_ZONE = "";

export interface NextHopState {
  readonly reachable: boolean;
  /** Cost inside the AS, unsigned 32-bit; the lower is better (RFC 4271 §9.1.2.2 e). */
  readonly metric: number;
}

export class NextHops {
  /** Both families in one table of wide keys; "length" tells them apart, and those behind an interface. */
  readonly #table: PrefixTable = new PrefixTable(6);
  /** Names of interfaces by number. Bounded by those that peers are behind. */
  readonly #zones: string[] = [NO_ZONE];
  readonly #zoneNumbers: Map<string, number> = new Map();
  #references: Uint32Array = new Uint32Array(64);
  #unreachable: Uint8Array = new Uint8Array(64);
  #metric: Uint32Array = new Uint32Array(64);
  /** What the caller said, kept over the time when no attribute set uses the address. Bounded by the caller's links. */
  readonly #told: Set<number> = new Set();

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
    if (--this.#references[id]! === 0 && !this.#told.has(id)) this.#table.remove(id as PrefixId);
  }

  /** Returns the id when the state is another than before and somebody uses the address, else -1. */
  tell(address: Address, state: NextHopState): number {
    const id = this.#idOf(address);
    const unreachable = state.reachable ? 0 : 1;
    const same = this.#unreachable[id] === unreachable && this.#metric[id] === state.metric;
    this.#unreachable[id] = unreachable;
    this.#metric[id] = state.metric;
    if (state.reachable && state.metric === 0) this.#told.delete(id);
    else this.#told.add(id);
    const used = this.#references[id]! > 0;
    if (!used && !this.#told.has(id)) this.#table.remove(id);
    return used && !same ? id : -1;
  }

  /** The next hop as a value. The id is one that somebody holds a reference on. */
  address(id: number): Address {
    const { w0, w1, w2, w3, length } = this.#table.prefix(id as PrefixId);
    if (length === ZONED) return { family: 6, w0, w1: 0, w2, w3, zone: this.#zones[w1]! };
    return { family: length === 4 ? 4 : 6, w0, w1, w2, w3 };
  }

  isReachable(id: number): boolean {
    return this.#unreachable[id] === 0;
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

  #idOf(a: Address): PrefixId {
    // A link-local address has nothing in its second word (RFC 4291 §2.5.6), so that its zone can stand there.
    const w1 = a.zone === undefined ? a.w1 : this.zoneNumber(a.zone);
    const kind = a.zone === undefined ? a.family : ZONED;
    const known = this.#table.find(a.w0, w1, a.w2, a.w3, kind);
    if (known !== NO_PREFIX) return known;
    const id = this.#table.findOrAdd(a.w0, w1, a.w2, a.w3, kind);
    this.#references = columnOf(this.#references, this.#table.extent);
    this.#unreachable = columnOf(this.#unreachable, this.#table.extent);
    this.#metric = columnOf(this.#metric, this.#table.extent);
    this.#references[id] = 0;
    this.#unreachable[id] = 0;
    this.#metric[id] = 0;
    return id;
  }
}
