/**
 * The lane of learned routes: takes what peers changed in slices of a few milliseconds, compares each prefix with what
 * the kernel acknowledged, and asks the kernel for the difference, in batches of which only a few are under way. What is
 * under way is not asked for twice; what changes meanwhile is looked at again when the answer is there.
 *
 * Peers are told of a route when the kernel has it, and that it is gone before the kernel is asked to remove it. A
 * route that the model's own objects may depend on waits with its removal for a pass of the reconciler that saw that it
 * goes. Until peers have told all that they know nothing is removed, and no next hop is taken from a route.
 */

import type { Clock } from "./announcer.ts";
import { Batch } from "./batch.ts";
import { Departures, type Row } from "./departures.ts";
import { Flights } from "./flights.ts";
import type { Dataplane, KernelRoute, Redirection } from "./intent.ts";
import type { Learned, Planning } from "./learned.ts";
import { LearnedRoutes } from "./learned-routes.ts";
import { messageOf } from "./message-of.ts";
import type { Surroundings } from "./plan-learned.ts";
import type { PrefixSet } from "./prefix-set.ts";
import { Redirects } from "./redirects.ts";
import { prefixText, Refusals } from "./refusals.ts";
import { Removal } from "./removal.ts";
import { AGAIN, DOUBTED, FLYING, REFUSED, type Rows } from "./rows.ts";

export interface LaneOptions extends Planning {
  readonly learned: Learned;
  readonly dataplane: Pick<Dataplane, "putRoutes" | "redirect" | "removeRoutes">;
  readonly clock: Clock;
  /** Resolves when what peers are told has reached the wire, or they take too long. */
  flushed(): Promise<void>;
  /** False: the kernel must be read before it is asked for anything. */
  isReady(): boolean;
  /** A question was not answered. */
  unanswered(message: string): void;
  /** Everything in the kernel that led to one target leads to another, whoever put it there. */
  redirected(redirections: readonly Redirection[]): void;
  /** Nothing is left to do for now. */
  settled(): void;
}

/** How long one slice works before it lets others have their turn. */
const SLICE_MS = 4;
/** Prefixes between two looks at the clock. */
const STEP = 256;
/** Routes of one question to the kernel: some 25 ms of its time. */
const BATCH_ROUTES = 4096;
/** Questions under way: one is worked on, and the next ones wait beside it. */
const MAX_FLYING = 3;

export class Lane {
  readonly routes: LearnedRoutes;
  readonly refusals: Refusals;
  readonly #options: LaneOptions;
  #batch = new Batch();
  readonly #flights: Flights = new Flights(() => this.#news?.());
  readonly #departures: Departures;
  readonly #redirects: Redirects;
  readonly #removal: Removal;
  #claimed: Row[] = [];
  /** Peers have told all that they know. */
  #complete = false;
  #begun = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #news: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.routes = new LearnedRoutes(options.learned, options);
    this.refusals = new Refusals(this.routes, options.clock);
    this.#departures = new Departures(this.routes, () => options.touched());
    this.#redirects = new Redirects(this.routes);
    this.#removal = new Removal(
      {
        routes: this.routes,
        departures: this.#departures,
        dataplane: options.dataplane,
        flushed: options.flushed,
        isReady: () => options.isReady() && !this.#stopped,
        judge: (rows, row) => this.#judge(rows, row),
        removed: (going, errors) => this.#removed(going, errors),
        lost: (going, error) => this.#lost(going, error),
      },
      BATCH_ROUTES,
    );
  }

  /** Something changed. Returns at once. */
  wake(): void {
    this.#news?.();
    if (this.#stopped || !this.#begun || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  /** Packets to next hops leave otherwise. */
  reroute(at: Surroundings): void {
    this.routes.reroute(at, (resolved) => this.#redirects.take(resolved));
    if (at.lost.size === 0) this.#redirects.settled();
    this.wake();
  }

  /** Resolves when nothing is left to do for now. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Asks for nothing more. What is programmed stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#news?.();
    await this.idle();
  }

  /** What is wanted can be judged from now on. @param complete - peers have told all that they know */
  begin(complete: boolean): void {
    if (complete && !this.#complete) for (const rows of this.routes.families) rows.doubtAll();
    this.#complete = complete;
    this.#begun = true;
    this.wake();
  }

  /** The kernel can be asked again. */
  resume(): void {
    for (const rows of this.routes.families) {
      for (let row = rows.later.next(); row >= 0; row = rows.later.next()) {
        rows.later.delete(row);
        rows.todo.add(row);
      }
    }
    this.wake();
  }

  /** Resolves when every question that is under way has its answer. */
  async landed(): Promise<void> {
    await this.#flights.landed();
  }

  /** The plan's own prefixes, of which peers' word does not count. True when a withdrawal may still be on its way. */
  claim(prefixes: PrefixSet): boolean {
    const claimed = this.routes.claim(prefixes);
    for (const [rows, row] of claimed) this.routes.setGood(rows, row, false);
    for (const [rows, row] of claimed) rows.todo.add(row);
    this.#claimed = claimed.filter(([rows, row]) => rows.held[row] !== 0 || rows.is(row, FLYING));
    this.wake();
    return this.#claimed.length > 0;
  }

  /** Gives up the kernel's routes of what was claimed last. */
  async surrender(): Promise<readonly KernelRoute[]> {
    while (this.#claimed.some(([rows, row]) => rows.is(row, FLYING))) await this.#flights.some();
    const routes: KernelRoute[] = [];
    for (const [rows, row] of this.#claimed) {
      const target = this.routes.targets.at(rows.held[row]!);
      if (target === undefined || !this.routes.isClaimedRow(rows, row)) continue;
      routes.push({ prefix: rows.learned.prefix(row), target });
      this.routes.hold(rows, row, 0);
      rows.todo.add(row);
    }
    this.#claimed = [];
    return routes;
  }

  /** Takes over routes of the kernel that were the plan's own. Resolves when what peers say of them is in force. */
  async adopt(routes: readonly KernelRoute[]): Promise<void> {
    const { targets } = this.routes;
    for (const { prefix, target } of routes) {
      const [rows, row] = this.routes.unclaim(prefix);
      const taken = targets.take(target);
      this.routes.hold(rows, row, taken);
      targets.drop(taken);
      this.#judge(rows, row);
    }
    if (this.#batch.size > 0) await this.#send();
  }

  /** A pass of the reconciler begins: it sees what is not wanted any more. */
  passBegins(): void {
    this.#departures.passBegins();
  }

  /** The pass did all that it was to do. */
  passEnds(): void {
    this.routes.passEnds();
    this.#departures.passEnds();
    this.wake();
  }

  doubt(name: string): void {
    this.routes.doubt(name);
    this.wake();
  }

  async #run(): Promise<void> {
    await this.#options.clock.turn();
    this.refusals.takeDue();
    while (!this.#stopped && (await this.#round())) {
      // Until nothing is left to do.
    }
    this.#running = undefined;
    if (this.#stopped) return;
    this.#arm();
    this.#options.settled();
  }

  /** False: nothing is left to do, and nothing awaited. */
  async #round(): Promise<boolean> {
    if (this.#redirects.isDue) await this.#redirect();
    const more = this.#slice();
    this.#redirects.count();
    if (this.#redirects.isDue) return true;
    if (this.#batch.size > 0 && this.#flights.size < MAX_FLYING) void this.#send();
    if (this.#removal.isDue) void this.#flights.add(this.#removal.run());
    if (more && this.#batch.size < BATCH_ROUTES) await this.#options.clock.turn();
    else if (this.#flights.size > 0) await this.#somethingNew();
    else return more;
    return true;
  }

  /** Nothing is judged meanwhile: what routes have in the kernel is about to be another. */
  async #redirect(): Promise<void> {
    const { dataplane, redirected, unanswered } = this.#options;
    // What was asked before and is not answered yet speaks of the targets as they were.
    await this.#flights.putsLanded();
    const { redirections } = this.#redirects;
    // Asked for also while the kernel is read, which of a million routes takes seconds.
    if (redirections.length === 0) {
      this.#redirects.done(undefined);
      return;
    }
    const asked = dataplane.redirect(redirections).then(
      (errors) => {
        this.#redirects.done(errors);
        redirected(redirections.filter((_, place) => !errors.has(place)));
      },
      (error: unknown) => {
        unanswered(messageOf(error));
        this.#redirects.done(undefined);
      },
    );
    await this.#flights.add(asked);
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#news = () => {
        this.#news = undefined;
        resolve();
      };
    });
  }

  /** Judges for a few milliseconds, until there is a batch to send. True when there is more. */
  #slice(): boolean {
    const { clock } = this.#options;
    const untilMs = clock.now() + SLICE_MS;
    do {
      let done = 0;
      for (const rows of this.routes.families) done += this.#takeChanged(rows) + this.#takeTodo(rows);
      if (done === 0) return false;
      if (this.#batch.size >= BATCH_ROUTES || this.#redirects.isVotedOn) return true;
    } while (clock.now() < untilMs);
    return true;
  }

  #takeChanged(rows: Rows): number {
    for (let done = 0; ; done++) {
      const row = done === STEP ? -1 : rows.learned.next();
      if (row < 0) return done;
      this.routes.refresh(rows, row);
      rows.todo.delete(row);
      this.#judge(rows, row);
    }
  }

  #takeTodo(rows: Rows): number {
    for (let done = 0; ; done++) {
      const row = done === STEP ? -1 : rows.todo.next();
      if (row < 0) return done;
      rows.todo.delete(row);
      // What peers tell of it now is not what is known of it: it is judged by that, in its turn.
      if (!rows.learned.isPending(row)) this.#judge(rows, row);
    }
  }

  /** Compares one route with what the kernel holds, and does what follows. */
  #judge(rows: Rows, row: number): void {
    if (rows.is(row, FLYING)) {
      rows.set(row, AGAIN, true);
      return;
    }
    const { routes } = this;
    const { targets } = routes;
    const goal = routes.goal(rows, row);
    if (goal === 0) {
      this.#notWanted(rows, row);
      return;
    }
    this.#departures.stays(rows, row);
    const held = rows.held[row]!;
    const isForwarded = targets.isVia(held);
    // Not all of its next hops may have been told yet (docs/adr/0002).
    const wanted = !this.#complete && isForwarded && targets.isVia(goal) ? held : goal;
    if (held === wanted && !rows.is(row, DOUBTED)) {
      this.refusals.forgive(rows, row);
      routes.setGood(rows, row, true);
      return;
    }
    routes.setGood(rows, row, isForwarded && !rows.is(row, REFUSED));
    if (this.#redirects.defers(rows, row, wanted)) return;
    if (this.#mayAsk(rows, row, wanted)) this.#put(rows, row, wanted);
  }

  #notWanted(rows: Rows, row: number): void {
    const { routes } = this;
    routes.setGood(rows, row, false);
    if (rows.held[row] === 0) {
      this.refusals.forgive(rows, row);
      this.#departures.stays(rows, row);
      if (rows.way[row] === 0) routes.release(rows, row);
      return;
    }
    if (!this.#complete || routes.isClaimedRow(rows, row) || !this.#departures.mayGo(rows, row)) return;
    if (!this.#departures.isListed(rows, row) && this.#mayAsk(rows, row, 0)) this.#departures.list(rows, row);
  }

  /** False: not now; it is looked at again when it may be. @param target - 0 to have it removed */
  #mayAsk(rows: Rows, row: number, target: number): boolean {
    if (!this.#options.isReady()) {
      rows.later.add(row);
      return false;
    }
    return this.refusals.isDue(rows, row, target);
  }

  #put(rows: Rows, row: number, target: number): void {
    const { targets } = this.routes;
    const batch = this.#batch;
    targets.hold(target);
    rows.set(row, FLYING, true);
    rows.set(row, DOUBTED, false);
    batch.rows.push([rows, row]);
    batch.target.push(target);
    batch.routes.push({ prefix: rows.learned.prefix(row), target: targets.at(target)! });
  }

  #send(): Promise<void> {
    const batch = this.#batch;
    this.#batch = new Batch();
    const asked = this.#options.dataplane.putRoutes(batch.routes).then(
      (errors) => this.#landed(batch, errors),
      (error: unknown) => this.#lost(batch.rows, error),
    );
    return this.#flights.addPut(
      asked.finally(() => {
        for (const target of batch.target) this.routes.targets.drop(target);
      }),
    );
  }

  #landed({ rows: asked, target }: Batch, errors: ReadonlyMap<string, string>): void {
    for (const [i, [rows, row]] of asked.entries()) {
      const error = errors.size === 0 ? undefined : errors.get(prefixText(rows, row));
      if (error === undefined) this.routes.hold(rows, row, target[i]!);
      else {
        // What was there before may be there still, or may be what was in doubt.
        if (rows.held[row] === target[i]) this.routes.hold(rows, row, 0);
        this.refusals.add(rows, row, target[i]!, error);
      }
      this.#answered(rows, row);
    }
  }

  /** Nobody knows what became of the question; reading will tell. */
  #lost(asked: readonly Row[], error: unknown): void {
    this.#options.unanswered(messageOf(error));
    for (const [rows, row] of asked) this.#answered(rows, row);
  }

  #answered(rows: Rows, row: number): void {
    rows.set(row, FLYING | AGAIN, false);
    this.#judge(rows, row);
  }

  #removed(going: readonly Row[], errors: ReadonlyMap<string, string>): void {
    for (const [rows, row] of going) {
      const error = errors.size === 0 ? undefined : errors.get(prefixText(rows, row));
      if (error === undefined) this.routes.hold(rows, row, 0);
      else this.refusals.add(rows, row, 0, error);
      this.#answered(rows, row);
    }
  }

  #arm(): void {
    this.#cancelTimer?.();
    const due = this.refusals.nextDue();
    this.#cancelTimer = due === undefined ? undefined : this.#options.clock.at(due, () => this.wake());
  }
}
