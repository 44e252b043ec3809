/**
 * Floating IPs that moved to another host. The old place goes on translating and announcing until a peer announces
 * the address, so that the world always has a way to it, but not for ever: docs/adr/0003.
 */

import { hostPrefix } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import type { Model } from "../model/model.ts";
import type { Leaving } from "./draft.ts";
import type { Link } from "./intent.ts";
import type { LearnedView } from "./learned.ts";

/** How long the old place keeps a floating IP that nobody else announces. */
const MOVE_GRACE_MS = 3000;

export class Moves {
  /** By address text: what was here when it was last looked at. */
  #here = new Map<string, Leaving>();
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

  /** @param here - the floating IPs that are translated and announced here, and are not leaving */
  settled(here: readonly Leaving[]): void {
    this.#here = new Map(here.map((mapping) => [formatAddress(mapping.floating), mapping]));
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
