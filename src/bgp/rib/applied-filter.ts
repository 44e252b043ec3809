/** A policy at work: what it says of attribute ids rather than of attributes. */

import { AttrMemo } from "./attr-memo.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { AttributeClass, RouteFilter, Verdict } from "./route-filter.ts";

/** Numbers up to this one are for ways to {@link AppliedFilter.derive} that are no verdict of a filter. */
const LAST_OTHER_WAY = 7;

export class AppliedFilter {
  readonly filter: RouteFilter;
  readonly #pool: AttributePool;
  readonly #memo: AttrMemo;
  readonly #numbers: WeakMap<Verdict, number> = new WeakMap();
  #lastNumber = LAST_OTHER_WAY;
  #lastClassed: AttrId = 0 as AttrId;
  #lastSerial = 0;
  #lastClass: AttributeClass | undefined;

  constructor(filter: RouteFilter, pool: AttributePool) {
    this.filter = filter;
    this.#pool = pool;
    this.#memo = new AttrMemo(pool);
  }

  /** The filter's class of an attribute set. Remembers the last: prefixes that share attributes come together. */
  classOf(attrs: AttrId): AttributeClass {
    if (this.filter.onlyClass !== undefined) return this.filter.onlyClass;
    const serial = this.#pool.serial(attrs);
    if (this.#lastClass !== undefined && attrs === this.#lastClassed && serial === this.#lastSerial) {
      return this.#lastClass;
    }
    const known = this.filter.classify(this.#pool.attributes(attrs));
    this.#lastClassed = attrs;
    this.#lastSerial = serial;
    this.#lastClass = known;
    return known;
  }

  /** What an accepting verdict makes of an attribute set, with one reference taken; 0: it is longer than any message. */
  apply(attrs: AttrId, verdict: Verdict): AttrId {
    const { change } = verdict;
    if (change === undefined) {
      this.#pool.retain(attrs);
      return attrs;
    }
    return this.derive(attrs, this.numberOf(verdict), () => {
      const { edits } = verdict;
      const edited = edits === undefined ? NO_ATTRIBUTES : this.#pool.internEdited(attrs, edits);
      return edited === NO_ATTRIBUTES ? this.#pool.intern(change(this.#pool.attributes(attrs))) : edited;
    });
  }

  /** What `make` makes of an attribute set in the way `how`: made once, remembered after unless it is 0. */
  derive(attrs: AttrId, how: number, make: () => AttrId): AttrId {
    const known = this.#memo.take(attrs, how);
    if (known !== 0) return known;
    const made = make();
    if (made !== 0) this.#memo.put(attrs, how, made);
    return made;
  }

  /** A number of its own for each verdict, behind those of other ways. */
  numberOf(verdict: Verdict): number {
    const known = this.#numbers.get(verdict);
    if (known !== undefined) return known;
    this.#numbers.set(verdict, ++this.#lastNumber);
    return this.#lastNumber;
  }
}
