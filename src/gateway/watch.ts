/** Which learned routes the model's own objects depend on: a change of one of these is one of the plan, too. */

import { hostPrefix, maskWord, type Prefix } from "../bgp/net/address.ts";
import type { Model } from "../model/model.ts";
import type { LearnedFamily } from "./learned.ts";
import { wholes } from "./plan-edge.ts";
import { PrefixSet } from "./prefix-set.ts";

export class Watch {
  readonly model: Model;
  /** Networks that are announced as a whole while some of it can be reached. */
  readonly wholes: readonly Prefix[];
  /** Addresses of ours that others may announce, too. */
  readonly #own: PrefixSet;
  /** What floating IPs at a gateway are translated to, in ascending order. */
  readonly #fixed: Uint32Array;

  constructor(model: Model) {
    const atEdge = model.role === "gateway";
    const addresses = [...model.anycast, ...model.floatingIps].map(({ address }) => hostPrefix(address));
    this.model = model;
    this.wholes = atEdge ? wholes(model).map(({ cidr }) => cidr) : [];
    this.#own = new PrefixSet(addresses);
    const fixed = model.floatingIps
      .flatMap(({ to, forwards }) => [to ?? [], forwards.map((forward) => forward.to)].flat())
      .flatMap(({ family, w0 }) => (family === 4 ? w0 : []));
    this.#fixed = Uint32Array.from(atEdge ? fixed : []).sort();
  }

  /** Whether plans depend on learned routes at all. */
  get dependsOnLearned(): boolean {
    return this.#own.size > 0 || this.#fixed.length > 0 || this.wholes.length > 0;
  }

  /** Whether a plan may come out another when this prefix has other paths, or comes or goes. */
  concerns(learned: LearnedFamily, row: number): boolean {
    return this.#own.hasRow(learned, row) || this.#leads(learned, row);
  }

  #leads(learned: LearnedFamily, row: number): boolean {
    if (learned.family !== 4 || this.#fixed.length === 0) return false;
    const length = learned.lengthOf(row);
    const first = learned.word(row, 0);
    const at = firstNotBelow(this.#fixed, first);
    return length > 0 && at < this.#fixed.length && maskWord(this.#fixed[at]!, length) === first;
  }
}

function firstNotBelow(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the prefix of a row is a part of `outer`, and not all of it. */
export function isWithin(outer: Prefix, learned: LearnedFamily, row: number): boolean {
  const { family, length } = outer;
  if (learned.family !== family || learned.lengthOf(row) <= length) return false;
  return (
    maskWord(learned.word(row, 0), length) === outer.w0 &&
    maskWord(learned.word(row, 1), length - 32) === outer.w1 &&
    maskWord(learned.word(row, 2), length - 64) === outer.w2 &&
    maskWord(learned.word(row, 3), length - 96) === outer.w3
  );
}
