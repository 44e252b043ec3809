/**
 * What is known of the learned routes of one family, as columns by row of the feed: which way each is to go, and what
 * the kernel acknowledged. 9 octets a route.
 */

import { ipv6, type Prefix } from "../bgp/net/address.ts";
import { columnOf } from "../bgp/rib/columns.ts";
import { IdSet } from "../bgp/rib/id-set.ts";
import type { LearnedFamily } from "./learned.ts";

/** The kernel may have dropped it by itself: it is put again. */
export const DOUBTED = 1;
/** The kernel was asked to change it, and has not answered. */
export const FLYING = 2;
/** Something about it changed since. */
export const AGAIN = 4;
/** The kernel refused what it was asked last. */
export const REFUSED = 8;
/** Packets are forwarded by it, as peers want it. */
export const GOOD = 16;
/** Found when the kernel was read. */
export const SEEN = 32;
/** It is on the list of what is to be removed: on that of an even or of an odd round. */
export const LEAVING_EVEN = 64;
export const LEAVING_ODD = 128;

export class Rows {
  readonly learned: LearnedFamily;
  /** In `Ways`, one user each. */
  way: Uint32Array = new Uint32Array(1024);
  /** In `Targets`, with a reference: what the kernel acknowledged. */
  held: Uint32Array = new Uint32Array(1024);
  flags: Uint8Array = new Uint8Array(1024);
  /** One more than the highest row with anything in it. */
  extent = 0;
  /** To be compared with what the kernel holds. */
  readonly todo: IdSet = new IdSet();
  /** The same, once the kernel can be asked again. */
  readonly later: IdSet = new IdSet();
  /** Prefixes of kinds that are routed and not translated. */
  readonly routed: IdSet = new IdSet();
  /** Not in the kernel, since they would cut something off. */
  readonly cut: IdSet = new IdSet();

  constructor(learned: LearnedFamily) {
    this.learned = learned;
  }

  reserve(row: number): void {
    if (row < this.extent) return;
    this.extent = row + 1;
    this.way = columnOf(this.way, this.extent);
    this.held = columnOf(this.held, this.extent);
    this.flags = columnOf(this.flags, this.extent);
  }

  is(row: number, flag: number): boolean {
    return (this.flags[row]! & flag) !== 0;
  }

  set(row: number, flag: number, on: boolean): void {
    if (on) this.flags[row]! |= flag;
    else this.flags[row]! &= ~flag;
  }

  /** Everything is to be compared again. */
  doubtAll(): void {
    for (let row = 0; row < this.extent; row++) {
      if (this.way[row] !== 0 || this.held[row] !== 0) this.todo.add(row);
    }
  }
}

/** fe80::/64 (RFC 4291 §2.5.6). */
const LINK_LOCAL = ipv6(0xfe80_0000, 0, 0, 0);

/** Link-local prefixes mean another thing on every link: the kernel has its own routes for them. */
export const isOfLinks = (learned: LearnedFamily, row: number): boolean =>
  learned.family === 6 && learned.word(row, 0) === LINK_LOCAL.w0 && learned.word(row, 1) === 0;

/** Those of a set of rows. */
export function prefixesOf(
  { learned, extent }: Rows,
  set: { has(row: number): boolean; readonly size: number },
): Prefix[] {
  const prefixes: Prefix[] = [];
  if (set.size === 0) return prefixes;
  for (let row = 0; row < extent; row++) if (set.has(row)) prefixes.push(learned.prefix(row));
  return prefixes;
}
