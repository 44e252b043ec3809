/**
 * What is wanted of learned routes, and what is known of them: no order, no kernel, no time. Asked row by row, since
 * there may be millions; a plan asks for the few that its own objects depend on.
 */

import { type Address, type Prefix, samePrefix, widthOf } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import type { FloatingIp, Kind } from "../model/model.ts";
import type { KernelRoute, LearnedRoute, Problem } from "./intent.ts";
import { kindOf, tagOf } from "./kinds.ts";
import type { Learned, LearnedFamily, LearnedView, Planning } from "./learned.ts";
import { guardedPrefixes, guardOf, type Surroundings } from "./plan-learned.ts";
import { PrefixSet } from "./prefix-set.ts";
import { interfacesOf } from "./routes.ts";
import { DOUBTED, FLYING, GOOD, isOfLinks, prefixesOf, Rows } from "./rows.ts";
import { isSharedTarget, Targets } from "./targets.ts";
import { isWithin, type Watch } from "./watch.ts";
import { type Resolved, Ways } from "./ways.ts";

const ANYCAST = tagOf("anycast");
const HOLE = tagOf("blackhole");
/** Addresses that floating IPs are translated to, behind one learned route; where there are more, a pass is as cheap. */
const LED_MAX = 256;
/** Kinds that are routed and never translated on this machine. */
const ROUTED: ReadonlySet<number> = new Set((["floating", "public", "anycast"] satisfies Kind[]).map(tagOf));

export class LearnedRoutes implements LearnedView {
  readonly families: readonly [Rows, Rows];
  readonly targets: Targets = new Targets();
  /** How many are in the kernel. */
  held = 0;
  readonly #ways: Ways;
  readonly #learned: Learned;
  readonly #planning: Planning;
  #at: Surroundings | undefined;
  #watch: Watch | undefined;
  /** By what else announcements may stand that no pass has looked at since. */
  #watchedBefore: readonly Watch[] = [];
  /** How many good routes there are in each of the networks that are watched as a whole. */
  #reached: number[] = [];
  #claimed: PrefixSet = new PrefixSet();
  #guarded: PrefixSet = new PrefixSet();
  #routed: readonly Prefix[] | undefined = [];

  constructor(learned: Learned, planning: Planning) {
    this.#learned = learned;
    this.families = [new Rows(learned.of(4)), new Rows(learned.of(6))];
    this.#planning = planning;
    this.#ways = new Ways(learned, this.targets, (address, used) => this.#guard(address, used));
  }

  /** Everything is judged by these from now on. */
  surround(at: Surroundings): void {
    this.#at = at;
    this.#ways.resolve(at, () => undefined);
    this.#guarded = this.#guardedNow(at);
    for (const rows of this.families) rows.doubtAll();
  }

  /**
   * Packets to next hops leave otherwise from now on, by the same model and over the same links.
   * @param take - as of {@link Ways.resolve}; is to end in {@link judgeMoved}
   */
  reroute(at: Surroundings, take: (resolved: Resolved) => void): void {
    this.#at = at;
    this.#ways.resolve(at, take);
    const before = this.#guarded;
    this.#guarded = this.#guardedNow(at);
    for (const prefix of [...before, ...this.#guarded]) {
      if (before.has(prefix) !== this.#guarded.has(prefix)) this.#judgeAgain(prefix);
    }
  }

  /** Has the routes of sets of next hops judged that lead elsewhere, but for those that go there by now. */
  judgeMoved(moved: ReadonlySet<number>): void {
    if (moved.size === 0) return;
    for (const rows of this.families) {
      for (let row = 0; row < rows.extent; row++) {
        if (moved.has(rows.way[row]!) && !this.#goesAsWanted(rows, row)) rows.todo.add(row);
      }
    }
  }

  /** The kernel has all that led to one target lead to another. */
  become(from: number, to: number): void {
    for (const rows of this.families) {
      let count = 0;
      for (let row = 0; row < rows.extent; row++) {
        if (rows.held[row] !== from) continue;
        rows.held[row] = to;
        count++;
        if (!this.#goesAsWanted(rows, row)) rows.todo.add(row);
      }
      this.targets.shift(from, to, count);
    }
  }

  watch(watch: Watch): void {
    const before = this.#watch;
    if (before !== undefined) this.#watchedBefore = [...this.#watchedBefore, before];
    this.#watch = watch;
    // Where nothing is programmed, and nothing of our own depends on them, learned routes are the speaker's alone.
    if (watch.model.kernel.type !== "none" || watch.dependsOnLearned) this.#learned.begin();
    const isAsBefore =
      before !== undefined &&
      before.wholes.length === watch.wholes.length &&
      watch.wholes.every((whole, i) => samePrefix(whole, before.wholes[i]!));
    if (!isAsBefore) this.#reached = watch.wholes.map((whole) => this.#countWithin(whole));
  }

  /** More is watched for from now on. */
  widen(come: readonly FloatingIp[]): void {
    this.#watch?.widen(come);
    if (come.length > 0) this.#learned.begin();
  }

  /** Whether peers tell of any of these, or the kernel may have a route that they told. */
  knowsAny(prefixes: readonly Prefix[]): boolean {
    return prefixes.some((prefix) => {
      const rows = this.#rowsOf(prefix);
      const row = rows.learned.find(prefix);
      if (row < 0) return false;
      const isHeld = row < rows.extent && (rows.way[row] !== 0 || rows.held[row] !== 0);
      return isHeld || rows.is(row, FLYING) || rows.learned.paths(row).length > 0;
    });
  }

  /** Of prefixes that peers know nothing of: these are the plan's own business, too. */
  claimMore(prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) if (!this.#claimed.has(prefix)) this.#claimed.add(prefix);
  }

  /**
   * Says which prefixes are the plan's own business from now on; no learned route is wanted there.
   * @returns those rows where that is new
   */
  claim(wanted: PrefixSet): (readonly [Rows, number])[] {
    const before = this.#claimed;
    this.#claimed = wanted;
    for (const prefix of before) if (!wanted.has(prefix)) this.#judgeAgain(prefix);
    const claimed: (readonly [Rows, number])[] = [];
    for (const prefix of wanted) {
      const rows = this.#rowsOf(prefix);
      const row = before.has(prefix) ? -1 : rows.learned.find(prefix);
      if (row < 0) continue;
      rows.reserve(row);
      claimed.push([rows, row]);
    }
    return claimed;
  }

  /** Takes back that a prefix is the plan's own business. Returns its row. */
  unclaim(prefix: Prefix): readonly [Rows, number] {
    while (this.#claimed.has(prefix)) this.#claimed.delete(prefix);
    return this.open(prefix);
  }

  isClaimed(prefix: Prefix): boolean {
    return this.#claimed.has(prefix);
  }

  isClaimedRow(rows: Rows, row: number): boolean {
    return this.#claimed.hasRow(rows.learned, row);
  }

  open(prefix: Prefix): readonly [Rows, number] {
    const rows = this.#rowsOf(prefix);
    const row = rows.learned.open(prefix);
    rows.reserve(row);
    return [rows, row];
  }

  /** Undefined when nothing is known of a prefix. */
  find(prefix: Prefix): readonly [Rows, number] | undefined {
    const rows = this.#rowsOf(prefix);
    const row = rows.learned.find(prefix);
    return row < 0 || row >= rows.extent ? undefined : [rows, row];
  }

  /** Takes over what peers tell of it. */
  refresh(rows: Rows, row: number): void {
    rows.reserve(row);
    const { learned } = rows;
    const before = rows.way[row]!;
    const tag = learned.tag(row);
    rows.way[row] = this.#wayOf(learned, row, tag);
    this.#ways.leave(before);
    const isRouted = rows.way[row] !== 0 && ROUTED.has(tag);
    if (isRouted ? rows.routed.add(row) : rows.routed.delete(row)) {
      this.#routed = undefined;
      this.#planning.touched();
    }
    // What this speaker itself announces is a change too, and none of what peers tell.
    const isTold = before !== 0 || rows.way[row] !== 0;
    if (isTold) this.tell(rows, row);
  }

  /** What the kernel is to do with it, as a number of the targets; 0: it is to have no route. */
  goal(rows: Rows, row: number): number {
    return this.isClaimedRow(rows, row) ? 0 : this.#unclaimedGoal(rows, row);
  }

  /** Whether the kernel would have a learned route here, were the prefix not claimed. */
  wants(prefix: Prefix): boolean {
    const found = this.find(prefix);
    return found !== undefined && this.#unclaimedGoal(...found) !== 0;
  }

  /** Notes what the kernel holds. */
  hold(rows: Rows, row: number, target: number): void {
    const before = rows.held[row]!;
    this.targets.hold(target);
    this.targets.drop(before);
    rows.held[row] = target;
    this.held += Number(target !== 0) - Number(before !== 0);
  }

  /** Says whether packets are forwarded as peers want it: others are told of the route as long as they are. */
  setGood(rows: Rows, row: number, good: boolean): void {
    if (rows.is(row, GOOD) !== good) {
      rows.set(row, GOOD, good);
      this.#count(rows, row, good ? 1 : -1);
      this.tell(rows, row);
    }
    const { learned } = rows;
    if (learned.isInstalled(row) !== good) learned.setInstalled(row, good);
  }

  /** Whether a plan may come out another by what becomes of it. */
  concerns(rows: Rows, row: number): boolean {
    const concerns = (watch: Watch): boolean => watch.concerns(rows.learned, row);
    return (this.#watch !== undefined && concerns(this.#watch)) || this.#watchedBefore.some(concerns);
  }

  /** Has whoever plans by it look at it again. */
  tell(rows: Rows, row: number): void {
    const watch = this.#watch;
    if (watch === undefined || !this.concerns(rows, row)) return;
    const { learned } = rows;
    const fixed = watch.leadingTo(learned, row, LED_MAX + 1);
    const isWhole = this.#watchedBefore.length > 0 || watch.isOwn(learned, row) || fixed.length > LED_MAX;
    if (isWhole) this.#planning.touched();
    else this.#planning.led(fixed);
  }

  /** What is announced stands by the last model, and by none before. */
  passEnds(): void {
    this.#watchedBefore = [];
  }

  /** Whether a network that is announced as a whole has nothing else that is reached. */
  isLastWithin(rows: Rows, row: number): boolean {
    const wholes = this.#watch?.wholes ?? [];
    return wholes.some((whole, i) => this.#reached[i] === 0 && isWithin(whole, rows.learned, row));
  }

  /** Forgets a row that has nothing in it. */
  release(rows: Rows, row: number): void {
    rows.flags[row] = 0;
    rows.cut.delete(row);
    rows.learned.release(row);
  }

  /** The kernel may have dropped what leaves by this interface; of a gateway's shared groups netd says so itself. */
  doubt(name: string): void {
    const isSpared = this.#at?.model.role === "gateway";
    const leaving = this.targets.which(
      (target) => !(isSpared && isSharedTarget(target)) && interfacesOf(target).includes(name),
    );
    for (const rows of this.families) {
      for (let row = 0; row < rows.extent; row++) {
        if (!leaving.has(rows.held[row]!)) continue;
        rows.set(row, DOUBTED, true);
        rows.todo.add(row);
      }
    }
  }

  /** By prefix text: the interfaces of routes in the kernel that lead to links and not to other routers. */
  linkRoutes(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, readonly string[]>();
    const toLinks = this.targets.which(({ to }) => to === "link" || to === "links");
    for (const { held, extent, learned } of this.families) {
      for (let row = 0; row < extent; row++) {
        if (!toLinks.has(held[row]!)) continue;
        found.set(formatPrefix(learned.prefix(row)), interfacesOf(this.targets.at(held[row]!)!));
      }
    }
    return found;
  }

  isGood(prefix: Prefix): boolean {
    const found = this.find(prefix);
    return found?.[0].is(found[1], GOOD) === true;
  }

  isHeld(prefix: Prefix): boolean {
    const found = this.find(prefix);
    return found !== undefined && found[0].held[found[1]] !== 0;
  }

  /** What it is to do, also when the kernel has not acknowledged it. */
  targetOf(prefix: Prefix): KernelRoute["target"] | undefined {
    const found = this.find(prefix);
    return found && this.targets.at(this.goal(...found));
  }

  at(prefix: Prefix): LearnedRoute | undefined {
    const found = this.find(prefix);
    // What changed a moment ago counts once it has been taken, so that a plan sees what its routes come to.
    if (found === undefined || found[0].way[found[1]] === 0) return undefined;
    const [rows, row] = found;
    const paths = rows.learned.paths(row);
    return paths.length === 0 ? undefined : { prefix, kind: kindOf(rows.learned.tag(row)), paths };
  }

  wayTo(address: Address, length: number): KernelRoute | undefined {
    const rows = this.families[address.family === 4 ? 0 : 1];
    const { learned } = rows;
    const isWanted = (row: number): boolean => row < rows.extent && this.goal(rows, row) !== 0;
    const row = learned.longestMatch(address, widthOf(address.family), isWanted);
    if (row < 0 || learned.lengthOf(row) <= length) return undefined;
    return { prefix: learned.prefix(row), target: this.targets.at(this.goal(rows, row))! };
  }

  reaches(network: Prefix): boolean {
    const wholes = this.#watch?.wholes ?? [];
    return wholes.some((whole, i) => this.#reached[i]! > 0 && samePrefix(whole, network));
  }

  routed(): readonly Prefix[] {
    this.#routed ??= this.families.flatMap((rows) => prefixesOf(rows, rows.routed));
    return this.#routed;
  }

  problems(): Problem[] {
    const cut = this.families.flatMap((rows) => prefixesOf(rows, rows.cut)).map(formatPrefix);
    return [
      ...this.#ways.problems(),
      ...cut.map((prefix) => ({
        code: "route.connected",
        subject: prefix,
        message: `learned route ${prefix} is not installed: it would cut off a network or a peer that we are connected to`,
      })),
    ];
  }

  /** Cheaper than to judge it. */
  #goesAsWanted(rows: Rows, row: number): boolean {
    return rows.held[row] === this.#ways.target(rows.way[row]!) && rows.is(row, GOOD);
  }

  #rowsOf({ family }: Prefix): Rows {
    return this.families[family === 4 ? 0 : 1];
  }

  #wayOf(learned: LearnedFamily, row: number, tag: number): number {
    if (tag === HOLE) return this.#ways.useBlackhole();
    const resilient = tag === ANYCAST;
    const lone = learned.loneNextHop(row);
    if (lone >= 0) return this.#ways.useLone(lone, resilient);
    const paths = learned.paths(row);
    return paths.length === 0 ? 0 : this.#ways.use(paths, resilient);
  }

  #unclaimedGoal(rows: Rows, row: number): number {
    const way = rows.way[row]!;
    const isCut = way !== 0 && this.#guarded.hasRow(rows.learned, row) && !isOfLinks(rows.learned, row);
    if (isCut) rows.cut.add(row);
    else rows.cut.delete(row);
    return way === 0 || isCut || isOfLinks(rows.learned, row) ? 0 : this.#ways.target(way);
  }

  #guardedNow(at: Surroundings): PrefixSet {
    const hops = [...this.#ways.nextHops()].flatMap((address) => guardOf(at, address) ?? []);
    return new PrefixSet([...guardedPrefixes(at), ...hops]);
  }

  #guard(address: Address, used: boolean): void {
    const prefix = this.#at && guardOf(this.#at, address);
    if (prefix === undefined) return;
    if (used ? this.#guarded.add(prefix) : this.#guarded.delete(prefix)) this.#judgeAgain(prefix);
  }

  #judgeAgain(prefix: Prefix): void {
    const found = this.find(prefix);
    found?.[0].todo.add(found[1]);
  }

  #count(rows: Rows, row: number, by: 1 | -1): void {
    for (const [i, whole] of (this.#watch?.wholes ?? []).entries()) {
      if (!isWithin(whole, rows.learned, row)) continue;
      const now = this.#reached[i]! + by;
      this.#reached[i] = now;
      if (now === 0 || now === by) this.#planning.touched();
    }
  }

  #countWithin(whole: Prefix): number {
    const rows = this.#rowsOf(whole);
    let count = 0;
    for (let row = 0; row < rows.extent; row++) {
      if (rows.is(row, GOOD) && isWithin(whole, rows.learned, row)) count++;
    }
    return count;
  }
}
