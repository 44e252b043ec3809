/** What peers told, in memory: rows are given out again as soon as nobody has a use for them, as by the speaker. */

import type { Address, Family, Prefix } from "../../bgp/net/address.ts";
import { NO_PREFIX, type PrefixId, PrefixTable } from "../../bgp/net/prefix-table.ts";
import { formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import type { LearnedPath, LearnedRoute } from "../intent.ts";
import { tagOf } from "../kinds.ts";
import type { Learned, LearnedFamily } from "../learned.ts";

type Mark = (prefix: Prefix, installed: boolean) => void;

export class MemoryLearned implements Learned {
  readonly #families: Readonly<Record<Family, MemoryFamily>>;
  readonly #numbers: (Address | undefined)[] = [];
  readonly #references: number[] = [];

  constructor(mark: Mark) {
    const numberOf = (address: Address): number => this.#numberOf(address);
    this.#families = { 4: new MemoryFamily(4, mark, numberOf), 6: new MemoryFamily(6, mark, numberOf) };
  }

  begin(): void {
    for (const family of Object.values(this.#families)) family.begun = true;
  }

  of(family: Family): MemoryFamily {
    return this.#families[family];
  }

  /** These, and nothing else. */
  set(routes: readonly LearnedRoute[]): void {
    for (const family of [4, 6] as const) {
      this.of(family).set(routes.filter(({ prefix, paths }) => prefix.family === family && paths.length > 0));
    }
  }

  nextHop(number: number): Address {
    return this.#numbers[number]!;
  }

  holdNextHop(number: number): void {
    this.#references[number]!++;
  }

  releaseNextHop(number: number): void {
    if (--this.#references[number]! === 0) this.#numbers[number] = undefined;
  }

  #numberOf(address: Address): number {
    const text = formatAddress(address);
    const known = this.#numbers.findIndex((other) => other !== undefined && formatAddress(other) === text);
    if (known >= 0) return known;
    const free = this.#numbers.indexOf(undefined);
    const number = free < 0 ? this.#numbers.length : free;
    this.#numbers[number] = address;
    this.#references[number] = 0;
    return number;
  }
}

class MemoryFamily implements LearnedFamily {
  readonly family: Family;
  begun = false;
  readonly #mark: Mark;
  readonly #numberOf: (address: Address) => number;
  readonly #table: PrefixTable;
  readonly #routes = new Map<number, LearnedRoute>();
  readonly #changed = new Set<number>();
  readonly #held = new Set<number>();
  readonly #installed = new Set<number>();

  constructor(family: Family, mark: Mark, numberOf: (address: Address) => number) {
    this.family = family;
    this.#mark = mark;
    this.#numberOf = numberOf;
    this.#table = new PrefixTable(family);
  }

  set(routes: readonly LearnedRoute[]): void {
    const now = new Map(routes.map((route) => [formatPrefix(route.prefix), route]));
    for (const [row] of [...this.#routes]) {
      if (now.has(formatPrefix(this.prefix(row)))) continue;
      if (this.#installed.delete(row)) this.#mark(this.prefix(row), false);
      this.#routes.delete(row);
      this.#changed.add(row);
    }
    for (const route of routes) {
      const row = this.open(route.prefix);
      if (JSON.stringify(this.#routes.get(row)) !== JSON.stringify(route)) this.#changed.add(row);
      this.#routes.set(row, route);
    }
  }

  get pending(): number {
    return this.#changed.size;
  }

  next(): number {
    const [row = -1] = this.begun ? this.#changed : [];
    this.#changed.delete(row);
    return row;
  }

  isPending(row: number): boolean {
    return this.#changed.has(row);
  }

  open({ w0, w1, w2, w3, length }: Prefix): number {
    const row = this.#table.findOrAdd(w0, w1, w2, w3, length);
    this.#held.add(row);
    return row;
  }

  find({ w0, w1, w2, w3, length }: Prefix): number {
    const row = this.#table.find(w0, w1, w2, w3, length);
    return row === NO_PREFIX ? -1 : row;
  }

  release(row: number): void {
    if (this.#routes.has(row) || this.#changed.has(row) || !this.#held.delete(row)) return;
    this.#table.remove(row as PrefixId);
  }

  longestMatch(address: Address, most: number, accepts: (row: number) => boolean): number {
    const row = this.#table.longestMatch(address, (id) => this.lengthOf(id) <= most && accepts(id));
    return row === NO_PREFIX ? -1 : row;
  }

  prefix(row: number): Prefix {
    return this.#table.prefix(row as PrefixId);
  }

  word(row: number, index: 0 | 1 | 2 | 3): number {
    return this.#table.word(row as PrefixId, index);
  }

  lengthOf(row: number): number {
    return this.#table.lengthOf(row as PrefixId);
  }

  tag(row: number): number {
    const route = this.#routes.get(row);
    return route === undefined ? 0 : tagOf(route.kind);
  }

  loneNextHop(row: number): number {
    const [only, second] = this.paths(row);
    return only === undefined || second !== undefined ? -1 : this.#numberOf(only.nextHop);
  }

  paths(row: number): readonly LearnedPath[] {
    return this.#routes.get(row)?.paths ?? [];
  }

  isInstalled(row: number): boolean {
    return this.#installed.has(row);
  }

  setInstalled(row: number, installed: boolean): void {
    if (!this.#routes.has(row) || this.#installed.has(row) === installed) return;
    if (installed) this.#installed.add(row);
    else this.#installed.delete(row);
    this.#mark(this.prefix(row), installed);
  }
}
