/** Which learned routes the model's own objects depend on: a change of one of these is one of the plan, too. */

import {
  type Address,
  compareAddresses,
  type Family,
  hostPrefix,
  maskWord,
  type Prefix,
} from "../bgp/net/address.ts";
import { put } from "../model/amended.ts";
import type { FloatingIp, Model } from "../model/model.ts";
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
  readonly #fixed: Readonly<Record<Family, Address[]>>;

  /** @param leaving - addresses of ports that moved to another host */
  constructor(model: Model, leaving: readonly { readonly address: Address }[]) {
    const atEdge = model.role === "gateway";
    const addresses = [...model.anycast, ...model.floatingIps, ...leaving].map(({ address }) =>
      hostPrefix(address),
    );
    this.model = model;
    this.wholes = atEdge ? wholes(model).map(({ cidr }) => cidr) : [];
    this.#own = new PrefixSet(addresses);
    const fixed = (atEdge ? model.floatingIps : [])
      .flatMap(({ to, forwards }) => [to ?? [], forwards.map((forward) => forward.to)].flat())
      .sort(compareAddresses);
    this.#fixed = {
      4: fixed.filter(({ family }) => family === 4),
      6: fixed.filter(({ family }) => family === 6),
    };
  }

  /** These of its model are others. What was watched for is watched for still. */
  widen(come: readonly FloatingIp[]): void {
    for (const { address, to } of come) {
      this.#own.add(hostPrefix(address));
      if (to === undefined || this.model.role !== "gateway") continue;
      put(this.#fixed[to.family], to, compareAddresses);
    }
  }

  /** Whether plans depend on learned routes at all. */
  get dependsOnLearned(): boolean {
    const leads = this.#fixed[4].length + this.#fixed[6].length > 0;
    return this.#own.size > 0 || leads || this.wholes.length > 0;
  }

  /** Whether a plan may come out another when this prefix has other paths, or comes or goes. */
  concerns(learned: LearnedFamily, row: number): boolean {
    return this.isOwn(learned, row) || this.leadingTo(learned, row, 1).length > 0;
  }

  /** An address of ours. */
  isOwn(learned: LearnedFamily, row: number): boolean {
    return this.#own.hasRow(learned, row);
  }

  /** What floating IPs at a gateway are translated to and this prefix leads to: the first ones, up to `most`. */
  leadingTo(learned: LearnedFamily, row: number, most: number): readonly Address[] {
    const fixed = this.#fixed[learned.family];
    if (fixed.length === 0 || learned.lengthOf(row) === 0) return [];
    const from = firstNotBelow(fixed, learned, row);
    let end = from;
    while (end < fixed.length && end - from < most && isPartOf(fixed[end]!, learned, row)) end++;
    return fixed.slice(from, end);
  }
}

/** Where in a sorted list the first address stands that is not below all of the prefix of a row. */
function firstNotBelow(sorted: readonly Address[], learned: LearnedFamily, row: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(sorted[middle]!, learned, row)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBelow({ w0, w1, w2, w3 }: Address, learned: LearnedFamily, row: number): boolean {
  const order =
    w0 - learned.word(row, 0) ||
    w1 - learned.word(row, 1) ||
    w2 - learned.word(row, 2) ||
    w3 - learned.word(row, 3);
  return order < 0;
}

function isPartOf({ w0, w1, w2, w3 }: Address, learned: LearnedFamily, row: number): boolean {
  const length = learned.lengthOf(row);
  return (
    maskWord(w0, length) === learned.word(row, 0) &&
    maskWord(w1, length - 32) === learned.word(row, 1) &&
    maskWord(w2, length - 64) === learned.word(row, 2) &&
    maskWord(w3, length - 96) === learned.word(row, 3)
  );
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
