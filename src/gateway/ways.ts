/**
 * The sets of next hops that learned routes have, as small numbers: a million routes over two gateways share one set,
 * and that is resolved once. 0 stands for no path. A set lives while routes use it.
 */

import type { Address } from "../bgp/net/address.ts";
import { columnOf } from "../bgp/rib/columns.ts";
import type { LearnedPath, Problem } from "./intent.ts";
import type { Learned } from "./learned.ts";
import {
  BLACKHOLE,
  hopsTo,
  type NextHopSet,
  nextHopSet,
  type Surroundings,
  targetOf,
} from "./plan-learned.ts";
import type { Targets } from "./targets.ts";

interface Way extends NextHopSet {
  readonly key: string;
  /** Of its only next hop, when somebody asked by that; else -1. */
  number: number;
  users: number;
  /** How many of its next hops nothing leads to. */
  lost: number;
  /** In {@link Targets}, with a reference; 0: nothing leads to any of its next hops. */
  target: number;
}

/** What came of resolving all sets anew. */
export interface Resolved {
  /** Sets that lead elsewhere than before. */
  readonly moved: ReadonlySet<number>;
  /** Targets that no set leads to any more, of which all that did lead to one other. */
  readonly redirections: readonly (readonly [from: number, to: number])[];
  /** Targets of sets whose next hops are all lost, and of sets of which some are not. */
  readonly dying: ReadonlySet<number>;
  readonly alive: ReadonlySet<number>;
}

export class Ways {
  readonly #learned: Learned;
  readonly #targets: Targets;
  readonly #ways: (Way | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #idByKey = new Map<string, number>();
  /** By twice the number of a next hop, one more where it is resilient. */
  #lone: Uint32Array = new Uint32Array(64);
  #at: Surroundings | undefined;
  readonly #used: (nextHop: Address, used: boolean) => void;

  /** @param used - called when a next hop begins to be one of a set, and when it ends to be */
  constructor(learned: Learned, targets: Targets, used: (nextHop: Address, used: boolean) => void) {
    this.#learned = learned;
    this.#targets = targets;
    this.#used = used;
  }

  /** The set of one next hop, with one more user. */
  useLone(number: number, resilient: boolean): number {
    const place = number * 2 + Number(resilient);
    const known = place < this.#lone.length ? this.#lone[place]! : 0;
    if (known !== 0) {
      this.#ways[known]!.users++;
      return known;
    }
    const path = { nextHop: this.#learned.nextHop(number), bandwidth: undefined };
    const id = this.#use(nextHopSet([path], resilient));
    const way = this.#ways[id]!;
    if (way.number < 0) {
      way.number = number;
      this.#learned.holdNextHop(number);
      this.#lone = columnOf(this.#lone, place + 1);
      this.#lone[place] = id;
    }
    return id;
  }

  /** The set of the next hops of several paths, with one more user. */
  use(paths: readonly LearnedPath[], resilient: boolean): number {
    return this.#use(nextHopSet(paths, resilient));
  }

  /** Of routes whose packets are thrown away, with one more user. */
  useBlackhole(): number {
    return this.#use(BLACKHOLE);
  }

  leave(id: number): void {
    const way = this.#ways[id];
    if (way === undefined || --way.users > 0) return;
    for (const { address } of way.hops) this.#used(address, false);
    this.#targets.drop(way.target);
    if (way.number >= 0) {
      this.#lone[way.number * 2 + Number(way.resilient)] = 0;
      this.#learned.releaseNextHop(way.number);
    }
    this.#idByKey.delete(way.key);
    this.#ways[id] = undefined;
    this.#free.push(id);
  }

  /** Where it leads to, as a number of the targets; 0: nowhere. */
  target(id: number): number {
    return this.#ways[id]?.target ?? 0;
  }

  /** All next hops of all sets, as often as they are in one. */
  *nextHops(): Generator<Address> {
    for (const way of this.#ways) for (const { address } of way?.hops ?? []) yield address;
  }

  /**
   * Resolves all sets anew.
   * @param take - is given what came of it, while every target in it is still kept by a reference
   */
  resolve(at: Surroundings, take: (resolved: Resolved) => void): void {
    this.#at = at;
    const moved = new Set<number>();
    const dying = new Set<number>();
    const alive = new Set<number>();
    const before: number[] = [];
    /** By target before: the one after; 0: there are several. */
    const after = new Map<number, number>();
    for (const [id, way] of this.#ways.entries()) {
      if (way === undefined) continue;
      const { target } = way;
      before.push(target);
      this.#resolve(way, at);
      if (way.target !== target) moved.add(id);
      (way.hops.every(({ text }) => at.lost.has(text)) ? dying : alive).add(way.target);
      const known = after.get(target);
      after.set(target, known === undefined || known === way.target ? way.target : 0);
    }
    const redirections = [...after].filter(
      ([from, to]) => from !== to && this.#targets.isShared(from) && this.#targets.isShared(to),
    );
    take({ moved, redirections, dying, alive });
    for (const target of before) this.#targets.drop(target);
  }

  problems(): Problem[] {
    const at = this.#at;
    const unresolved = new Map<string, number>();
    for (const way of this.#ways) {
      if (at === undefined || way === undefined || way.lost === 0) continue;
      for (const hop of way.hops) {
        if (hopsTo(at, hop).length > 0) continue;
        unresolved.set(hop.text, (unresolved.get(hop.text) ?? 0) + way.users);
      }
    }
    return [...unresolved].map(([nextHop, routes]) => ({
      code: "nexthop.unresolved",
      subject: nextHop,
      message: `nothing leads to ${nextHop}; ${routes} routes do without it`,
    }));
  }

  #use(set: NextHopSet): number {
    const key = `${set.resilient} ${set.hops.map(({ text, weight = 1 }) => `${text}*${weight}`).join(" ")}`;
    const known = this.#idByKey.get(key);
    if (known !== undefined) {
      this.#ways[known]!.users++;
      return known;
    }
    const id = this.#free.pop() ?? this.#ways.length;
    const way: Way = { ...set, key, number: -1, users: 1, lost: 0, target: 0 };
    if (this.#at !== undefined) this.#resolve(way, this.#at);
    this.#ways[id] = way;
    this.#idByKey.set(key, id);
    for (const { address } of set.hops) this.#used(address, true);
    return id;
  }

  #resolve(way: Way, at: Surroundings): void {
    const target = targetOf(way, at);
    way.lost = way.hops.filter((hop) => hopsTo(at, hop).length === 0).length;
    way.target = target === undefined ? 0 : this.#targets.take(target);
  }
}
