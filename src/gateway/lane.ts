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
import { Departures, type Round, type Row, takeLast } from "./departures.ts";
import type { Dataplane, KernelRoute } from "./intent.ts";
import type { Learned } from "./learned.ts";
import { LearnedRoutes } from "./learned-routes.ts";
import type { PrefixSet } from "./prefix-set.ts";
import { prefixText, Refusals } from "./refusals.ts";
import { AGAIN, DOUBTED, FLYING, GOOD, REFUSED, type Rows } from "./rows.ts";

export interface LaneOptions {
  readonly learned: Learned;
  readonly dataplane: Pick<Dataplane, "putRoutes" | "removeRoutes">;
  readonly clock: Clock;
  /** Resolves when what peers are told has reached the wire, or they take too long. */
  flushed(): Promise<void>;
  /** False: the kernel must be read before it is asked for anything. */
  isReady(): boolean;
  /** A question was not answered. */
  unanswered(message: string): void;
  /** Something changed that a plan depends on. */
  touched(): void;
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

/** Routes that are asked for together. */
class Batch {
  readonly rows: Row[] = [];
  readonly target: number[] = [];
  readonly routes: KernelRoute[] = [];

  get size(): number {
    return this.rows.length;
  }
}

export class Lane {
  readonly routes: LearnedRoutes;
  readonly refusals: Refusals;
  readonly #options: LaneOptions;
  #batch = new Batch();
  readonly #flying = new Set<Promise<void>>();
  readonly #departures: Departures;
  #removing = false;
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
    this.routes = new LearnedRoutes(options.learned, options.touched);
    this.refusals = new Refusals(this.routes, options.clock);
    this.#departures = new Departures(this.routes, options.touched);
  }

  /** Something changed. Returns at once. */
  wake(): void {
    this.#news?.();
    if (this.#stopped || !this.#begun || this.#running !== undefined) return;
    this.#running = this.#run();
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
    while (this.#flying.size > 0) await Promise.all(this.#flying);
  }

  /** The plan's own prefixes. Peers are not told any more of what they say of these. True when there was such a one. */
  claim(prefixes: PrefixSet): boolean {
    const claimed = this.routes.claim(prefixes);
    const told = claimed.filter(([rows, row]) => rows.is(row, GOOD));
    for (const [rows, row] of told) this.routes.setGood(rows, row, false);
    for (const [rows, row] of claimed) rows.todo.add(row);
    this.#claimed = claimed.filter(([rows, row]) => rows.held[row] !== 0 || rows.is(row, FLYING));
    this.wake();
    return told.length > 0;
  }

  /** Gives up the kernel's routes of what was claimed last. */
  async surrender(): Promise<readonly KernelRoute[]> {
    while (this.#claimed.some(([rows, row]) => rows.is(row, FLYING))) await Promise.all(this.#flying);
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
    const { clock, settled } = this.#options;
    await clock.turn();
    this.refusals.takeDue();
    while (!this.#stopped) {
      const more = this.#slice();
      if (this.#batch.size > 0 && this.#flying.size < MAX_FLYING) void this.#send();
      if (this.#departures.size > 0 && !this.#removing) void this.#fly(this.#remove());
      if (more && this.#batch.size < BATCH_ROUTES) await clock.turn();
      else if (this.#flying.size > 0) await this.#somethingNew();
      else if (!more) break;
    }
    this.#running = undefined;
    if (this.#stopped) return;
    this.#arm();
    settled();
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
      if (this.#batch.size >= BATCH_ROUTES) return true;
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
      this.#judge(rows, row);
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
    return this.#fly(
      asked.finally(() => {
        for (const target of batch.target) this.routes.targets.drop(target);
      }),
    );
  }

  /** Remembers that an answer is awaited. */
  #fly(answer: Promise<void>): Promise<void> {
    const flight = answer.finally(() => {
      this.#flying.delete(flight);
      this.#news?.();
    });
    this.#flying.add(flight);
    return flight;
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
    this.#options.unanswered(error instanceof Error ? error.message : String(error));
    for (const [rows, row] of asked) this.#answered(rows, row);
  }

  #answered(rows: Rows, row: number): void {
    rows.set(row, FLYING | AGAIN, false);
    this.#judge(rows, row);
  }

  /** Removes what is leaving, when peers know. */
  async #remove(): Promise<void> {
    const { flushed, isReady } = this.#options;
    this.#removing = true;
    const round = this.#departures.begin();
    await flushed();
    while (round.rows.length > 0 && isReady() && !this.#stopped) await this.#removeSome(round);
    while (round.rows.length > 0) {
      const [rows, row] = takeLast(round) ?? [];
      rows?.later.add(row!);
    }
    this.#removing = false;
  }

  async #removeSome(round: Round): Promise<void> {
    const going = this.#takeSome(round);
    if (going.length === 0) return;
    try {
      const prefixes = going.map(([rows, row]) => rows.learned.prefix(row));
      const errors = await this.#options.dataplane.removeRoutes(prefixes);
      for (const [rows, row] of going) {
        const error = errors.size === 0 ? undefined : errors.get(prefixText(rows, row));
        if (error === undefined) this.routes.hold(rows, row, 0);
        else this.refusals.add(rows, row, 0, error);
        this.#answered(rows, row);
      }
    } catch (error) {
      this.#lost(going, error);
    }
  }

  #takeSome(round: Round): Row[] {
    const going: Row[] = [];
    while (round.rows.length > 0 && going.length < BATCH_ROUTES) {
      const [rows, row] = takeLast(round) ?? [];
      if (rows === undefined || row === undefined) continue;
      if (rows.is(row, FLYING) || this.#isKept(rows, row)) this.#judge(rows, row);
      else {
        rows.set(row, FLYING, true);
        going.push([rows, row]);
      }
    }
    return going;
  }

  /** It came to be wanted, or a plan to depend on it, while peers were told. */
  #isKept(rows: Rows, row: number): boolean {
    const { routes } = this;
    const isWanted = routes.goal(rows, row) !== 0 || routes.isClaimedRow(rows, row);
    return rows.held[row] === 0 || isWanted || !this.#departures.mayGo(rows, row);
  }

  #arm(): void {
    this.#cancelTimer?.();
    const due = this.refusals.ladder.nextDue();
    this.#cancelTimer = due === undefined ? undefined : this.#options.clock.at(due, () => this.wake());
  }
}
