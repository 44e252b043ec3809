/**
 * What was asked of the kernel and what it said to that: the NAT table as one object, each route and each interface
 * as one of its own. What it refuses is asked again later, and keeps nothing else from going on.
 *
 * A call that is not answered at all throws {@link Unanswered}, and ends the pass that made it.
 */

import { contains, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import { translates } from "../nat/provided.ts";
import { floatingAddresses, type NatTable } from "../nat/table.ts";
import type { Clock } from "./announcer.ts";
import type { Announcement, Dataplane, Intent, KernelRoute, Redirection, Translation } from "./intent.ts";
import { KernelState } from "./kernel-state.ts";
import { Ladder } from "./ladder.ts";
import type { Lane } from "./lane.ts";
import { messageOf } from "./message-of.ts";
import { PrefixSet } from "./prefix-set.ts";
import { NAT } from "./problems.ts";
import { see, seenAll } from "./read-back.ts";
import { sameTarget } from "./routes.ts";

/** The kernel's process did not answer; what became of the question is not known. */
export class Unanswered extends Error {
  override readonly name: string = "Unanswered";
}

/** The plan's own routes by prefix text. */
export type Goals = ReadonlyMap<string, KernelRoute>;

export class Programmer {
  readonly kernel: KernelState = new KernelState();
  readonly ladder: Ladder = new Ladder();
  /** True when the kernel has to be read before anything is asked of it. */
  mustRead = true;
  natProgrammed = false;
  readonly #dataplane: Dataplane;
  readonly #clock: Clock;
  readonly #lane: Lane;
  readonly #taps = new Set<string>();
  /** How often the kernel has had all routes to one target lead to another. */
  #redirections = 0;
  /** Translations whose flows are still to be forgotten. */
  readonly #gone = new Map<string, Translation>();

  constructor(dataplane: Dataplane, clock: Clock, lane: Lane) {
    this.#dataplane = dataplane;
    this.#clock = clock;
    this.#lane = lane;
  }

  /** Returns how many things were not as the kernel had acknowledged them. */
  async read(): Promise<number> {
    this.mustRead = true;
    await this.#lane.landed();
    const redirections = this.#redirections;
    const own: KernelRoute[] = [];
    let drift = 0;
    const take = (routes: readonly KernelRoute[]): void => {
      for (const route of routes) {
        if (this.#lane.routes.isClaimed(route.prefix)) own.push(route);
        else drift += Number(see(this.#lane.routes, route));
      }
    };
    const nat = await answered(this.#dataplane.read(take, this.kernel.knowsNat));
    this.mustRead = false;
    drift += seenAll(this.#lane.routes);
    this.#lane.resume();
    const repaired = this.kernel.observed(own, nat, drift);
    // Which of the two came first, nobody can tell.
    if (redirections !== this.#redirections)
      for (const key of this.kernel.routes.keys()) this.kernel.doubted.add(key);
    return repaired;
  }

  /** The kernel's process went away with a question. What became of that, only reading will tell. */
  lost(): void {
    this.kernel.lost();
    this.mustRead = true;
    this.#taps.clear();
  }

  /** The privileged process is another one, or silent: what the last one refused is no guide any more. */
  restarted(): void {
    this.lost();
    this.ladder.succeeded(NAT);
  }

  linkChanged(name: string): void {
    this.kernel.doubt(name);
    this.#lane.doubt(name);
    this.#taps.delete(name);
  }

  /** All that led to some targets leads to others, the plan's own routes too. */
  redirected(redirections: readonly Redirection[]): void {
    this.#redirections++;
    for (const [key, { prefix, target }] of this.kernel.routes) {
      const now = redirections.reduce<KernelRoute["target"]>(
        (at, { from, to }) => (sameTarget(from, at) ? to : at),
        target,
      );
      if (now !== target) this.kernel.routes.set(key, { prefix, target: now });
    }
  }

  /** @param keep - not all that is wanted is known yet: nothing is removed */
  async putNat(wanted: NatTable, keep: boolean): Promise<void> {
    for (const table of this.kernel.natSteps(wanted, keep)) {
      if (!(await this.#putTable(table, keep))) return;
    }
  }

  async #putTable(wanted: NatTable, keep: boolean): Promise<boolean> {
    const text = this.kernel.natChange(wanted, keep);
    if (text !== "") {
      this.natProgrammed = false;
      if (!this.ladder.isDue(NAT, () => text, this.#clock.now())) return false;
      if (!(await this.#applyNat(text))) return false;
    }
    this.ladder.succeeded(NAT);
    this.natProgrammed = true;
    this.#forgetLater(this.kernel.natHolds(wanted, keep, text !== ""));
    return true;
  }

  /** Nothing failed, is in doubt or under way, and the kernel has the table of the last plan. */
  isCalm(nat: NatTable): boolean {
    const { kernel, ladder } = this;
    const isSettled = kernel.doubted.size === 0 && ladder.nextDue() === undefined && this.#gone.size === 0;
    return isSettled && !this.mustRead && this.natProgrammed && kernel.isAt(nat);
  }

  /** Changes the table that the kernel has to this one. False: it was refused, or not answered. */
  async amendNat(text: string, table: NatTable, gone: readonly Translation[]): Promise<boolean> {
    if (text !== "" && !(await this.#applyNat(text))) return false;
    this.kernel.natIs(table);
    this.#forgetLater(gone);
    return true;
  }

  async prepareTaps(wanted: readonly string[]): Promise<void> {
    const now = this.#clock.now();
    const isDue = (tap: string): boolean => this.ladder.isDue(tapKey(tap), () => tap, now);
    const due = wanted.filter((tap) => !this.#taps.has(tap) && isDue(tap));
    const names = new Set(wanted);
    this.ladder.retain((key) => !key.startsWith(TAP) || names.has(key.slice(TAP.length)));
    if (due.length === 0) return;
    for (const tap of due) this.#taps.add(tap);
    const errors = await answered(this.#dataplane.prepareTaps(due));
    for (const tap of due) {
      const error = errors.get(tap);
      if (error === undefined) this.ladder.succeeded(tapKey(tap));
      else {
        this.#taps.delete(tap);
        this.ladder.failed(tapKey(tap), tap, error, this.#clock.now());
      }
    }
  }

  /** Says which prefixes are the plan's own. True when peers are to hear that others' routes there are not followed. */
  claim(intent: Intent): boolean {
    const { routes, nat } = intent;
    return this.#lane.claim(
      new PrefixSet([
        ...routes.map(({ prefix }) => prefix),
        ...floatingAddresses(nat).map(hostPrefix),
        ...[...this.kernel.routes.values()].map(({ prefix }) => prefix),
      ]),
    );
  }

  /** Takes over the kernel's routes of what was claimed. Peers have heard of it by then. */
  async takeOver(): Promise<void> {
    for (const route of await this.#lane.surrender())
      this.kernel.routes.set(formatPrefix(route.prefix), route);
  }

  /** Leaves what is not the plan's own any more, but peers tell a way for, to them. */
  async handOver(intent: Intent, goals: Goals): Promise<void> {
    const { routes } = this.kernel;
    const translated = new Set(
      floatingAddresses(intent.nat).map((address) => formatPrefix(hostPrefix(address))),
    );
    const theirs = [...routes].filter(
      ([key, { prefix }]) => !goals.has(key) && !translated.has(key) && this.#lane.routes.wants(prefix),
    );
    if (theirs.length === 0) return;
    for (const [key] of theirs) routes.delete(key);
    await this.#lane.adopt(theirs.map(([, route]) => route));
  }

  async putRoutes(goals: Goals): Promise<void> {
    const { kernel, ladder } = this;
    const now = this.#clock.now();
    const due: [string, KernelRoute][] = [];
    for (const [key, goal] of goals) {
      if (kernel.holds(key, goal) && !kernel.doubted.has(key)) continue;
      if (ladder.isDue(key, () => textOf(goal), now)) due.push([key, goal]);
    }
    if (due.length === 0) return;
    // A doubt that comes up from here on is about the routes that are put now.
    for (const [key] of due) kernel.doubted.delete(key);
    const redirections = this.#redirections;
    const errors = await answered(this.#dataplane.putRoutes(due.map(([, goal]) => goal)));
    // Which of the two came first, nobody can tell.
    if (redirections !== this.#redirections) for (const [key] of due) kernel.doubted.add(key);
    this.#putAnswered(due, errors);
  }

  #putAnswered(due: readonly [string, KernelRoute][], errors: ReadonlyMap<string, string>): void {
    const { kernel, ladder } = this;
    for (const [key, goal] of due) {
      const error = errors.get(key);
      if (error === undefined) kernel.routes.set(key, goal);
      else {
        // What was there before may be there still, or may be what was in doubt.
        if (kernel.holds(key, goal)) kernel.routes.delete(key);
        ladder.failed(key, textOf(goal), error, this.#clock.now());
      }
    }
  }

  /** Removes the plan's own routes that are no goal. */
  async removeRest(intent: Intent, goals: Goals): Promise<void> {
    const now = this.#clock.now();
    const rest = [...this.kernel.routes].filter(
      ([key]) => !goals.has(key) && this.ladder.isDue(key, () => "", now),
    );
    if (rest.length === 0) return;
    await this.removeRoutes(rest);
    this.claim(intent);
  }

  /** @param rest - as the kernel has them, by prefix text */
  async removeRoutes(rest: readonly (readonly [string, KernelRoute])[]): Promise<void> {
    if (rest.length === 0) return;
    const errors = await answered(this.#dataplane.removeRoutes(rest.map(([, route]) => route.prefix)));
    for (const [key] of rest) {
      const error = errors.get(key);
      if (error === undefined) this.kernel.routes.delete(key);
      else this.ladder.failed(key, "", error, this.#clock.now());
    }
  }

  async forgetGone(): Promise<void> {
    for (const [key, translation] of this.#gone) {
      await answered(this.#dataplane.forget(translation));
      this.#gone.delete(key);
    }
  }

  /** Drops the failures of routes that are as they should be, or that nobody is about to change. */
  settle(goals: Goals, complete: boolean): void {
    this.ladder.retain((key) => {
      if (!key.includes("/")) return true;
      const goal = goals.get(key);
      if (goal === undefined) return complete && this.kernel.routes.has(key);
      return !this.kernel.holds(key, goal) || this.kernel.doubted.has(key);
    });
  }

  /** Which announcements of `intent` have all that they need, by what the kernel acknowledged. */
  judge(intent: Intent, goals: Goals): (announcement: Announcement) => boolean {
    const translated = translates(this.kernel.provided(intent.nat), intent.nat);
    const hasWay = this.judgeWays(intent, goals);
    return (announcement) =>
      hasWay(announcement) && (!announcement.needs.nat || translated(announcement.prefix));
  }

  /** Which announcements of `intent` have the routes that they need, whatever the NAT table says. */
  judgeWays(intent: Intent, goals: Goals): (announcement: Announcement | undefined) => boolean {
    const within = this.#reachedWithin(intent, goals);
    return (announcement) => {
      if (announcement === undefined) return false;
      const { needs } = announcement;
      return (
        this.hasRoutes(goals, announcement) &&
        (needs.within === undefined || within.has(formatPrefix(needs.within)))
      );
    };
  }

  /** Whether the routes that it names are in force. */
  hasRoutes(goals: Goals, { needs }: Announcement): boolean {
    return needs.routes.every((route) => this.#isReached(goals, route));
  }

  holdsGoal(goals: Goals, key: string): boolean {
    const goal = goals.get(key);
    return goal !== undefined && this.kernel.holds(key, goal);
  }

  /** One transaction. False: it was refused, or not answered; nobody can tell, and the next attempt begins with what is there. */
  async #applyNat(text: string): Promise<boolean> {
    this.natProgrammed = false;
    try {
      await this.#dataplane.applyNat(text);
      this.natProgrammed = true;
      return true;
    } catch (error) {
      this.lost();
      this.ladder.failed(NAT, text, messageOf(error), this.#clock.now());
      return false;
    }
  }

  #forgetLater(gone: readonly Translation[]): void {
    for (const translation of gone) this.#gone.set(JSON.stringify(translation), translation);
  }

  #isReached(goals: Goals, prefix: Prefix): boolean {
    return this.holdsGoal(goals, formatPrefix(prefix)) || this.#lane.routes.isGood(prefix);
  }

  /** The networks that announcements ask for of which some more specific route is in force, by prefix text. */
  #reachedWithin(intent: Intent, goals: Goals): ReadonlySet<string> {
    const asked = intent.announcements.flatMap(({ needs }) => needs.within ?? []);
    const reached = new Set<string>(
      asked.filter((outer) => this.#lane.routes.reaches(outer)).map(formatPrefix),
    );
    if (asked.length === 0) return reached;
    for (const [key, { prefix, target }] of goals) {
      if (target.to === "discard" || !this.holdsGoal(goals, key)) continue;
      for (const outer of asked) {
        if (prefix.length > outer.length && contains(outer, prefix)) reached.add(formatPrefix(outer));
      }
    }
    return reached;
  }
}

const TAP = "tap ";
const tapKey = (name: string): string => TAP + name;

const textOf = (route: KernelRoute): string => JSON.stringify(route.target);

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new Unanswered(messageOf(error), { cause: error });
  }
}
