/** A policy at work: what it says of attribute ids rather than of attributes. */

import { AttrMemo } from "./attr-memo.ts";
import { type AttrId, type AttributePool, NO_ATTRIBUTES } from "./attribute-pool.ts";
import type { AttributeClass, RouteFilter, Verdict } from "./route-filter.ts";

/** Numbers up to this one are for ways to {@link AppliedFilter.derive} that are no verdict of a filter. */
const LAST_OTHER_WAY = 7;

export class AppliedFilter {
  readonly filter: RouteFilter;
  readonly #pool: AttributePool;
  /** Most filters change nothing, and every reload brings new ones: 160 kB that only those have which remember. */
  #memo: AttrMemo | undefined;
  readonly #numbers: WeakMap<Verdict, number> = new WeakMap();
  #lastNumber = LAST_OTHER_WAY;
  #lastVerdict: Verdict | undefined;
  #numberOfLast = 0;
  #lastClassed: AttrId = 0 as AttrId;
  #lastSerial = 0;
  #lastClass: AttributeClass | undefined;

  constructor(filter: RouteFilter, pool: AttributePool) {
    this.filter = filter;
    this.#pool = pool;
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
    const how = this.numberOf(verdict);
    const known = this.derived(attrs, how);
    if (known !== NO_ATTRIBUTES) return known;
    const { edits } = verdict;
    const edited = edits === undefined ? NO_ATTRIBUTES : this.#pool.internEdited(attrs, edits);
    const made = edited === NO_ATTRIBUTES ? this.#pool.intern(change(this.#pool.attributes(attrs))) : edited;
    return this.remember(attrs, how, made);
  }

  /** What `make` makes of an attribute set in the way `how`: made once, remembered after unless it is 0. */
  derive(attrs: AttrId, how: number, make: () => AttrId): AttrId {
    const known = this.derived(attrs, how);
    return known === NO_ATTRIBUTES ? this.remember(attrs, how, make()) : known;
  }

  /** What an attribute set was found to become in the way `how`, with one reference taken; NO_ATTRIBUTES: not known. */
  derived(attrs: AttrId, how: number): AttrId {
    return this.#memo?.take(attrs, how) ?? NO_ATTRIBUTES;
  }

  /** For {@link derived}. Returns `made`. */
  remember(attrs: AttrId, how: number, made: AttrId): AttrId {
    if (made === NO_ATTRIBUTES) return made;
    this.#memo ??= new AttrMemo(this.#pool);
    this.#memo.put(attrs, how, made);
    return made;
  }

  /** A number of its own for each verdict, behind those of other ways. Remembers the last: most are as the one before. */
  numberOf(verdict: Verdict): number {
    if (verdict === this.#lastVerdict) return this.#numberOfLast;
    let number = this.#numbers.get(verdict);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(verdict, number);
    }
    this.#lastVerdict = verdict;
    this.#numberOfLast = number;
    return number;
  }
}
