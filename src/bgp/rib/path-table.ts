/**
 * The paths of one family, and what is known of each prefix.
 *
 * A path is a row: columns of numbers, 27 octets in all. The rows of one prefix form a list through `next`, from `head`
 * of the prefix; the first `selected[prefix]` of them are the chosen ones, the best path first. A row keeps both what
 * the peer sent (`received`) and what import policy made of it (`accepted`, 0 when rejected), so that a rejected path
 * can be shown, and judged again under another policy, without asking the peer.
 */

import type { Family } from "../net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../net/prefix-table.ts";
import type { AttrId } from "./attribute-pool.ts";
import { AT_ONCE, Backlog } from "./backlog.ts";
import { tableColumnOf } from "./columns.ts";
import { IdSet } from "./id-set.ts";
import { LOCAL, type PeerId } from "./peer-table.ts";

/** No row: the end of a list. Rows count from 1. */
export const NIL = 0;

const INSTALLED = 1;
/** A selected path got other attributes, or went: the change must be told even if the same rows are chosen again. */
const TOUCHED = 2;
/** It has a chosen path, or had one when it was last decided. */
const REACHABLE = 4;
/** Nobody has a path of it; it is forgotten when there is time. */
const CLOSING = 8;

export class PathTable {
  readonly prefixes: PrefixTable;
  /** Prefixes whose paths changed since they were decided. */
  readonly dirty: IdSet = new IdSet();

  // By path.
  prefix: Uint32Array = new Uint32Array(1024);
  peer: Uint16Array = new Uint16Array(1024);
  /** RFC 7911; 0 without ADD-PATH. */
  pathId: Uint32Array = new Uint32Array(1024);
  received: Uint32Array = new Uint32Array(1024);
  accepted: Uint32Array = new Uint32Array(1024);
  /** Index of the import rule that decided, in the names that the Adj-RIB-In keeps. */
  rule: Uint16Array = new Uint16Array(1024);
  tag: Uint8Array = new Uint8Array(1024);
  /** Generation of its peer in which it was last announced; another than the peer's own means stale. */
  generation: Uint8Array = new Uint8Array(1024);
  next: Uint32Array = new Uint32Array(1024);

  // By prefix.
  #heads: Uint32Array = new Uint32Array(1024);
  #selected: Uint16Array = new Uint16Array(1024);
  #flags: Uint8Array = new Uint8Array(1024);
  /** How many update groups (and members behind) still hold or owe something of it; and each path that is pinned. */
  #pins: Uint32Array = new Uint32Array(1024);

  // By path, and empty until one is pinned.
  /** How many update groups (and members behind) still hold or owe something of the very path. */
  #pathPins: Uint16Array = new Uint16Array(0);
  #pinnedPrefix: Uint32Array = new Uint32Array(0);

  /** One more than the highest row ever used: scan up to here. */
  extent = 1;
  /** How many prefixes have a chosen path. */
  reachable = 0;
  #free = NIL;
  /** Prefixes that are CLOSING, in the order in which they came to that. */
  readonly #closing: Backlog = new Backlog();

  constructor(family: Family) {
    this.prefixes = new PrefixTable(family);
    this.prefix[NIL] = NO_PREFIX;
  }

  /** The id of a prefix, known from now on. */
  open(w0: number, w1: number, w2: number, w3: number, length: number): PrefixId {
    if (this.#closing.isLongBeside(this.prefixes.size)) this.forgetSome(AT_ONCE);
    const id = this.prefixes.findOrAdd(w0, w1, w2, w3, length);
    if (id >= this.#selected.length) this.#reservePrefixes(id + 1);
    return id;
  }

  head(prefix: PrefixId): number {
    return this.#heads[prefix]!;
  }

  /** How many paths from the front of the list are chosen. 0: the prefix is not reachable. */
  selected(prefix: PrefixId): number {
    return this.#selected[prefix]!;
  }

  /** Puts the list in a new order: the first `count` rows are chosen. The caller has set `next` of every row. */
  select(prefix: PrefixId, head: number, count: number): void {
    this.#heads[prefix] = head;
    this.#selected[prefix] = count;
    const before = this.#flags[prefix]! & REACHABLE;
    if (count > 0 && before === 0) this.reachable++;
    if (count === 0 && before !== 0) this.reachable--;
    // Without a path the route leaves the forwarding plane; the caller must say so again when it is back.
    if (count === 0) this.#flags[prefix]! &= ~(INSTALLED | REACHABLE);
    else this.#flags[prefix]! |= REACHABLE;
  }

  isInstalled(prefix: PrefixId): boolean {
    return (this.#flags[prefix]! & INSTALLED) !== 0;
  }

  /** True when that is another state than before. */
  setInstalled(prefix: PrefixId, installed: boolean): boolean {
    if (this.isInstalled(prefix) === installed) return false;
    this.#flags[prefix]! ^= INSTALLED;
    return true;
  }

  /** Reads and clears: has a chosen path of it been changed or removed since? */
  takeTouched(prefix: PrefixId): boolean {
    const touched = (this.#flags[prefix]! & TOUCHED) !== 0;
    this.#flags[prefix]! &= ~TOUCHED;
    return touched;
  }

  /** Says that a path changed: its prefix is to be decided. */
  touch(row: number): void {
    const prefix = this.prefix[row]! as PrefixId;
    this.dirty.add(prefix);
    let at = this.head(prefix);
    for (let left = this.#selected[prefix]!; left > 0; left--) {
      if (at === row) {
        this.#flags[prefix]! |= TOUCHED;
        return;
      }
      at = this.next[at]!;
    }
  }

  /** The path of a prefix from this peer with this path identifier, or NIL. */
  find(prefix: PrefixId, peer: PeerId, pathId: number): number {
    let row = this.head(prefix);
    while (row !== NIL && (this.peer[row] !== peer || this.pathId[row] !== pathId)) row = this.next[row]!;
    return row;
  }

  /** How many paths of a prefix are from this peer. */
  countOf(prefix: PrefixId, peer: PeerId): number {
    let count = 0;
    for (let row = this.head(prefix); row !== NIL; row = this.next[row]!) {
      if (this.peer[row] === peer) count++;
    }
    return count;
  }

  /** A new path behind the others of its prefix, with nothing filled in but whose it is. */
  append(prefix: PrefixId, peer: PeerId, pathId: number): number {
    const row = this.#takeRow();
    this.prefix[row] = prefix;
    this.peer[row] = peer;
    if (this.pathId[row] !== pathId) this.pathId[row] = pathId;
    if (this.next[row] !== NIL) this.next[row] = NIL;
    let last = this.head(prefix);
    if (last === NIL) {
      this.#heads[prefix] = row;
      return row;
    }
    while (this.next[last] !== NIL) last = this.next[last]!;
    this.next[last] = row;
    return row;
  }

  /** Takes a path out and frees its row, unless that is pinned. The caller gives the attributes back. */
  remove(row: number): void {
    this.touch(row);
    const prefix = this.prefix[row]! as PrefixId;
    let place = 0;
    let before = NIL;
    for (let at = this.head(prefix); at !== row; at = this.next[at]!) {
      before = at;
      place++;
    }
    if (before === NIL) this.#heads[prefix] = this.next[row]!;
    else this.next[before] = this.next[row]!;
    if (place < this.#selected[prefix]!) this.#selected[prefix]!--;
    this.prefix[row] = NO_PREFIX;
    if (row >= this.#pathPins.length || this.#pathPins[row] === 0) this.#giveBack(row);
  }

  /** True while `row` is a path: the way to go through all of them, from 0 to {@link extent}. */
  has(row: number): boolean {
    return this.prefix[row] !== NO_PREFIX;
  }

  isLocal(row: number): boolean {
    return this.peer[row] === LOCAL;
  }

  /** The attributes to select and export by; 0 when import policy rejected the path. */
  attributesOf(row: number): AttrId {
    return this.accepted[row]! as AttrId;
  }

  /** Keeps the id of a prefix alive although no path is left. */
  pin(prefix: PrefixId): void {
    this.#pins[prefix]!++;
  }

  unpin(prefix: PrefixId): void {
    this.#pins[prefix]!--;
    this.close(prefix);
  }

  /** Keeps a row from being used for another path although the path may go. */
  pinPath(row: number): void {
    if (row >= this.#pathPins.length) {
      this.#pathPins = tableColumnOf(this.#pathPins, this.next.length);
      this.#pinnedPrefix = tableColumnOf(this.#pinnedPrefix, this.next.length);
    }
    if (this.#pathPins[row]!++ > 0) return;
    this.#pinnedPrefix[row] = this.prefix[row]!;
    this.pin(this.prefix[row]! as PrefixId);
  }

  unpinPath(row: number): void {
    if (--this.#pathPins[row]! > 0) return;
    if (!this.has(row)) this.#giveBack(row);
    this.unpin(this.pinnedPrefix(row));
  }

  /** The prefix of a path that is pinned, or was a moment ago, though the path be gone. */
  pinnedPrefix(row: number): PrefixId {
    return this.#pinnedPrefix[row]! as PrefixId;
  }

  /** Has the prefix forgotten when nobody has a path of it, owes its withdrawal, or has yet to decide it. */
  close(prefix: PrefixId): void {
    if (this.#isUsed(prefix)) return;
    if ((this.#flags[prefix]! & CLOSING) === 0) this.#closing.push(prefix);
    this.#flags[prefix] = CLOSING;
  }

  /** There are prefixes to {@link forgetSome} of. */
  get hasUnused(): boolean {
    return this.#closing.size > 0;
  }

  /** Forgets prefixes that are closed, but those that somebody uses again; looks at up to `limit`. */
  forgetSome(limit: number): void {
    for (let left = Math.min(limit, this.#closing.size); left > 0; left--) {
      const prefix = this.#closing.shift() as PrefixId;
      this.#flags[prefix]! &= ~CLOSING;
      if (!this.#isUsed(prefix)) this.prefixes.remove(prefix);
    }
  }

  #isUsed(prefix: PrefixId): boolean {
    return this.head(prefix) !== NIL || this.#pins[prefix] !== 0 || this.dirty.has(prefix);
  }

  #giveBack(row: number): void {
    this.next[row] = this.#free;
    this.#free = row;
  }

  #takeRow(): number {
    if (this.#free !== NIL) {
      const row = this.#free;
      this.#free = this.next[row]!;
      return row;
    }
    if (this.extent === this.next.length) this.#reserveRows(this.extent + 1);
    return this.extent++;
  }

  #reserveRows(rows: number): void {
    this.prefix = tableColumnOf(this.prefix, rows);
    this.peer = tableColumnOf(this.peer, rows);
    this.pathId = tableColumnOf(this.pathId, rows);
    this.received = tableColumnOf(this.received, rows);
    this.accepted = tableColumnOf(this.accepted, rows);
    this.rule = tableColumnOf(this.rule, rows);
    this.tag = tableColumnOf(this.tag, rows);
    this.generation = tableColumnOf(this.generation, rows);
    this.next = tableColumnOf(this.next, rows);
  }

  #reservePrefixes(rows: number): void {
    this.#heads = tableColumnOf(this.#heads, rows);
    this.#selected = tableColumnOf(this.#selected, rows);
    this.#flags = tableColumnOf(this.#flags, rows);
    this.#pins = tableColumnOf(this.#pins, rows);
  }
}
