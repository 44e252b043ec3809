/**
 * Addresses of ports, and floating IPs, that moved to another host. The old place goes on routing, translating and
 * announcing, as what others rather reach elsewhere, until a peer announces the address and everybody had time to hear of
 * it; so the world always has a way to it, but not for ever: docs/adr/0003.
 */

import { type Address, hostPrefix, sameAddress } from "../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../bgp/net/text.ts";
import type { FloatingIp, Model } from "../model/model.ts";
import type { FloatingMapping, ForwardMapping, Translations } from "../nat/table.ts";
import type { Departed, Leaving } from "./draft.ts";
import type { KernelRoute, Link } from "./intent.ts";
import type { LearnedView } from "./learned.ts";

/** How long the old place keeps an address that nobody else announces. */
const MOVE_GRACE_MS = 3000;

/** How long it keeps one that a peer announces: others hear of that a little later. */
const MOVE_LINGER_MS = 1000;

/** Routes of a plan, by prefix text. */
type Goals = ReadonlyMap<string, KernelRoute>;
/** By prefix text. */
type Announced = { has(key: string): boolean };

/** What moves are judged by, as it is now. */
interface Whereabouts {
  readonly model: Model;
  readonly links: readonly Link[];
  readonly learned: LearnedView;
  /** Whether a port of another host has that address. */
  readonly isElsewhere: (address: Address) => boolean;
  readonly now: number;
}

interface Verdicts {
  /** The model has it elsewhere. */
  readonly isGone: (was: Leaving) => boolean;
  /** There is no way to it here any more. */
  readonly isLost: (was: Leaving) => boolean;
  readonly hasArrived: (was: Leaving) => boolean;
}

/** Addresses of one kind, by their text. */
class Kept {
  /** What was here when it was last looked at. */
  readonly here: Map<string, Leaving> = new Map();
  readonly #until = new Map<string, { readonly was: Leaving; atMs: number; hasArrived: boolean }>();

  /** What is kept here, although the model has it elsewhere. */
  get kept(): Leaving[] {
    return [...this.#until.values()].map(({ was }) => was);
  }

  /** When the next one is given up; infinite: there is none. */
  get nextDue(): number {
    return Math.min(...[...this.#until.values()].map(({ atMs }) => atMs));
  }

  /** Here is what is announced and is not leaving. */
  settle(was: Leaving, announced: Announced): void {
    const key = formatAddress(was.address);
    if (!announced.has(formatPrefix(hostPrefix(was.address))) || this.#until.has(key)) return;
    this.here.set(key, was);
  }

  /** @returns what is given up, since its time is over */
  update({ isGone, isLost, hasArrived }: Verdicts, now: number): Leaving[] {
    for (const [key, was] of this.here) {
      if (!isGone(was)) continue;
      this.here.delete(key);
      this.#until.set(key, { was: answering(was), atMs: now + MOVE_GRACE_MS, hasArrived: false });
    }
    const over: Leaving[] = [];
    for (const [key, kept] of this.#until) {
      if (!kept.hasArrived && hasArrived(kept.was)) {
        kept.hasArrived = true;
        kept.atMs = now + MOVE_LINGER_MS;
      }
      if (kept.atMs <= now) over.push(kept.was);
      else if (isGone(kept.was) && !isLost(kept.was)) continue;
      this.#until.delete(key);
    }
    return over;
  }
}

export class Moves {
  readonly #ports = new Kept();
  readonly #floating = new Kept();

  /** What is being kept here now, although the model has it elsewhere. */
  update({ model, links, learned, isElsewhere, now }: Whereabouts): Departed {
    const up = new Set(links.filter((link) => link.up).map((link) => link.name));
    const isLost = ({ ways }: Leaving): boolean =>
      model.kernel.type === "linux" && !ways.every((way) => up.has(way.interface));
    const isAnnounced = (address: Address): boolean => learned.at(hostPrefix(address)) !== undefined;
    const local = new Set(model.ports.flatMap((port) => port.addresses.map(formatAddress)));
    // Of ports in files nobody says where they are now: one that is announced, or led to, is somewhere.
    const isSomewhere = (address: Address): boolean =>
      isElsewhere(address) || isAnnounced(address) || floatingTo(model, address).length > 0;
    const ofPorts: Verdicts = {
      isGone: ({ address }) => !local.has(formatAddress(address)) && isSomewhere(address),
      isLost,
      // A floating IP that is still translated here needs the way to what it leads to.
      hasArrived: ({ address }) => isAnnounced(address) && floatingTo(model, address).every(isAnnounced),
    };
    const over = this.#ports.update(ofPorts, now);
    const ports = this.#ports.kept;
    for (const { address } of ports) local.add(formatAddress(address));
    // Floating IPs that were kept with a port have had their time.
    for (const { address } of over)
      for (const floating of floatingTo(model, address)) this.#floating.here.delete(formatAddress(floating));
    const elsewhere = movedAway(model, local);
    const ofFloating: Verdicts = {
      isGone: ({ address }) => elsewhere.has(formatAddress(address)),
      isLost,
      hasArrived: ({ address }) => isAnnounced(address),
    };
    this.#floating.update(ofFloating, now);
    return { ports, floating: this.#floating.kept };
  }

  /** @param translated - all that are translated on this machine */
  settled({ ports }: Model, translated: Translations, goals: Goals, announced: Announced): void {
    this.#ports.here.clear();
    for (const address of ports.flatMap(({ addresses }) => addresses)) {
      const way = wayTo(address, goals);
      if (way !== undefined)
        this.#ports.settle({ address, floating: [], forwards: [], ways: [way] }, announced);
    }
    this.#floating.here.clear();
    this.#settle(translated.floating, goals, announced);
    for (const forwards of byAddress(translated.forwards)) {
      const { floating: address } = forwards[0]!;
      const ways = forwards.map(({ to }) => wayTo(to, goals));
      if (!ways.includes(undefined))
        this.#floating.settle({ address, floating: [], forwards, ways: given(ways) }, announced);
    }
  }

  /** The same of some floating IPs that are translated as a whole: those that are gone, and those that came. */
  amended(
    gone: readonly FloatingMapping[],
    come: readonly FloatingMapping[],
    goals: Goals,
    announced: Announced,
  ): void {
    for (const { floating } of gone) this.#floating.here.delete(formatAddress(floating));
    this.#settle(come, goals, announced);
  }

  #settle(translated: readonly FloatingMapping[], goals: Goals, announced: Announced): void {
    for (const mapping of translated) {
      const { floating: address } = mapping;
      const way = wayTo(address, goals);
      if (way !== undefined)
        this.#floating.settle({ address, floating: [mapping], forwards: [], ways: [way] }, announced);
    }
  }

  /** When the next one is given up. */
  nextDue(): number | undefined {
    const due = Math.min(this.#ports.nextDue, this.#floating.nextDue);
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }
}

/** What begins here leaves with a floating IP no longer: its answers would come to the new place. */
const answering = (was: Leaving): Leaving => ({
  ...was,
  floating: was.floating.map((mapping) => ({ ...mapping, egress: "fixed" })),
});

/** Floating IPs that a host translates to that address. At a gateway they are translated wherever it is. */
const floatingTo = ({ role, floatingIps }: Model, target: Address): Address[] =>
  role === "gateway"
    ? []
    : floatingIps
        .filter((one) => targetsOf(one).some((to) => sameAddress(to, target)))
        .map((one) => one.address);

const targetsOf = ({ to, forwards }: FloatingIp): Address[] =>
  to === undefined ? forwards.map((forward) => forward.to) : [to];

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
function movedAway(model: Model, local: ReadonlySet<string>): ReadonlySet<string> {
  if (model.role === "gateway") return new Set();
  const away = model.floatingIps.filter(
    (floating) => !targetsOf(floating).every((target) => local.has(formatAddress(target))),
  );
  return new Set(away.map((floating) => formatAddress(floating.address)));
}
