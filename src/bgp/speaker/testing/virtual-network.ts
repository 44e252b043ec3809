/**
 * A network in memory, on virtual time, from a seed: speakers that are given its worlds connect to each other without
 * a socket and without waiting. The same seed gives the same run, octet for octet.
 *
 * Every delivery is cut into pieces at random places, so that a receiver which depends on how a stream is cut fails.
 */

import { type Address, type Family, sameAddress } from "../../net/address.ts";
import { formatAddress } from "../../net/text.ts";
import type { DialTarget, Link, LinkEvents, Served, World } from "../world.ts";

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

interface Host {
  readonly addresses: readonly Address[];
  served: Served | undefined;
  wakeAtMs: number;
  up: boolean;
  readonly links: Set<VirtualLink>;
}

export class VirtualNetwork {
  /** One way, for every link. */
  readonly latencyMs: number;
  /** Octets on their way on one link before `write` answers false. */
  readonly windowOctets: number;
  readonly #random: () => number;
  readonly #hosts: Host[] = [];
  readonly #cuts = new Set<string>();
  #tasks: Task[] = [];
  #order = 0;
  #nowMs = 0;

  constructor(settings: { seed: number; latencyMs?: number; windowOctets?: number }) {
    this.#random = randomFrom(settings.seed);
    this.latencyMs = settings.latencyMs ?? 1;
    this.windowOctets = settings.windowOctets ?? 65_536;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** A machine with these addresses. The first is the source of what it dials, unless the target says another. */
  host(...addresses: Address[]): { world: World; crash: () => void } {
    const host: Host = {
      addresses,
      served: undefined,
      wakeAtMs: Number.POSITIVE_INFINITY,
      up: true,
      links: new Set(),
    };
    this.#hosts.push(host);
    const world: World = {
      now: () => this.#nowMs,
      random: this.#random,
      serve: (speaker) => {
        host.served = speaker;
      },
      wakeAt: (atMs) => this.#wake(host, atMs),
      dial: (target, events) => this.#dial(host, target, events),
    };
    return { world, crash: () => this.#crash(host) };
  }

  /** Octets on this way are lost, in silence, until {@link heal}; those on the way back are not. */
  cut(from: Address, to: Address): void {
    this.#cuts.add(wayOf(from, to));
  }

  heal(from: Address, to: Address): void {
    this.#cuts.delete(wayOf(from, to));
  }

  isCut(from: Address, to: Address): boolean {
    return this.#cuts.has(wayOf(from, to));
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#tasks.length > 0 && this.#tasks[0]!.atMs <= untilMs) this.#next();
    this.#nowMs = untilMs;
  }

  /**
   * Runs until `holds`, looked at after every task.
   * @throws Error when it does not within `limitMs`
   */
  until(holds: () => boolean, limitMs = 60_000): void {
    const untilMs = this.#nowMs + limitMs;
    while (!holds()) {
      if (this.#tasks.length === 0 || this.#tasks[0]!.atMs > untilMs) {
        throw new Error(`did not come true within ${limitMs} ms of virtual time`);
      }
      this.#next();
    }
  }

  /** Runs `task` after `delayMs`; tasks of one instant run in the order in which they were given. */
  after(delayMs: number, task: () => void): void {
    const entry: Task = { atMs: this.#nowMs + delayMs, order: this.#order++, run: task };
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#tasks[middle]!.atMs <= entry.atMs) low = middle + 1;
      else high = middle;
    }
    this.#tasks.splice(low, 0, entry);
  }

  /** A number in 1..limit. */
  cutAt(limit: number): number {
    return 1 + Math.floor(this.#random() * limit);
  }

  #next(): void {
    const task = this.#tasks.shift()!;
    this.#nowMs = task.atMs;
    task.run();
  }

  #wake(host: Host, atMs: number): void {
    host.wakeAtMs = atMs;
    this.after(Math.max(0, atMs - this.#nowMs), () => {
      if (!host.up || host.wakeAtMs !== atMs) return;
      host.wakeAtMs = Number.POSITIVE_INFINITY;
      host.served?.turn();
    });
  }

  #dial(from: Host, target: DialTarget, events: LinkEvents): Link {
    const localAddress =
      target.localAddress ??
      from.addresses.find((a) => a.family === target.address.family) ??
      from.addresses[0]!;
    const near = new VirtualLink(this, target.address, localAddress, from);
    near.events = events;
    this.after(2 * this.latencyMs, () => {
      const to = this.#hosts.find((h) => h.up && h.addresses.some((a) => sameAddress(a, target.address)));
      const ways = [wayOf(localAddress, target.address), wayOf(target.address, localAddress)];
      if (!near.open || ways.some((way) => this.#cuts.has(way))) return;
      if (to?.served === undefined) near.fail("connection refused");
      else connect(near, new VirtualLink(this, localAddress, target.address, to), to.served);
    });
    return near;
  }

  #crash(host: Host): void {
    host.up = false;
    for (const link of host.links) link.abort();
  }
}

function connect(near: VirtualLink, far: VirtualLink, served: Served): void {
  near.peer = far;
  far.peer = near;
  near.events?.connected();
  far.events = served.accept(far);
  if (far.events === undefined) far.abort();
}

class VirtualLink implements Link {
  readonly remote: Address;
  readonly local: Address;
  events: LinkEvents | undefined;
  peer: VirtualLink | undefined;
  open = true;
  readonly #network: VirtualNetwork;
  readonly #host: Host;
  #inFlight = 0;
  #blocked = false;

  constructor(network: VirtualNetwork, remote: Address, local: Address, host: Host) {
    this.#network = network;
    this.remote = remote;
    this.local = local;
    this.#host = host;
    host.links.add(this);
  }

  localIn(family: Family): Address | undefined {
    return family === this.local.family ? this.local : this.#host.addresses.find((a) => a.family === family);
  }

  write(octets: Uint8Array): boolean {
    if (!this.open) return false;
    this.#inFlight += octets.length;
    this.#network.after(this.#network.latencyMs, () => this.#deliver(octets));
    if (this.#inFlight < this.#network.windowOctets) return true;
    this.#blocked = true;
    return false;
  }

  close(): void {
    this.#leave("closed by the peer");
  }

  abort(): void {
    this.#leave("reset by the peer");
  }

  /** The connection ends for this side, which is told. */
  fail(reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.#host.links.delete(this);
    this.events?.closed(reason);
  }

  #leave(reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.#host.links.delete(this);
    const { peer } = this;
    this.#network.after(this.#network.latencyMs, () => {
      if (!this.#network.isCut(this.local, this.remote)) peer?.fail(reason);
    });
  }

  #deliver(octets: Uint8Array): void {
    // A cut link keeps its octets on the way: the window fills, as TCP's does.
    if (this.#network.isCut(this.local, this.remote)) return;
    this.#inFlight -= octets.length;
    for (let at = 0; at < octets.length && this.peer?.open === true; ) {
      const end = Math.min(octets.length, at + this.#network.cutAt(octets.length));
      this.peer.events?.received(octets.slice(at, end));
      at = end;
    }
    if (this.open && this.#blocked && this.#inFlight < this.#network.windowOctets) {
      this.#blocked = false;
      this.events?.drained();
    }
  }
}

const wayOf = (from: Address, to: Address): string => `${formatAddress(from)} ${formatAddress(to)}`;

/** mulberry32: small, seeded, good enough for tests. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
