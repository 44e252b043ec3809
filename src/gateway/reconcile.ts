/**
 * Makes the world what the plan says, in an order in which nothing is ever announced that does not work.
 *
 * The model's own objects are compared as a whole, in passes; learned routes one by one, in the lane (lane.ts), beside
 * them. A prefix of the model's own is the passes' business; all others are the lane's.
 *
 * One pass: withdraw what must go, and let that reach the wire; program interfaces and routes; withdraw what has no way
 * now; program NAT; withdraw what the kernel refused of that; announce what it acknowledged; remove what nobody wants
 * any more; forget the flows of translations that are gone. A pass looks at everything, so no event is ever lost:
 * whoever changed something calls {@link Reconciler.wake}, and calls during a pass make one more.
 *
 * After a start nothing is removed until peers have told what they know (`learnedComplete`): what the process before
 * left in the kernel goes on forwarding meanwhile (docs/adr/0002).
 */

import { type Address, hostPrefix, type Prefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { BlockGrant } from "../model/blocks.ts";
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
import { earliest } from "./ladder.ts";
import { Lane } from "./lane.ts";
import type { Learned } from "./learned.ts";
import { Losses } from "./losses.ts";
import { Moves } from "./moves.ts";
import type { Hops } from "./next-hops.ts";
import { plan } from "./plan.ts";
import { type Surroundings, surroundingsOf } from "./plan-learned.ts";
import { type Goals, NAT, Programmer, Unanswered } from "./programmer.ts";
import { Watch } from "./watch.ts";

/** What plans are made from, as it is at the moment of asking. */
export interface Sources {
  /** Undefined until it is loaded. */
  model(): Model | undefined;
  links(): readonly Link[];
  /** Where packets to next hops leave. */
  hops(): Hops;
  /** All peers that were to tell us something have done so, or the time to wait for them is over. */
  learnedComplete(): boolean;
  health(): Health;
  givenBlocks(): readonly BlockGrant[];
}

export interface ReconcilerOptions {
  readonly sources: Sources;
  /** Whoever changes it calls {@link Reconciler.routesChanged}. */
  readonly learned: Learned;
  readonly dataplane: Dataplane;
  readonly announcer: Announcer;
  readonly clock: Clock;
  /** Called after each pass, also after one that had to be broken off, and when all learned routes have been seen to. */
  readonly passed?: (snapshot: Snapshot) => void;
}

/** What is in force. It holds no copy of any table: it is true until the next change. */
export interface Snapshot {
  /** Everything has been looked at; what is not in force is in `problems`. */
  readonly synced: boolean;
  /** What the model's own objects want. */
  readonly intent: Intent | undefined;
  /** By prefix text: what this speaker originates now. */
  readonly announced: ReadonlyMap<string, Announcement>;
  /** How many routes in the kernel bear our mark. */
  readonly installed: number;
  readonly isInstalled: (prefix: Prefix) => boolean;
  /** What the kernel is to do with a prefix, of our own or learned. */
  readonly targetOf: (prefix: Prefix) => KernelRoute["target"] | undefined;
  /** What peers tell of this very prefix. */
  readonly learnedAt: (prefix: Prefix) => LearnedRoute | undefined;
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
  readonly #lane: Lane;
  /** What learned routes are judged by. */
  #model: Model | undefined;
  #links: readonly Link[] = [];
  readonly #losses: Losses = new Losses();
  #complete = false;
  /** Every learned route was seen to since the kernel was read, or since peers have told all. */
  #caughtUp = false;
  #resumed: ReadonlyMap<string, readonly string[]> | undefined;
  #intent: Intent | undefined;
  #goals: Goals = new Map();
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
    this.#publisher = new Publisher(options.announcer, options.clock);
    this.#lane = new Lane({
      learned: options.learned,
      dataplane: options.dataplane,
      clock: options.clock,
      flushed: () => this.#publisher.flushed(),
      isReady: () => !this.#programmer.mustRead,
      unanswered: (message) => {
        this.#lost(message);
        this.wake();
      },
      redirected: (redirections) => {
        this.#programmer.redirected(redirections);
        this.wake();
      },
      touched: () => this.wake(),
      settled: () => this.#settled(),
    });
    this.#programmer = new Programmer(options.dataplane, options.clock, this.#lane);
  }

  /** Something that plans are made from may have changed. Returns at once. */
  wake(): void {
    this.#dirty = true;
    if (this.#stopped || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  /** Peers told something new. Returns at once. */
  routesChanged(): void {
    this.#lane.wake();
  }

  /** Packets to next hops leave otherwise. Learned routes follow before anything that peers tell from here on. */
  rerouted(): void {
    this.#reroute();
    this.wake();
  }

  /** Nobody is behind a next hop any more. What has others does without it, before it is `decided` what peers tell now. */
  lost(nextHop: Address, decided: Promise<void>): void {
    void this.#losses.add(nextHop, decided).then(() => this.#lane.wake());
    this.#reroute();
  }

  /** It is there again. */
  found(nextHop: Address): void {
    if (this.#losses.delete(nextHop)) this.#reroute();
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

  /** Resolves when nothing is being done and nothing is due. */
  async idle(): Promise<void> {
    while (this.#running !== undefined || !this.#lane.isIdle) {
      await this.#running;
      await this.#lane.idle();
    }
  }

  /** Lets the running pass end and starts no other. What is programmed and announced stays as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#endRest?.();
    await this.#lane.stop();
    await this.idle();
  }

  announces(prefix: Prefix): boolean {
    return this.#publisher.announced.has(formatPrefix(prefix));
  }

  snapshot(): Snapshot {
    const { kernel, ladder, natProgrammed } = this.#programmer;
    const { routes } = this.#lane;
    const failures = new Map([...ladder.messages(), ...this.#lane.refusals.ladder.messages()]);
    return {
      synced: this.#synced && this.#caughtUp,
      intent: this.#intent,
      announced: this.#publisher.announced,
      installed: this.#programs ? kernel.routes.size + routes.held : 0,
      isInstalled: (prefix) =>
        this.#programs && (kernel.routes.has(formatPrefix(prefix)) || routes.isHeld(prefix)),
      targetOf: (prefix) => this.#goals.get(formatPrefix(prefix))?.target ?? routes.targetOf(prefix),
      learnedAt: (prefix) => routes.at(prefix),
      natProgrammed,
      failures,
      problems: [
        ...(this.#intent?.problems ?? []),
        ...routes.problems(),
        ...[...failures].map(([key, message]) => problemOf(key, message)),
      ],
      driftRepairs: this.#driftRepairs,
    };
  }

  /** False where there is no kernel to be programmed, and all is acknowledged at once. */
  get #programs(): boolean {
    return this.#model?.kernel.type !== "none";
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
    const model = this.#options.sources.model();
    if (model === undefined) return;
    try {
      this.#synced = await this.#reconcile(model);
      if (this.#synced) this.#programmer.ladder.succeeded(DATAPLANE);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.#lost(error.message);
    }
  }

  /** A question was not answered. */
  #lost(message: string): void {
    this.#programmer.restarted();
    this.#programmer.ladder.failed(DATAPLANE, "", message, this.#options.clock.now());
    this.#synced = false;
    this.#caughtUp = false;
  }

  #reroute(): void {
    // Before the first pass nothing is judged.
    if (this.#model !== undefined) this.#lane.reroute(this.#surroundings(this.#model));
  }

  #surroundings(model: Model): Surroundings {
    return surroundingsOf(model, this.#links, this.#options.sources.hops(), this.#losses.nextHops);
  }

  #settled(): void {
    if (this.#losses.forgetDecided()) this.#reroute();
    this.#caughtUp = this.#synced;
    this.#options.passed?.(this.snapshot());
  }

  /** False: it had to stop after withdrawing. */
  async #reconcile(model: Model): Promise<boolean> {
    const programmer = this.#programmer;
    const lane = this.#lane;
    const complete = this.#options.sources.learnedComplete();
    // What the process before left decides what is wanted of anycast; nothing is announced yet that could wait for it.
    if (this.#resumed === undefined && !(await this.#readIfNeeded(complete))) return false;
    lane.passBegins();
    const intent = this.#replan(model);
    const wanted = new Map(intent.announcements.map((a) => [formatPrefix(a.prefix), a]));
    const goals = this.#goals;
    const isUntold = programmer.claim(intent);
    if (complete !== this.#complete) this.#caughtUp = false;
    this.#complete = complete;
    lane.begin(complete);
    await this.#publisher.retract((key) => wanted.has(key), isUntold);
    if (!(await this.#readIfNeeded(complete))) return false;
    await programmer.takeOver();
    await programmer.prepareTaps(intent.taps);
    await programmer.handOver(intent, goals);
    await programmer.putRoutes(goals);
    // A translation must not lead to where there is no way yet: the routes come first, and what did not get its own
    // is withdrawn before.
    const hasWay = programmer.judgeWays(intent, goals);
    await this.#publisher.retract((key) => hasWay(wanted.get(key)), false);
    await programmer.putNat(intent.nat, !complete);
    await this.#publish(intent, wanted, goals);
    if (complete) await programmer.removeRest(intent, goals);
    await programmer.forgetGone();
    programmer.settle(goals, complete);
    this.#moves.settled(this.#translatedHere(intent, goals));
    lane.passEnds();
    return true;
  }

  /** Withdraws what the kernel refused and announces what it acknowledged. */
  async #publish(intent: Intent, wanted: ReadonlyMap<string, Announcement>, goals: Goals): Promise<void> {
    const works = this.#programmer.judge(intent, goals);
    await this.#publisher.retract((key) => isGiven(wanted.get(key), works), false);
    // What is in force may be otherwise by now.
    const stillWorks = this.#programmer.judge(intent, goals);
    for (const [key, announcement] of wanted) {
      if (stillWorks(announcement)) this.#publisher.announce(key, announcement);
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
    this.#resumed ??= this.#lane.routes.linkRoutes();
    this.#auditAt = clock.now() + AUDIT_MS;
    return true;
  }

  #replan(model: Model): Intent {
    const { sources, clock } = this.#options;
    const [links, learned] = [sources.links(), this.#lane.routes];
    if (model !== this.#model) learned.watch(new Watch(model));
    const isOther = model !== this.#model || links !== this.#links;
    this.#model = model;
    this.#links = links;
    if (isOther) learned.surround(this.#surroundings(model));
    this.#leaving = this.#moves.update(model, links, learned, clock.now());
    const resumed = this.#resumed ?? new Map<string, readonly string[]>();
    const [health, givenBlocks, leaving] = [sources.health(), sources.givenBlocks(), this.#leaving];
    this.#intent = plan({ model, links, learned, health, resumed, leaving, givenBlocks });
    this.#goals = new Map(this.#intent.routes.map((route) => [formatPrefix(route.prefix), route]));
    return this.#intent;
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

const isGiven = <T>(value: T | undefined, holds: (value: T) => boolean): boolean =>
  value !== undefined && holds(value);

function problemOf(key: string, message: string): Problem {
  if (key === DATAPLANE) return { code: "kernel.unavailable", subject: "netd", message };
  if (key === NAT) return { code: "nat.refused", subject: "table inet gatewayd", message };
  if (key.includes("/")) return { code: "route.refused", subject: key, message };
  return { code: "interface.refused", subject: key.slice(key.indexOf(" ") + 1), message };
}
