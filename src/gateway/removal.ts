/** The way of learned routes out of the kernel: what departs is asked for in batches, when peers know that it goes. */

import { type Departures, type Round, type Row, takeLast } from "./departures.ts";
import type { Dataplane } from "./intent.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import { FLYING, type Rows } from "./rows.ts";

/** What the lane does for it. */
export interface RemovalWorld {
  readonly routes: LearnedRoutes;
  readonly departures: Departures;
  readonly dataplane: Pick<Dataplane, "removeRoutes">;
  flushed(): Promise<void>;
  /** The kernel can be asked. */
  isReady(): boolean;
  judge(rows: Rows, row: number): void;
  removed(going: readonly Row[], errors: ReadonlyMap<string, string>): void;
  lost(going: readonly Row[], error: unknown): void;
}

export class Removal {
  readonly #world: RemovalWorld;
  readonly #most: number;
  #running = false;

  /** @param most - routes of one question */
  constructor(world: RemovalWorld, most: number) {
    this.#world = world;
    this.#most = most;
  }

  get isDue(): boolean {
    return this.#world.departures.size > 0 && !this.#running;
  }

  async run(): Promise<void> {
    const { departures, flushed, isReady } = this.#world;
    this.#running = true;
    const round = departures.begin();
    await flushed();
    while (round.rows.length > 0 && isReady()) await this.#some(round);
    while (round.rows.length > 0) {
      const [rows, row] = takeLast(round) ?? [];
      rows?.later.add(row!);
    }
    this.#running = false;
  }

  async #some(round: Round): Promise<void> {
    const { dataplane, removed, lost } = this.#world;
    const going = this.#take(round);
    if (going.length === 0) return;
    const prefixes = going.map(([rows, row]) => rows.learned.prefix(row));
    await dataplane.removeRoutes(prefixes).then(
      (errors) => removed(going, errors),
      (error: unknown) => lost(going, error),
    );
  }

  #take(round: Round): Row[] {
    const going: Row[] = [];
    while (round.rows.length > 0 && going.length < this.#most) {
      const [rows, row] = takeLast(round) ?? [];
      if (rows === undefined || row === undefined) continue;
      if (rows.is(row, FLYING) || this.#isKept(rows, row)) this.#world.judge(rows, row);
      else {
        rows.set(row, FLYING, true);
        going.push([rows, row]);
      }
    }
    return going;
  }

  /** It came to be wanted, or a plan to depend on it, while peers were told. */
  #isKept(rows: Rows, row: number): boolean {
    const { routes, departures } = this.#world;
    const isWanted = routes.goal(rows, row) !== 0 || routes.isClaimedRow(rows, row);
    return rows.held[row] === 0 || isWanted || !departures.mayGo(rows, row);
  }
}
