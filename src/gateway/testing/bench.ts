/** A reconciler in a world in memory, and what it is given. */

import { formatAddress } from "../../bgp/net/text.ts";
import type { Model } from "../../model/model.ts";
import type { Health, LearnedRoute, Link } from "../intent.ts";
import type { Hops } from "../next-hops.ts";
import { Reconciler } from "../reconcile.ts";
import type { Sources } from "../sources.ts";
import { hopsOnLinks } from "./hops.ts";
import { MemoryLearned } from "./memory-learned.ts";
import { LINKS } from "./values.ts";
import { MemoryWorld, VirtualClock } from "./world.ts";

/** What plans are made from, to be changed at will. */
export interface Given {
  model: Model | undefined;
  links: readonly Link[];
  learned: readonly LearnedRoute[];
  /** Undefined: those that the links give. */
  hops: Hops | undefined;
  health: Health;
  complete: boolean;
  /** Texts of addresses that ports of other hosts have. */
  elsewhere: readonly string[];
}

/** A process that is started anew takes over its predecessor's world. */
export class Bench {
  readonly given: Given = {
    model: undefined,
    links: LINKS,
    learned: [],
    hops: undefined,
    health: new Map(),
    complete: true,
    elsewhere: [],
  };
  readonly clock: VirtualClock = new VirtualClock();
  readonly world: MemoryWorld;
  readonly reconciler: Reconciler;
  readonly #learned: MemoryLearned;

  constructor(world: MemoryWorld = new MemoryWorld()) {
    this.world = world;
    const sources: Sources = {
      model: () => this.given.model,
      links: () => this.given.links,
      hops: () => this.given.hops ?? hopsOnLinks(this.given.learned, this.given.links),
      health: () => this.given.health,
      learnedComplete: () => this.given.complete,
      isElsewhere: (address) => this.given.elsewhere.includes(formatAddress(address)),
      givenBlocks: () => [],
    };
    this.#learned = new MemoryLearned((prefix, installed) => world.markInstalled(prefix, installed));
    this.reconciler = new Reconciler({
      sources,
      learned: this.#learned,
      dataplane: world,
      announcer: world,
      clock: this.clock,
    });
  }

  /** Changes what is given. */
  change({ learned, ...changes }: Partial<Given>): void {
    Object.assign(this.given, changes);
    if (learned !== undefined) this.given.learned = learned;
    this.reconciler.rerouted();
    if (learned !== undefined) {
      this.#learned.set(learned);
      this.reconciler.routesChanged();
    }
    this.reconciler.wake();
  }

  /** The model has other floating IPs, and nothing else changes. */
  amend(floatingIps: Model["floatingIps"]): void {
    const { model } = this.given;
    if (model === undefined) return;
    this.given.model = { ...model, floatingIps };
    this.reconciler.amended();
  }

  /** Peers tell these routes and no others, over next hops that are known. */
  tell(routes: readonly LearnedRoute[]): void {
    this.given.learned = routes;
    this.#learned.set(routes);
    this.reconciler.routesChanged();
  }

  /** Changes what is given, and waits until all that follows is done. */
  async give(changes: Partial<Given>): Promise<void> {
    this.change(changes);
    await this.idle();
  }

  /** Waits until all passes are over. Where nothing more happens by itself, one rests, and time goes on. */
  async idle(): Promise<void> {
    let over = false;
    void this.reconciler.idle().then(() => {
      over = true;
    });
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (over) return;
      this.clock.step(this.clock.now() + 1000);
    }
  }

  async advance(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.clock.step(until)) await this.idle();
  }

  /** What happened since the last time, but the reading. */
  happened(): string[] {
    return this.world.trace.splice(0);
  }

  /** What is announced and programmed now, to be compared. */
  state(): unknown {
    const { world } = this;
    const sorted = (keys: Iterable<string>): string[] => [...keys].sort();
    return {
      announced: [...world.announced].map(([key, route]) => `${key} ${route.tag}`).sort(),
      marked: sorted(world.marked.keys()),
      routes: [...world.routes].map(([key, route]) => `${key} ${JSON.stringify(route.target)}`).sort(),
      floating: [...world.nft.elements("floating")].map(String).sort(),
      forwards: [...world.nft.elements("forwards")].map(String).sort(),
      exempt: sorted(world.nft.elements("exempt_hosts").keys()),
    };
  }
}
