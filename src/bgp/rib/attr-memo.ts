/**
 * Remembers which attribute set another one was turned into. A cache of fixed size, one entry per place: what is
 * pushed out is worked out again, and interning gives it the same id. It holds no references; an entry whose sets are
 * gone (or whose ids stand for others by now) is seen by their serials and not used.
 */

import type { AttrId, AttributePool } from "./attribute-pool.ts";

const PLACES = 8192;

export class AttrMemo {
  readonly #pool: AttributePool;
  readonly #key: Uint32Array = new Uint32Array(PLACES);
  readonly #keySerial: Uint32Array = new Uint32Array(PLACES);
  readonly #how: Uint32Array = new Uint32Array(PLACES);
  readonly #result: Uint32Array = new Uint32Array(PLACES);
  readonly #resultSerial: Uint32Array = new Uint32Array(PLACES);

  constructor(pool: AttributePool) {
    this.#pool = pool;
  }

  /** What `key` became in the way `how`, with one reference taken for the caller; 0 when that is not remembered. */
  take(key: AttrId, how: number): AttrId {
    const place = placeOf(key, how);
    const result = this.#result[place]! as AttrId;
    if (result === 0 || this.#key[place] !== key || this.#how[place] !== how) return 0 as AttrId;
    if (this.#keySerial[place] !== this.#pool.serial(key)) return 0 as AttrId;
    if (this.#resultSerial[place] !== this.#pool.serial(result)) return 0 as AttrId;
    this.#pool.retain(result);
    return result;
  }

  put(key: AttrId, how: number, result: AttrId): void {
    const place = placeOf(key, how);
    this.#key[place] = key;
    this.#keySerial[place] = this.#pool.serial(key);
    this.#how[place] = how;
    this.#result[place] = result;
    this.#resultSerial[place] = this.#pool.serial(result);
  }
}

const placeOf = (key: number, how: number): number => (key ^ Math.imul(how, 0x9e3779b1)) & (PLACES - 1);
