/**
 * Pools that are being drained: they get no new mapping, and their addresses are kept, announced and translated, as long
 * as there are flows through them. Who looks at flows does so now and then: it is a walk through all that there are.
 */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { SessionQuery, SessionsFound } from "../kernel/conntrack/session-commands.ts";
import type { Model, Pool } from "../model/model.ts";
import type { NatTable } from "../nat/table.ts";
import type { Log } from "./records/log.ts";

const LOOK_EVERY_MS = 5000;

export interface DrainsOptions {
  readonly model: () => Model;
  /** The table that the kernel holds; undefined while it is not the one that is wanted. */
  readonly programmed: () => NatTable | undefined;
  readonly sessions: (query: SessionQuery) => Promise<SessionsFound>;
  /** {@link Drains.applied} says something else. */
  readonly changed: () => void;
  readonly log: Log;
}

export class Drains {
  readonly #options: DrainsOptions;
  readonly #timer: NodeJS.Timeout;
  /** Addresses without flows, as words. */
  #drained: ReadonlySet<number> = new Set();
  #applied: { readonly to: Model; readonly model: Model } | undefined;

  constructor(options: DrainsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look().catch(() => undefined), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  isDrained(pool: Pool, { w0 }: Address): boolean {
    return pool.draining && this.#drained.has(w0);
  }

  /** `model` without what has been drained; the same value for the same one until that changes. */
  applied(model: Model): Model {
    if (this.#applied?.to === model) return this.#applied.model;
    // One that is not drained any more has flows again, should it be later.
    const draining = wordsOf(model.nat.pools.filter((pool) => pool.draining));
    this.#drained = new Set([...this.#drained].filter((word) => draining.has(word)));
    if (draining.size === 0) return model;
    const pools = model.nat.pools
      .map((pool) => ({ ...pool, addresses: pool.addresses.filter((at) => !this.isDrained(pool, at)) }))
      .filter(({ addresses }) => addresses.length > 0);
    const applied = { ...model, nat: { ...model.nat, pools } };
    this.#applied = { to: model, model: applied };
    return applied;
  }

  /** Is called now and then. */
  async look(): Promise<void> {
    const { model, programmed, sessions, changed, log } = this.#options;
    const draining = model().nat.pools.filter((pool) => pool.draining);
    if (draining.length === 0) return;
    // A flow that began before the kernel had the table is seen; after it none begins.
    const table = programmed();
    if (table === undefined) return;
    const held = table.pools.filter((pool) => pool.draining).flatMap(({ addresses }) => addresses);
    const { used, complete } = await sessions({ want: "used", filter: {}, limit: 1 });
    if (!complete) return;
    const busy = new Set(used.map((use) => use.public));
    const wanted = wordsOf(draining);
    const quiet = held.filter((at) => wanted.has(at.w0) && !busy.has(formatAddress(at)));
    if (quiet.length === 0) return;
    this.#drained = new Set([...this.#drained, ...quiet.map(({ w0 }) => w0)]);
    this.#applied = undefined;
    for (const { name, addresses } of draining) {
      const isNews = addresses.some(({ w0 }) => quiet.some((at) => at.w0 === w0));
      if (!isNews || addresses.some(({ w0 }) => !this.#drained.has(w0))) continue;
      log.info({ event: "nat.pool.drained", pool: name, addresses: addresses.length }, "no flow is left");
    }
    changed();
  }
}

const wordsOf = (pools: readonly Pool[]): ReadonlySet<number> =>
  new Set(pools.flatMap(({ addresses }) => addresses.map(({ w0 }) => w0)));
