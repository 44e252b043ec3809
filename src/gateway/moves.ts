/**
 * Floating IPs that moved to another host. The old place goes on translating and announcing until a peer announces
 * the address, so that the world always has a way to it, but not for ever: docs/adr/0003.
 */

import { type Address, hostPrefix } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { FloatingIp, Model } from "../model/model.ts";
import type { FloatingMapping, ForwardMapping, Translations } from "../nat/table.ts";
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
      const arrived = learned.at(hostPrefix(was.address)) !== undefined;
      const lost = model.kernel.type === "linux" && !was.ways.every((way) => up.has(way.interface));
      if (arrived || lost || atMs <= now || !elsewhere.has(key)) this.#until.delete(key);
    }
    return [...this.#until.values()].map((kept) => kept.was);
  }

  /** @param translated - all that are translated on this machine */
  settled(translated: Translations, goals: Goals, announced: Announced): void {
    this.#here.clear();
    this.#settle(translated.floating, goals, announced);
    for (const forwards of byAddress(translated.forwards)) {
      const { floating: address } = forwards[0]!;
      const ways = forwards.map(({ to }) => wayTo(to, goals));
      if (!ways.includes(undefined))
        this.#keep({ address, floating: [], forwards, ways: given(ways) }, announced);
    }
  }

  /** The same of some that are translated as a whole: those that are gone, and those that came. */
  amended(
    gone: readonly FloatingMapping[],
    come: readonly FloatingMapping[],
    goals: Goals,
    announced: Announced,
  ): void {
    for (const { floating } of gone) this.#here.delete(formatAddress(floating));
    this.#settle(come, goals, announced);
  }

  #settle(translated: readonly FloatingMapping[], goals: Goals, announced: Announced): void {
    for (const mapping of translated) {
      const { floating: address } = mapping;
      const way = wayTo(address, goals);
      if (way !== undefined)
        this.#keep({ address, floating: [mapping], forwards: [], ways: [way] }, announced);
    }
  }

  /** Here is what is announced, leads to ports, and is not leaving. */
  #keep(leaving: Leaving, announced: Announced): void {
    const address = formatAddress(leaving.address);
    if (!announced.has(formatPrefix(hostPrefix(leaving.address))) || this.#until.has(address)) return;
    this.#here.set(address, leaving);
  }

  /** When the next one is given up. */
  nextDue(): number | undefined {
    return this.#until.size === 0
      ? undefined
      : Math.min(...[...this.#until.values()].map((kept) => kept.atMs));
  }
}

/** The planned route to an address, when it leads to a port. */
function wayTo(address: Address, goals: Goals): Leaving["ways"][number] | undefined {
  const prefix = hostPrefix(address);
  const target = goals.get(formatPrefix(prefix))?.target;
  return target?.to === "link" ? { prefix, interface: target.interface } : undefined;
}

const given = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

function byAddress(forwards: readonly ForwardMapping[]): Iterable<ForwardMapping[]> {
  const groups = new Map<number, ForwardMapping[]>();
  for (const forward of forwards) {
    const group = groups.get(forward.floating.w0);
    if (group === undefined) groups.set(forward.floating.w0, [forward]);
    else group.push(forward);
  }
  return groups.values();
}

/** Floating IPs of the model that do not lead here, or not with all ports. At a gateway they are translated all the same. */
function movedAway(model: Model): ReadonlySet<string> {
  if (model.role === "gateway") return new Set();
  const local = new Set(model.ports.flatMap((port) => port.addresses.map(formatAddress)));
  const isHere = ({ to, forwards }: FloatingIp): boolean =>
    (to === undefined ? forwards.map((forward) => forward.to) : [to]).every((target) =>
      local.has(formatAddress(target)),
    );
  const away = model.floatingIps.filter((floating) => !isHere(floating));
  return new Set(away.map((floating) => formatAddress(floating.address)));
}
