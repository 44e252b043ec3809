/**
 * Floating IPs that moved to another host. The old place goes on translating and announcing until a peer announces
 * the address, so that the world always has a way to it, but not for ever: docs/adr/0003.
 */

import { hostPrefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import type { FloatingMapping } from "../nat/table.ts";
import type { Leaving } from "./draft.ts";
import type { KernelRoute, Link } from "./intent.ts";
import type { LearnedView } from "./learned.ts";

/** How long the old place keeps a floating IP that nobody else announces. */
const MOVE_GRACE_MS = 3000;

/** Routes of a plan, by prefix text. */
type Goals = ReadonlyMap<string, KernelRoute>;
/** By prefix text. */
type Announced = { has(key: string): boolean };

export class Moves {
  /** By address text: what was here when it was last looked at. */
  readonly #here = new Map<string, Leaving>();
  readonly #until = new Map<string, { readonly was: Leaving; readonly atMs: number }>();

  /** What is being kept here now, although the model has it elsewhere. */
  update(model: Model, links: readonly Link[], learned: LearnedView, now: number): Leaving[] {
    const elsewhere = movedAway(model);
    for (const [key, was] of this.#here) {
      if (!elsewhere.has(key)) continue;
      this.#here.delete(key);
      this.#until.set(key, { was, atMs: now + MOVE_GRACE_MS });
    }
    if (this.#until.size === 0) return [];
    const up = new Set(links.filter((link) => link.up).map((link) => link.name));
    for (const [key, { was, atMs }] of this.#until) {
      const arrived = learned.at(hostPrefix(was.floating)) !== undefined;
      const lost = model.kernel.type === "linux" && !up.has(was.interface);
      if (arrived || lost || atMs <= now || !elsewhere.has(key)) this.#until.delete(key);
    }
    return [...this.#until.values()].map((kept) => kept.was);
  }

  /** @param translated - all that are translated on this machine */
  settled(translated: readonly FloatingMapping[], goals: Goals, announced: Announced): void {
    this.#here.clear();
    this.#settle(translated, goals, announced);
  }

  /** The same of some: those that are gone, and those that came. */
  amended(
    gone: readonly FloatingMapping[],
    come: readonly FloatingMapping[],
    goals: Goals,
    announced: Announced,
  ): void {
    for (const { floating } of gone) this.#here.delete(formatAddress(floating));
    this.#settle(come, goals, announced);
  }

  /** Here is what is announced, leads to a port, and is not leaving. */
  #settle(translated: readonly FloatingMapping[], goals: Goals, announced: Announced): void {
    for (const mapping of translated) {
      const address = formatAddress(mapping.floating);
      const key = formatPrefix(hostPrefix(mapping.floating));
      const target = goals.get(key)?.target;
      if (target?.to !== "link" || !announced.has(key) || this.#until.has(address)) continue;
      this.#here.set(address, { ...mapping, interface: target.interface });
    }
  }

  /** When the next one is given up. */
  nextDue(): number | undefined {
    return this.#until.size === 0
      ? undefined
      : Math.min(...[...this.#until.values()].map((kept) => kept.atMs));
  }
}

/** Floating IPs of the model whose port is not here. At a gateway they are translated all the same. */
function movedAway(model: Model): ReadonlySet<string> {
  if (model.role === "gateway") return new Set();
  const local = new Set(model.ports.flatMap((port) => port.addresses.map(formatAddress)));
  const away = model.floatingIps.filter(
    (floating) => floating.to !== undefined && !local.has(formatAddress(floating.to)),
  );
  return new Set(away.map((floating) => formatAddress(floating.address)));
}
