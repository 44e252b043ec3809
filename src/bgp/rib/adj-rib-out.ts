/**
 * What the members of one update group hold, as columns by what an NLRI stands for: 7 octets each (RFC 4271 §3.2,
 * Adj-RIB-Out). What is in it is pinned, and so is its attribute set. Where that are paths (RFC 7911), those of one
 * prefix are a list too.
 */

import type { PrefixId } from "../net/prefix-table.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import { columnOf } from "./columns.ts";
import type { Naming, NlriId } from "./naming.ts";
import { NO_PEER, type PeerId } from "./peer-table.ts";

const END = 0;

export class AdjRibOut {
  readonly #naming: Naming;
  readonly #pool: AttributePool;
  #attrs: Uint32Array = new Uint32Array(1024);
  #source: Uint16Array = new Uint16Array(1024);
  #tag: Uint8Array = new Uint8Array(1024);

  // Of paths only; numbers from 1 on.
  /** By prefix: the first of its paths. */
  #first: Uint32Array = new Uint32Array(0);
  #next: Uint32Array = new Uint32Array(0);

  constructor(naming: Naming, pool: AttributePool) {
    this.#naming = naming;
    this.#pool = pool;
  }

  /** NO_ATTRIBUTES: not sent. */
  attrs(nlri: NlriId): AttrId {
    return (nlri < this.#attrs.length ? this.#attrs[nlri]! : NO_ATTRIBUTES) as AttrId;
  }

  /** The peer whose path was sent, and which therefore does not hold it; NO_PEER when nothing was. */
  source(nlri: NlriId): PeerId {
    return this.attrs(nlri) === NO_ATTRIBUTES ? NO_PEER : (this.#source[nlri]! as PeerId);
  }

  tag(nlri: NlriId): number {
    return this.#tag[nlri]!;
  }

  /**
   * Takes over the caller's reference on `attrs`. True when it left: it stays pinned, since its number is still needed
   * to say so, and the caller unpins it.
   */
  set(nlri: NlriId, attrs: AttrId, source: PeerId, tag: number): boolean {
    const before = this.attrs(nlri);
    if (nlri >= this.#attrs.length) {
      this.#attrs = columnOf(this.#attrs, nlri + 1);
      this.#source = columnOf(this.#source, nlri + 1);
      this.#tag = columnOf(this.#tag, nlri + 1);
    }
    this.#attrs[nlri] = attrs;
    this.#source[nlri] = source;
    if (this.#tag[nlri] !== tag) this.#tag[nlri] = tag;
    const comes = before === NO_ATTRIBUTES && attrs !== NO_ATTRIBUTES;
    const leaves = before !== NO_ATTRIBUTES && attrs === NO_ATTRIBUTES;
    if (comes) this.#naming.pin(nlri);
    if (before !== NO_ATTRIBUTES) this.#pool.release(before);
    if (this.#naming.byPath && comes) this.#link(nlri);
    if (this.#naming.byPath && leaves) this.#unlink(nlri);
    return leaves;
  }

  each(callback: (nlri: NlriId) => void): void {
    for (let id = 0; id < this.#attrs.length; id++) {
      if (this.#attrs[id] !== NO_ATTRIBUTES) callback(id as NlriId);
    }
  }

  /** The paths of one prefix. The callback may take out the one that it is called with. */
  eachPathOf(prefix: PrefixId, callback: (path: NlriId) => void): void {
    let at = prefix < this.#first.length ? this.#first[prefix]! : END;
    while (at !== END) {
      const path = at - 1;
      at = this.#next[path]!;
      callback(path as NlriId);
    }
  }

  /** Empties it. */
  clear(): void {
    this.each((nlri) => {
      if (this.set(nlri, NO_ATTRIBUTES, NO_PEER, 0)) this.#naming.unpin(nlri);
    });
  }

  #link(path: NlriId): void {
    const prefix = this.#naming.prefixOf(path);
    this.#first = columnOf(this.#first, prefix + 1);
    this.#next = columnOf(this.#next, path + 1);
    this.#next[path] = this.#first[prefix]!;
    this.#first[prefix] = path + 1;
  }

  #unlink(path: NlriId): void {
    const prefix = this.#naming.prefixOf(path);
    const after = this.#next[path]!;
    let at = this.#first[prefix]!;
    if (at === path + 1) this.#first[prefix] = after;
    else {
      while (this.#next[at - 1] !== path + 1) at = this.#next[at - 1]!;
      this.#next[at - 1] = after;
    }
  }
}
