/**
 * A kernel, a speaker and a clock in memory. The kernel refuses on command; both watch at every step that nothing is
 * announced that does not work, and note when it is.
 */

import { contains, hostPrefix, type Prefix, prefixOf, widthOf } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix, parseAddress } from "../../bgp/net/text.ts";
import type { LocalRoute } from "../../bgp/speaker/options.ts";
import type { Kind } from "../../model/model.ts";
import { MemoryNft } from "../../nat/testing/memory-nft.ts";
import type { Announcer, Clock } from "../announcer.ts";
import type { Dataplane, KernelRoute, NatFound, Redirection } from "../intent.ts";
import { kindOf } from "../kinds.ts";
import { keyOf } from "../routes.ts";

/** Others get so far in a turn: some way into a question to the kernel. */
const TURN_STEPS = 3;

export class VirtualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  at(atMs: number, wake: () => void): () => void {
    const timer = { atMs, wake };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async turn(): Promise<void> {
    for (let step = 0; step < TURN_STEPS; step++) await Promise.resolve();
  }

  /** Goes on to the next timer that is due by `untilMs`, and fires it. False: there was none; it is `untilMs`. */
  step(untilMs: number): boolean {
    let next: { readonly atMs: number; readonly wake: () => void } | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    }
    this.#now = Math.max(this.#now, next?.atMs ?? untilMs);
    if (next === undefined) return false;
    this.#timers.delete(next);
    next.wake();
    return true;
  }
}

export interface Faults {
  /** Prefix text of routes that the kernel refuses. */
  readonly routes: ReadonlySet<string>;
  readonly nat: boolean;
  /** The privileged process is gone: nothing is answered. */
  readonly dead: boolean;
  /** It does the next thing, and dies before it says so. */
  readonly mute: boolean;
}

export const NO_FAULTS: Faults = { routes: new Set(), nat: false, dead: false, mute: false };

/** What happened, one line each: "announce 172.16.1.3/32", "put 10.65.0.13/32", "nat", "remove …", "forget …". */
export type Trace = string[];

export class MemoryWorld implements Dataplane, Announcer {
  readonly trace: Trace = [];
  readonly routes: Map<string, KernelRoute> = new Map();
  readonly nft: MemoryNft = new MemoryNft();
  readonly announced: Map<string, LocalRoute> = new Map();
  readonly marked: Map<string, Prefix> = new Map();
  faults: Faults = NO_FAULTS;
  /** What never may happen, and did. */
  readonly violations: string[] = [];
  /** A peer that takes nothing: what is said never is handed over. */
  stuck = false;
  refusesRedirections = false;
  /** The NAT table as it was listed, and changed by nobody else since. */
  #left: string | undefined;
  /** Withdrawn, but not on the wire yet. */
  readonly #unflushed = new Set<string>();

  async read(take: (routes: readonly KernelRoute[]) => void, knowsNat: boolean): Promise<NatFound> {
    await this.#answer();
    // In two parts, between which others have their turn.
    const routes = [...this.routes.values()];
    take(routes.splice(0, routes.length >> 1));
    await Promise.resolve();
    take(routes.flatMap(({ prefix }) => this.routes.get(formatPrefix(prefix)) ?? []));
    const text = this.nft.listing();
    if (knowsNat && text === this.#left) return { is: "known" };
    this.#left = text;
    return { is: "listed", text };
  }

  async putRoutes(routes: readonly KernelRoute[]): Promise<ReadonlyMap<string, string>> {
    const errors = new Map<string, string>();
    await this.#answer(() => {
      for (const route of routes) {
        const key = formatPrefix(route.prefix);
        this.trace.push(`put ${key}`);
        if (this.faults.routes.has(key)) errors.set(key, "No such device");
        else this.routes.set(key, route);
      }
    });
    return errors;
  }

  async redirect(redirections: readonly Redirection[]): Promise<ReadonlyMap<number, string>> {
    const errors = new Map<number, string>();
    await this.#answer(() => {
      for (const [place, { from, to }] of redirections.entries()) {
        const alike = [...this.routes].filter(([, { target }]) => keyOf(target) === keyOf(from));
        this.trace.push(`redirect ${keyOf(from)} to ${keyOf(to)}`);
        if (alike.length === 0 || this.refusesRedirections) errors.set(place, "no group leads there");
        else for (const [key, { prefix }] of alike) this.routes.set(key, { prefix, target: to });
      }
    });
    return errors;
  }

  async removeRoutes(prefixes: readonly Prefix[]): Promise<ReadonlyMap<string, string>> {
    const errors = new Map<string, string>();
    await this.#answer(() => {
      for (const prefix of prefixes) {
        const key = formatPrefix(prefix);
        this.trace.push(`remove ${key}`);
        if (this.#unflushed.has(key)) this.violations.push(`${key} removed before its withdrawal left`);
        if (this.faults.routes.has(key)) errors.set(key, "Operation not permitted");
        else this.routes.delete(key);
      }
    });
    return errors;
  }

  async applyNat(nftables: string): Promise<void> {
    await this.#answer(() => {
      this.trace.push("nat");
      if (this.faults.nat) throw new Error("Could not process rule: Invalid argument");
      const before = ["floating", "floating6", "forwarded"].flatMap((set) => [
        ...this.nft.elements(set).keys(),
      ]);
      const isUntouched = this.nft.listing() === this.#left;
      this.nft.apply(nftables);
      if (isUntouched) this.#left = this.nft.listing();
      for (const address of before) {
        if (this.#leadsTo(address).length === 0 && this.#unflushed.has(hostText(address)))
          this.violations.push(`${address} not translated any more before its withdrawal left`);
      }
    });
  }

  async forget(translation: Parameters<Dataplane["forget"]>[0]): Promise<number> {
    await this.#answer(() => {
      const { public: outer, private: inner, ports } = translation;
      const by = ports === undefined ? "" : ` ${ports.protocol} ${ports.first}-${ports.last}`;
      this.trace.push(`forget ${formatAddress(outer)} ${inner ? formatAddress(inner) : "all"}${by}`);
    });
    return 1;
  }

  async prepareTaps(interfaces: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.#answer(() => this.trace.push(`taps ${interfaces.join(" ")}`));
    return new Map();
  }

  announce(route: LocalRoute): void {
    const key = formatPrefix(route.prefix);
    this.trace.push(`announce ${key}`);
    this.announced.set(key, route);
    this.#unflushed.delete(key);
    this.#check();
  }

  withdraw(prefix: Prefix): void {
    const key = formatPrefix(prefix);
    this.trace.push(`withdraw ${key}`);
    if (!this.announced.delete(key)) this.violations.push(`${key} withdrawn and never announced`);
    this.#unflushed.add(key);
  }

  /** What the speaker is told, or does by itself when the last path goes. */
  markInstalled(prefix: Prefix, installed: boolean): void {
    const key = formatPrefix(prefix);
    this.trace.push(`${installed ? "installed" : "uninstalled"} ${key}`);
    if (installed) this.marked.set(key, prefix);
    else {
      this.marked.delete(key);
      this.#unflushed.add(key);
    }
    if (installed && !this.routes.has(key)) this.violations.push(`${key} installed without a route`);
  }

  async flushed(): Promise<void> {
    await Promise.resolve();
    this.#unflushed.clear();
    if (this.stuck) await new Promise(() => undefined);
  }

  /** Does something to the kernel, if it is alive, and says so, if it is not mute. */
  async #answer(doing: () => void = () => undefined): Promise<void> {
    await Promise.resolve();
    if (this.faults.dead) throw new Error("netd is not running");
    doing();
    this.#check();
    await Promise.resolve();
    if (!this.faults.mute) return;
    this.faults = { ...this.faults, mute: false, dead: true };
    throw new Error("netd died");
  }

  /** Decision 1 of the architecture, after every single step. */
  #check(): void {
    const last = this.trace.at(-1);
    for (const [key, { tag, prefix }] of this.announced) {
      const missing = this.#missingFor(key, kindOf(tag), prefix);
      if (missing !== undefined) this.violations.push(`${key} announced without ${missing}, after ${last}`);
    }
    for (const key of this.marked.keys()) {
      if (!this.routes.has(key)) this.violations.push(`${key} installed without a route`);
    }
  }

  #missingFor(key: string, kind: Kind, prefix: Prefix): string | undefined {
    const address = formatAddress(prefix);
    const inner = this.#leadsTo(address);
    if (!this.routes.has(key) && !inner.some((to) => this.#reaches(to))) return "a route";
    if (kind === "floating" && inner.length === 0) return "a translation";
    if (kind === "pool" && this.nft.element("pooled", address) === undefined) return "its pool";
    const isWhole = prefix.length < widthOf(prefix.family);
    if (isWhole && ![...this.routes.values()].some((route) => leadsInto(prefix, route)))
      return "a host in it";
    return undefined;
  }

  #leadsTo(address: string): string[] {
    const whole = this.nft.element("floating", address) ?? this.nft.element("floating6", address);
    if (whole !== undefined) return [whole];
    return [...this.nft.elements("forwards")]
      .filter(([key]) => key.startsWith(`${address} . `))
      .map(([, to]) => to.slice(0, to.indexOf(" ")));
  }

  /** A floating IP at the gateway needs a way to its fixed address, and none of its own. */
  #reaches(fixed: string): boolean {
    const address = parseAddress(fixed);
    if (address === undefined) return false;
    const anywhere = prefixOf(address, 0);
    const host = hostPrefix(address);
    return [...this.routes.values()].some(
      (route) => leadsInto(anywhere, route) && contains(route.prefix, host),
    );
  }
}

const hostText = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;

const leadsInto = (outer: Prefix, { prefix, target }: KernelRoute): boolean =>
  target.to !== "discard" && prefix.length > outer.length && contains(outer, prefix);
