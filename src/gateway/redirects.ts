/**
 * Targets that change as wholes. What routes to one target share in the kernel is made to lead elsewhere by one message,
 * whatever their number; the routes are judged one by one after that, and those that it was right for need nothing more.
 *
 * It is right for all of them where every set of next hops that led to a target leads to one other now: a member of a
 * group that is lost, a gateway in place of another. Where all next hops of a target are lost, what follows is for the
 * peers' paths to say, prefix by prefix: what most of the first ones say is done for all, and the others are put right
 * first, since they are the only ones that have to be put at all. Until then they go where the most go, and not to
 * nowhere.
 */

import type { Redirection, SharedTarget } from "./intent.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import type { Rows } from "./rows.ts";
import type { Resolved } from "./ways.ts";

/** Numbers of targets, with a reference each. */
interface Pair {
  readonly from: number;
  readonly to: number;
}

/** Targets that one question to the kernel is about. Where more move at once, routes are put one by one. */
const MOST_PAIRS = 4096;
/** Routes that say what becomes of a target before it is done. */
const VOTES = 256;

export class Redirects {
  readonly #routes: LearnedRoutes;
  #pairs: Pair[] = [];
  /** Sets of next hops that lead elsewhere, whose routes are to be judged. */
  #moved = new Set<number>();
  /** By target whose next hops are all lost, with a reference: what its routes want instead, and how many of them. */
  readonly #dying = new Map<number, Map<number, number>>();
  readonly #waiting: (readonly [Rows, number])[] = [];

  constructor(routes: LearnedRoutes) {
    this.#routes = routes;
  }

  /** Next hops lead elsewhere. */
  take({ moved, redirections, dying, alive }: Resolved): void {
    for (const id of moved) this.#moved.add(id);
    for (const [from, to] of redirections) this.#add(from, to);
    const { targets } = this.#routes;
    for (const target of dying) {
      if (!targets.isShared(target) || this.#dying.has(target)) continue;
      targets.hold(target);
      this.#dying.set(target, new Map());
    }
    for (const target of alive) this.#lives(target);
  }

  /** All that was lost has been decided and judged. */
  settled(): void {
    for (const target of this.#dying.keys()) this.#lives(target);
  }

  get isDue(): boolean {
    return this.#pairs.length > 0 || this.#moved.size > 0;
  }

  /** True: the route is to wait for what becomes of the target that it has. */
  defers(rows: Rows, row: number, wanted: number): boolean {
    const votes = this.#dying.get(rows.held[row]!);
    if (votes === undefined || !this.#routes.targets.isShared(wanted) || this.#dying.has(wanted))
      return false;
    votes.set(wanted, (votes.get(wanted) ?? 0) + 1);
    this.#waiting.push([rows, row]);
    return true;
  }

  get isVotedOn(): boolean {
    return this.#waiting.length >= VOTES;
  }

  /** Counts what routes that wait want. They are to be judged again. */
  count(): void {
    for (const [target, votes] of this.#dying) {
      const [wanted, most] = [...votes].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
      const all = [...votes.values()].reduce((sum, each) => sum + each, 0);
      if (all === 0) continue;
      if (most * 2 > all) this.#add(target, wanted);
      this.#lives(target);
    }
    for (const [rows, row] of this.#waiting.splice(0)) rows.todo.add(row);
  }

  /** What is to be asked of the kernel. */
  get redirections(): readonly Redirection[] {
    const { targets } = this.#routes;
    return this.#pairs.map(({ from, to }) => ({
      from: targets.at(from) as SharedTarget,
      to: targets.at(to) as SharedTarget,
    }));
  }

  /** The kernel did it, but for those places. Undefined: it was not asked. */
  done(refused: { has(place: number): boolean } | undefined): void {
    for (const [place, { from, to }] of this.#pairs.entries()) {
      if (refused?.has(place) === false) this.#routes.become(from, to);
      this.#routes.targets.drop(from);
      this.#routes.targets.drop(to);
    }
    this.#pairs = [];
    this.#routes.judgeMoved(this.#moved);
    this.#moved = new Set();
  }

  #lives(target: number): void {
    if (this.#dying.delete(target)) this.#routes.targets.drop(target);
  }

  #add(from: number, to: number): void {
    if (this.#pairs.length === MOST_PAIRS) return;
    this.#routes.targets.hold(from);
    this.#routes.targets.hold(to);
    this.#pairs.push({ from, to });
  }
}
