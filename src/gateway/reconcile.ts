/**
 * Makes the world what the plan says, in an order in which nothing is ever announced that does not work.
 *
 * One pass: withdraw what must go, and let that reach the wire; program interfaces and routes; withdraw what has no way
 * now; program NAT; withdraw what the kernel refused of that; announce what it acknowledged; remove what nobody wants
 * any more; forget the flows of translations that are gone. A pass looks at everything, so no event is ever lost:
 * whoever changed something calls {@link Reconciler.wake}, and calls during a pass make one more.
 *
 * After a start nothing is removed until peers have told what they know (`learnedComplete`): what the process before
 * left in the kernel goes on forwarding meanwhile (docs/adr/0002).
 */

import { hostPrefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { type Announcer, type Clock, Publisher } from "./announcer.ts";
import type { Leaving } from "./draft.ts";
import type {
  Announcement,
  Dataplane,
  Health,
  Intent,
  KernelRoute,
  LearnedRoute,
  Link,
  Problem,
} from "./intent.ts";
import { Moves } from "./moves.ts";
import type { Hops } from "./next-hops.ts";
import { plan } from "./plan.ts";
import { type Goals, NAT, Programmer, Unanswered } from "./programmer.ts";
import { interfacesOf } from "./routes.ts";

/** What plans are made from, as it is at the moment of asking. */
export interface Sources {
  /** Undefined until it is loaded. */
  model(): Model | undefined;
  links(): readonly Link[];
  learned(): readonly LearnedRoute[];
  hops(): Hops;
  /** All peers that were to tell us something have done so, or the time to wait for them is over. */
  learnedComplete(): boolean;
  health(): Health;
}

export interface ReconcilerOptions {
  readonly sources: Sources;
  readonly dataplane: Dataplane;
  readonly announcer: Announcer;
  readonly clock: Clock;
  /** Called after each pass, also after one that had to be broken off. */
  readonly passed?: (snapshot: Snapshot) => void;
}

export interface Snapshot {
  /** The last pass looked at everything; what is not in force is in `problems`. */
  readonly synced: boolean;
  readonly intent: Intent | undefined;
  /** Prefix text of what this speaker originates now. */
  readonly announced: ReadonlySet<string>;
  /** Prefix text of what bears our mark in the kernel. */
  readonly installed: ReadonlySet<string>;
  /** True when the kernel holds the NAT table of `intent`. */
  readonly natProgrammed: boolean;
  /** What was refused and why, by prefix text; "nat" for the NAT table. */
  readonly failures: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** Things that somebody else had changed, and that were put right. */
  readonly driftRepairs: number;
}

/** Between two passes over a large table there is as much time as the one before took, up to this. */
const LONGEST_REST_MS = 1000;

/** Everything is read and compared again, whatever happened. */
const AUDIT_MS = 60_000;

const DATAPLANE = "dataplane";

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #programmer: Programmer;
  readonly #publisher: Publisher;
  readonly #moves: Moves = new Moves();
  #resumed: ReadonlyMap<string, readonly string[]> | undefined;
  #intent: Intent | undefined;
  #leaving: readonly Leaving[] = [];
  #synced = false;
  #driftRepairs = 0;
  #auditAt: number | undefined;
  #dirty = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** No pass begins before. */
  #restsUntilMs = 0;
  #endRest: (() => void) | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#programmer = new Programmer(options.dataplane, options.clock);
    this.#publisher = new Publisher(options.announcer, options.clock);
  }

  /** Something that plans are made from may have changed. Returns at once. */
  wake(): void {
    this.#dirty = true;
    if (this.#stopped || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  /** The kernel may not hold any more what it acknowledged: its process was restarted, or reported a change. */
  resync(): void {
    this.#programmer.mustRead = true;
    this.#programmer.ladder.succeeded(DATAPLANE);
    this.#programmer.ladder.succeeded(NAT);
    this.wake();
  }

  /** A link went down, up or away: the kernel drops routes over it without a word. */
  linkChanged(name: string): void {
    this.#programmer.linkChanged(name);
    this.wake();
  }

  /** Resolves when no pass is running and none is due. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Lets the running pass end and starts no other. What is programmed and announced stays as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#endRest?.();
    await this.idle();
  }

  snapshot(): Snapshot {
    const failures = this.#programmer.ladder.messages();
    return {
      synced: this.#synced,
      intent: this.#intent,
      announced: new Set(this.#publisher.announced.keys()),
      installed: new Set(this.#programmer.kernel.routes.keys()),
      natProgrammed: this.#programmer.natProgrammed,
      failures,
      problems: [
        ...(this.#intent?.problems ?? []),
        ...[...failures].map(([key, message]) => problemOf(key, message)),
      ],
      driftRepairs: this.#driftRepairs,
    };
  }

  async #run(): Promise<void> {
    const { clock, passed } = this.#options;
    // A turn later, so that many changes at once are one pass.
    await Promise.resolve();
    while (this.#dirty && !this.#stopped) {
      await this.#rest();
      this.#dirty = false;
      const beganMs = clock.now();
      await this.#pass();
      passed?.(this.snapshot());
      const endedMs = clock.now();
      this.#restsUntilMs = endedMs + Math.min(endedMs - beganMs, LONGEST_REST_MS);
    }
    this.#running = undefined;
    this.#arm();
  }

  /** Peers and the API have their turn, and what changes meanwhile is one pass. */
  async #rest(): Promise<void> {
    const { clock } = this.#options;
    if (this.#restsUntilMs <= clock.now()) return;
    await new Promise<void>((resolve) => {
      this.#endRest = resolve;
      clock.at(this.#restsUntilMs, resolve);
    });
  }

  async #pass(): Promise<void> {
    const { sources, clock } = this.#options;
    const { ladder } = this.#programmer;
    const model = sources.model();
    if (model === undefined) return;
    try {
      this.#synced = await this.#reconcile(model);
      if (this.#synced) ladder.succeeded(DATAPLANE);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.#programmer.restarted();
      ladder.failed(DATAPLANE, "", error.message, clock.now());
      this.#synced = false;
    }
  }

  /** False: it had to stop after withdrawing. */
  async #reconcile(model: Model): Promise<boolean> {
    const programmer = this.#programmer;
    const complete = this.#options.sources.learnedComplete();
    // What the process before left decides what is wanted of anycast; nothing is announced yet that could wait for it.
    if (this.#resumed === undefined && !(await this.#readIfNeeded(complete))) return false;
    const intent = this.#replan(model);
    const wanted = new Map(intent.announcements.map((a) => [formatPrefix(a.prefix), a]));
    const planned = new Map(intent.routes.map((route) => [formatPrefix(route.prefix), route]));
    await this.#publisher.retract(
      (key) => wanted.has(key),
      (key) => planned.get(key)?.target.to === "via",
    );
    if (!(await this.#readIfNeeded(complete))) return false;
    const goals = complete ? planned : this.#withoutLosses(planned);
    await programmer.prepareTaps(intent.taps);
    await programmer.putRoutes(goals);
    // A translation must not lead to where there is no way yet: the routes come first, and what did not get its own
    // is withdrawn before.
    const hasWay = programmer.judgeWays(intent, goals);
    await this.#publisher.retract(
      (key) => hasWay(wanted.get(key)),
      (key) => programmer.holdsGoal(goals, key),
    );
    await programmer.putNat(intent.nat, !complete);
    await this.#publish(intent, wanted, goals);
    if (complete) await programmer.removeRest(goals);
    await programmer.forgetGone();
    programmer.settle(goals, complete);
    this.#moves.settled(this.#translatedHere(intent, goals));
    return true;
  }

  /** Withdraws what the kernel refused and announces what it acknowledged. */
  async #publish(intent: Intent, wanted: ReadonlyMap<string, Announcement>, goals: Goals): Promise<void> {
    const programmer = this.#programmer;
    const works = programmer.judge(intent, goals);
    const working = new Map([...wanted].filter(([, announcement]) => works(announcement)));
    const forwarded = (key: string): boolean => programmer.holdsGoal(goals, key);
    await this.#publisher.retract((key) => working.has(key), forwarded);
    for (const [key, announcement] of working) this.#publisher.announce(key, announcement);
    for (const [key, { prefix, target }] of goals) {
      if (target.to === "via" && forwarded(key)) this.#publisher.installed(key, prefix);
    }
  }

  /** False: the kernel has to be read, but did not answer the last time, and it is too early to ask again. */
  async #readIfNeeded(complete: boolean): Promise<boolean> {
    const { clock } = this.#options;
    const programmer = this.#programmer;
    const audit = this.#auditAt !== undefined && this.#auditAt <= clock.now();
    if (!(programmer.mustRead || audit || (complete && programmer.kernel.hasLeftovers))) return true;
    if (!programmer.ladder.isDue(DATAPLANE, () => "", clock.now())) return false;
    this.#driftRepairs += await programmer.read();
    this.#resumed ??= linkRoutes(programmer.kernel.routes);
    this.#auditAt = clock.now() + AUDIT_MS;
    return true;
  }

  #replan(model: Model): Intent {
    const { sources, clock } = this.#options;
    const links = sources.links();
    const learned = sources.learned();
    this.#leaving = this.#moves.update(model, links, learned, clock.now());
    const resumed = this.#resumed ?? new Map<string, readonly string[]>();
    this.#intent = plan({
      model,
      links,
      learned,
      hops: sources.hops(),
      health: sources.health(),
      resumed,
      leaving: this.#leaving,
    });
    return this.#intent;
  }

  /**
   * The routes to have until peers have told all: a learned route that the kernel has stays as it is, since its other
   * next hops may just not have been heard of yet.
   */
  #withoutLosses(planned: Goals): Goals {
    const goals = new Map<string, KernelRoute>();
    for (const [key, route] of planned) {
      const known = this.#programmer.kernel.routes.get(key);
      const stays = route.target.to === "via" && known?.target.to === "via";
      goals.set(key, stays ? known : route);
    }
    return goals;
  }

  /** The floating IPs that are in force on this host, to be kept a while should they move. */
  #translatedHere(intent: Intent, goals: Goals): Leaving[] {
    const leaving = new Set(this.#leaving.map((was) => formatAddress(was.floating)));
    return intent.nat.floating.flatMap((mapping) => {
      const key = formatPrefix(hostPrefix(mapping.floating));
      const target = goals.get(key)?.target;
      if (target?.to !== "link" || !this.#publisher.announced.has(key)) return [];
      return leaving.has(formatAddress(mapping.floating))
        ? []
        : [{ ...mapping, interface: target.interface }];
    });
  }

  /** Asks to be woken when something has waited long enough. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#stopped) return;
    const { ladder } = this.#programmer;
    // While the kernel does not answer, nothing else that is due can be done.
    const due = ladder.dueAt(DATAPLANE) ?? earliest(ladder.nextDue(), this.#moves.nextDue(), this.#auditAt);
    if (due !== undefined) this.#cancelTimer = this.#options.clock.at(due, () => this.wake());
  }
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

function linkRoutes(routes: Goals): ReadonlyMap<string, readonly string[]> {
  const links = new Map<string, readonly string[]>();
  for (const [key, { target }] of routes) {
    if (target.to === "link" || target.to === "links") links.set(key, interfacesOf(target));
  }
  return links;
}

function problemOf(key: string, message: string): Problem {
  if (key === DATAPLANE) return { code: "kernel.unavailable", subject: "netd", message };
  if (key === NAT) return { code: "nat.refused", subject: "table inet gatewayd", message };
  if (key.includes("/")) return { code: "route.refused", subject: key, message };
  return { code: "interface.refused", subject: key.slice(key.indexOf(" ") + 1), message };
}
