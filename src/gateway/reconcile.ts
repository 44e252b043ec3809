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

import type { Address } from "../bgp/net/address.ts";
import { type AddressKey, addressKey, formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import { carryOut } from "./amend.ts";
import { Publisher } from "./announcer.ts";
import type { Announcement, Intent } from "./intent.ts";
import { earliest } from "./ladder.ts";
import { Lane } from "./lane.ts";
import { Losses } from "./losses.ts";
import { Moves } from "./moves.ts";
import { type Surroundings, surroundingsOf } from "./plan-learned.ts";
import { Plans, type Resumed } from "./plans.ts";
import { DATAPLANE, NAT, problemOf } from "./problems.ts";
import { type Goals, Programmer, Unanswered } from "./programmer.ts";
import type { Snapshot } from "./snapshot.ts";
import type { ReconcilerOptions } from "./sources.ts";

/** Between two passes over a large table there is as much time as the one before took, up to this. */
const LONGEST_REST_MS = 1000;

/** Everything is read and compared again, whatever happened. */
const AUDIT_MS = 60_000;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #programmer: Programmer;
  readonly #publisher: Publisher;
  readonly #moves: Moves = new Moves();
  readonly #lane: Lane;
  readonly #plans: Plans;
  readonly #losses: Losses = new Losses();
  #complete = false;
  /** Every learned route was seen to since the kernel was read, or since peers have told all. */
  #caughtUp = false;
  #resumed: Resumed | undefined;
  #synced = false;
  #driftRepairs = 0;
  #auditAt: number | undefined;
  #dirty = false;
  #isAmended = false;
  /** What leads to these is otherwise than when it was planned last. */
  readonly #led = new Map<AddressKey, Address>();
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
      led: (fixed) => {
        for (const address of fixed) this.#led.set(addressKey(address), address);
        this.amended();
      },
      settled: () => this.#settled(),
    });
    this.#programmer = new Programmer(options.dataplane, options.clock, this.#lane);
    this.#plans = new Plans(options.sources, this.#lane.routes, this.#moves);
  }

  /** Something that plans are made from may have changed. Returns at once. */
  wake(): void {
    this.#dirty = true;
    this.#begin();
  }

  /**
   * The model has other floating IPs, or some are led to otherwise, and nothing else changed: where it is as simple as
   * that, what follows costs by the number of these. Returns at once.
   */
  amended(): void {
    this.#isAmended = true;
    this.#begin();
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

  /** Nobody is behind next hops any more. What has others does without them, before it is `decided` what peers tell now. */
  lost(nextHops: readonly Address[], decided: Promise<void>): void {
    void this.#losses.add(nextHops, decided).then(() => this.#lane.wake());
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

  snapshot(): Snapshot {
    const { kernel, ladder, natProgrammed } = this.#programmer;
    const { routes } = this.#lane;
    const { intent, goals } = this.#plans;
    const failures = new Map([...ladder.messages(), ...this.#lane.refusals.ladder.messages()]);
    return {
      synced: this.#synced && this.#caughtUp,
      intent,
      announced: this.#publisher.announced,
      installed: this.#programs ? kernel.routes.size + routes.held : 0,
      isInstalled: (prefix) =>
        this.#programs && (kernel.routes.has(formatPrefix(prefix)) || routes.isHeld(prefix)),
      targetOf: (prefix) => goals.get(formatPrefix(prefix))?.target ?? routes.targetOf(prefix),
      learnedAt: (prefix) => routes.at(prefix),
      natProgrammed,
      failures,
      problems: [
        ...(intent?.problems ?? []),
        ...routes.problems(),
        ...[...failures].map(([key, message]) => problemOf(key, message)),
      ],
      driftRepairs: this.#driftRepairs,
    };
  }

  /** False where there is no kernel to be programmed, and all is acknowledged at once. */
  get #programs(): boolean {
    return this.#plans.model?.kernel.type !== "none";
  }

  #begin(): void {
    if (this.#stopped || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { passed } = this.#options;
    // A turn later, so that many changes at once are one pass.
    await Promise.resolve();
    while ((this.#dirty || this.#isAmended) && !this.#stopped) {
      await this.#rest();
      const isWhole = this.#dirty;
      this.#dirty = false;
      this.#isAmended = false;
      if (isWhole || !(await this.#answered(() => this.#amend()))) await this.#wholePass();
      passed?.(this.snapshot());
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

  /** What is amended costs so little, and waits for the kernel most of the time, that nobody needs a rest from it. */
  async #wholePass(): Promise<void> {
    const { clock } = this.#options;
    const beganMs = clock.now();
    await this.#pass();
    const endedMs = clock.now();
    this.#restsUntilMs = endedMs + Math.min(endedMs - beganMs, LONGEST_REST_MS);
  }

  async #pass(): Promise<void> {
    this.#led.clear();
    const model = this.#options.sources.model();
    if (model === undefined) return;
    await this.#answered(async () => {
      this.#synced = await this.#reconcile(model);
      if (this.#synced) this.#programmer.ladder.succeeded(DATAPLANE);
      return true;
    });
  }

  /** Whatever is not answered is asked again later. */
  async #answered(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      this.#lost(error.message);
      return true;
    }
  }

  /** False: a pass has to see to it. */
  async #amend(): Promise<boolean> {
    const { intent, goals } = this.#plans;
    const led = [...this.#led.values()];
    this.#led.clear();
    const amendment = intent && this.#isCalm(intent) ? this.#plans.amend(this.#left, led) : undefined;
    if (amendment === undefined) return false;
    this.#lane.passBegins();
    const [programmer, publisher, moves] = [this.#programmer, this.#publisher, this.#moves];
    const world = { programmer, publisher, moves, learned: this.#lane.routes };
    if (!(await carryOut(amendment, goals, world))) return false;
    this.#lane.passEnds();
    return true;
  }

  /** What the process before left in the kernel. */
  get #left(): Resumed {
    return this.#resumed ?? new Map();
  }

  /** Everything is in force, nothing is due, and only what the model says may be otherwise than it was. */
  #isCalm({ nat }: Intent): boolean {
    const { sources, clock } = this.#options;
    const isDue = this.#auditAt === undefined || this.#auditAt <= clock.now();
    const isMoving = this.#plans.isMoving || this.#moves.nextDue() !== undefined;
    const isKnown = this.#complete && sources.learnedComplete() && sources.links() === this.#plans.links;
    return this.#synced && isKnown && !isDue && !isMoving && this.#programmer.isCalm(nat);
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
    const { model } = this.#plans;
    if (model !== undefined) this.#lane.reroute(this.#surroundings(model));
  }

  #surroundings(model: Model): Surroundings {
    return surroundingsOf(model, this.#plans.links, this.#options.sources.hops(), this.#losses.nextHops);
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
    const now = this.#options.clock.now();
    const intent = this.#plans.replan(model, this.#left, () => this.#surroundings(model), now);
    const wanted = new Map(intent.announcements.map((a) => [formatPrefix(a.prefix), a]));
    const { goals } = this.#plans;
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
    this.#moves.settled(model, intent.nat, goals, this.#publisher.announced);
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
