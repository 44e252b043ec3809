/**
 * What the members of one update group hold, as columns by prefix: 7 octets each (RFC 4271 §3.2, Adj-RIB-Out).
 * A prefix that is in it is pinned, and so is its attribute set.
 */

import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import { columnOf } from "./columns.ts";
import type { PathTable } from "./path-table.ts";
import { NO_PEER, type PeerId } from "./peer-table.ts";
import type { PrefixId } from "./prefix-table.ts";

export class AdjRibOut {
  readonly #paths: PathTable;
  readonly #pool: AttributePool;
  #attrs: Uint32Array = new Uint32Array(1024);
  #source: Uint16Array = new Uint16Array(1024);
  #tag: Uint8Array = new Uint8Array(1024);

  constructor(paths: PathTable, pool: AttributePool) {
    this.#paths = paths;
    this.#pool = pool;
  }

  /** NO_ATTRIBUTES: not sent. */
  attrs(prefix: PrefixId): AttrId {
    return (prefix < this.#attrs.length ? this.#attrs[prefix]! : NO_ATTRIBUTES) as AttrId;
  }

  /** The peer whose path was sent, and which therefore does not hold it; NO_PEER when nothing was. */
  source(prefix: PrefixId): PeerId {
    return this.attrs(prefix) === NO_ATTRIBUTES ? NO_PEER : (this.#source[prefix]! as PeerId);
  }

  tag(prefix: PrefixId): number {
    return this.#tag[prefix]!;
  }

  /**
   * Takes over the caller's reference on `attrs`. True when the prefix left: it stays pinned, since its number is still
   * needed to say so, and the caller unpins it.
   */
  set(prefix: PrefixId, attrs: AttrId, source: PeerId, tag: number): boolean {
    const before = this.attrs(prefix);
    if (prefix >= this.#attrs.length) {
      this.#attrs = columnOf(this.#attrs, prefix + 1);
      this.#source = columnOf(this.#source, prefix + 1);
      this.#tag = columnOf(this.#tag, prefix + 1);
    }
    this.#attrs[prefix] = attrs;
    this.#source[prefix] = source;
    this.#tag[prefix] = tag;
    if (before === NO_ATTRIBUTES && attrs !== NO_ATTRIBUTES) this.#paths.pin(prefix);
    if (before !== NO_ATTRIBUTES) this.#pool.release(before);
    return before !== NO_ATTRIBUTES && attrs === NO_ATTRIBUTES;
  }

  each(callback: (prefix: PrefixId) => void): void {
    for (let id = 0; id < this.#attrs.length; id++) {
      if (this.#attrs[id] !== NO_ATTRIBUTES) callback(id as PrefixId);
    }
  }

  /** Empties it. */
  clear(): void {
    this.each((prefix) => {
      if (this.set(prefix, NO_ATTRIBUTES, NO_PEER, 0)) this.#paths.unpin(prefix);
    });
  }
}
