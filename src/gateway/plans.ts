/** The plan in force: what it was made from, and how the next one comes of it, whole or amended. */

import type { Address } from "../bgp/net/address.ts";
import { formatPrefix } from "../bgp/net/text.ts";
import { FloatingIndex } from "../model/floating-index.ts";
import type { Model } from "../model/model.ts";
import type { Departed, PlanInput } from "./draft.ts";
import type { Intent, KernelRoute, Link } from "./intent.ts";
import type { LearnedRoutes } from "./learned-routes.ts";
import type { Moves } from "./moves.ts";
import { plan } from "./plan.ts";
import { type Amendment, isAmended, planAmended } from "./plan-amended.ts";
import type { Surroundings } from "./plan-learned.ts";
import type { Sources } from "./sources.ts";
import { Watch } from "./watch.ts";

/** What the process before left in the kernel, by prefix text. */
export type Resumed = ReadonlyMap<string, readonly string[]>;

export class Plans {
  readonly #sources: Sources;
  readonly #learned: LearnedRoutes;
  readonly #moves: Moves;
  model: Model | undefined;
  links: readonly Link[] = [];
  intent: Intent | undefined;
  /** The routes of {@link intent}, by prefix text. */
  goals: Map<string, KernelRoute> = new Map();
  #leaving: Departed = { ports: [], floating: [] };
  /** Of {@link model}; made when it is asked for. */
  #index: FloatingIndex | undefined;
  /** Learned routes are watched that nothing of the model depends on any more. */
  #isWidened = false;

  constructor(sources: Sources, learned: LearnedRoutes, moves: Moves) {
    this.#sources = sources;
    this.#learned = learned;
    this.#moves = moves;
  }

  /** True while something is kept here that moved away. */
  get isMoving(): boolean {
    return this.#leaving.ports.length + this.#leaving.floating.length > 0;
  }

  /** @param surroundings - by which learned routes are judged, with another model or other links */
  replan(model: Model, resumed: Resumed, surroundings: () => Surroundings, now: number): Intent {
    const links = this.#sources.links();
    const learned = this.#learned;
    const isElsewhere = (address: Address): boolean => this.#sources.isElsewhere(address);
    this.#leaving = this.#moves.update({ model, links, learned, isElsewhere, now });
    if (model !== this.model || this.#isWidened) learned.watch(new Watch(model, this.#leaving.ports));
    this.#isWidened = false;
    const isOther = model !== this.model || links !== this.links;
    if (model !== this.model) this.#index = undefined;
    this.model = model;
    this.links = links;
    if (isOther) learned.surround(surroundings());
    this.intent = plan(this.#input(model, resumed));
    this.goals = new Map(this.intent.routes.map((route) => [formatPrefix(route.prefix), route]));
    return this.intent;
  }

  /**
   * The plan of the model that there is now. Undefined: a pass has to make it.
   * @param led - what leads to these addresses may be otherwise than it was
   */
  amend(resumed: Resumed, led: readonly Address[]): Amendment | undefined {
    const model = this.#sources.model();
    const { model: before, intent, goals } = this;
    if (model === undefined || before === undefined || intent === undefined) return undefined;
    if (!isAmended(before, model)) return undefined;
    const input = this.#input(model, resumed);
    if (intent.nat.blocks !== undefined && intent.nat.givenBlocks !== input.givenBlocks) return undefined;
    this.#index ??= new FloatingIndex(before.floatingIps);
    const amendment = planAmended({ model: before, intent, goals, index: this.#index, led }, input);
    if (amendment === undefined || this.#learned.knowsAny(amendment.prefixes)) return undefined;
    this.#take(model, amendment);
    return amendment;
  }

  #take(model: Model, { intent, routes, floatingIps }: Amendment): void {
    if (floatingIps.come.length > 0) {
      this.#learned.widen(floatingIps.come);
      this.#isWidened = true;
    }
    for (const floating of floatingIps.gone) this.#index?.delete(floating);
    for (const floating of floatingIps.come) this.#index?.add(floating);
    for (const [key, route] of routes) {
      if (route === undefined) this.goals.delete(key);
      else this.goals.set(key, route);
    }
    this.model = model;
    this.intent = intent;
  }

  #input(model: Model, resumed: Resumed): PlanInput {
    const { links } = this;
    const [health, givenBlocks] = [this.#sources.health(), this.#sources.givenBlocks()];
    return { model, links, learned: this.#learned, health, resumed, leaving: this.#leaving, givenBlocks };
  }
}
