/**
 * A network in memory, on virtual time, from a seed: speakers that are given its worlds connect to each other without
 * a socket and without waiting. The same seed gives the same run, octet for octet.
 *
 * Every delivery is cut into pieces at random places, so that a receiver which depends on how a stream is cut fails.
 */

import { type Address, contains, type Family, hostPrefix, sameAddress } from "../../net/address.ts";
import { formatAddress } from "../../net/text.ts";
import type { DialTarget, Link, LinkEvents, Ports, Protection, Served, World } from "../world.ts";
import { VirtualBfd } from "./virtual-bfd.ts";

interface Task {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

interface Host {
  readonly addresses: readonly Address[];
  served: Served | undefined;
  /** Of its listener. */
  protection: readonly Protection[];
  wakeAtMs: number;
  up: boolean;
  readonly links: Set<VirtualLink>;
}

export class VirtualNetwork {
  /** One way, for every link. */
  readonly latencyMs: number;
  /** Octets on their way on one link before `write` answers false. */
  readonly windowOctets: number;
  /** Added to the latency, from 0 up to this, for every write: links then deliver in any order, each in its own. */
  jitterMs = 0;
  readonly #random: () => number;
  readonly #hosts: Host[] = [];
  readonly #bfd: VirtualBfd = new VirtualBfd(this);
  readonly #cuts = new Set<string>();
  /** Links with something to deliver when their way is healed. */
  readonly #stuck = new Set<VirtualLink>();
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

  /** Timers and deliveries to come. 0: nothing will ever happen again. */
  get pendingTasks(): number {
    return this.#tasks.length;
  }

  /** A machine with these addresses. The first is the source of what it dials, unless the target says another. */
  host(...addresses: Address[]): { world: World; crash: () => void } {
    const host: Host = {
      addresses,
      served: undefined,
      protection: [],
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
      protect: (peers) => {
        host.protection = peers;
      },
      dial: (target, events) => this.#dial(host, target, events),
      watch: (target, heard) => {
        const own = addresses.find(({ family }) => family === target.address.family);
        return this.#bfd.watch(target.localAddress ?? own!, target, heard, () => host.up);
      },
    };
    return { world, crash: () => this.#crash(host) };
  }

  /**
   * Nothing arrives on this way until {@link heal}; what is on the way back does. As TCP sends again what was lost, it
   * is late and not missing; only a reset is never sent again.
   */
  cut(from: Address, to: Address): void {
    this.#cuts.add(wayOf(from, to));
  }

  heal(from: Address, to: Address): void {
    this.#cuts.delete(wayOf(from, to));
    const stuck = [...this.#stuck];
    this.#stuck.clear();
    for (const link of stuck) this.after(this.latencyMs, () => link.flow());
  }

  /** Both ends of every connection between these see it break; what was on the way is lost. */
  reset(a: Address, b: Address): void {
    for (const host of this.#hosts) {
      for (const link of [...host.links]) {
        const ends = [wayOf(link.local, link.remote), wayOf(link.remote, link.local)];
        if (ends.includes(wayOf(a, b))) link.fail("reset in between");
      }
    }
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

  /** For a link that finds its way cut. */
  holdBack(link: VirtualLink): void {
    this.#stuck.add(link);
  }

  /** Is there a machine with this address that would answer? */
  answers(address: Address): boolean {
    return this.#hostAt(address) !== undefined;
  }

  /** How long a write made now takes. */
  travelMs(): number {
    return this.jitterMs === 0 ? this.latencyMs : this.latencyMs + this.#random() * this.jitterMs;
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
      const to = this.#hostAt(target.address);
      const ways = [wayOf(localAddress, target.address), wayOf(target.address, localAddress)];
      if (!near.open || ways.some((way) => this.#cuts.has(way))) return;
      if (to !== undefined && passwordFor(to, localAddress) !== target.password) return;
      if (to?.served === undefined) near.fail("connection refused");
      else connect(near, new VirtualLink(this, localAddress, target.address, to), to.served);
    });
    return near;
  }

  #hostAt(address: Address): Host | undefined {
    return this.#hosts.find((h) => h.up && h.addresses.some((a) => sameAddress(a, address)));
  }

  #crash(host: Host): void {
    host.up = false;
    for (const link of host.links) link.abort();
    this.#hosts.splice(this.#hosts.indexOf(host), 1);
  }
}

function connect(near: VirtualLink, far: VirtualLink, served: Served): void {
  near.peer = far;
  far.peer = near;
  near.events?.connected();
  far.events = served.accept(far);
  if (far.events === undefined) far.abort();
}

/** What travels: octets, or the news that the sender has closed (which waits its turn) or was aborted. */
type Segment = Uint8Array | "closed by the peer" | "reset by the peer";

class VirtualLink implements Link {
  readonly remote: Address;
  readonly local: Address;
  events: LinkEvents | undefined;
  peer: VirtualLink | undefined;
  open = true;
  readonly #network: VirtualNetwork;
  readonly #host: Host;
  #sent: Segment[] = [];
  /** Of them, those whose time has come. */
  #due = 0;
  #lastAtMs = 0;
  #inFlight = 0;
  #blocked = false;

  constructor(network: VirtualNetwork, remote: Address, local: Address, host: Host) {
    this.#network = network;
    this.remote = remote;
    this.local = local;
    this.#host = host;
    host.links.add(this);
  }

  /** There is one service here, and one connection at most from anybody. */
  get ports(): Ports {
    return { local: 179, remote: 179 };
  }

  localIn(family: Family): Address | undefined {
    return family === this.local.family ? this.local : this.#host.addresses.find((a) => a.family === family);
  }

  get globalBeside(): Address | undefined {
    return this.#host.addresses.find((a) => a.family === 6 && a.zone === undefined);
  }

  hearNeighbourOnly(): void {
    // There are no routers here.
  }

  write(octets: Uint8Array): boolean {
    if (!this.open) return false;
    this.#inFlight += octets.length;
    this.#send(octets);
    if (this.#inFlight < this.#network.windowOctets) return true;
    this.#blocked = true;
    return false;
  }

  close(): void {
    if (this.#leave()) this.#send("closed by the peer");
  }

  abort(): void {
    if (!this.#leave()) return;
    this.#sent = [];
    this.#send("reset by the peer");
  }

  /** The connection ends for this side, which is told. */
  fail(reason: string): void {
    if (this.#leave()) this.events?.closed(reason);
  }

  /** Delivers what is due, unless the way is cut. */
  flow(): void {
    while (this.#due > 0 && this.#sent.length > 0) {
      const [segment] = this.#sent;
      const isCut = this.#network.isCut(this.local, this.remote);
      if (isCut && segment !== "reset by the peer") {
        this.#network.holdBack(this);
        return;
      }
      this.#due--;
      this.#sent.shift();
      if (!isCut) this.#deliver(segment!);
    }
  }

  #leave(): boolean {
    const was = this.open;
    this.open = false;
    this.#host.links.delete(this);
    return was;
  }

  #send(segment: Segment): void {
    const { nowMs } = this.#network;
    this.#lastAtMs = Math.max(this.#lastAtMs, nowMs + this.#network.travelMs());
    this.#sent.push(segment);
    this.#network.after(this.#lastAtMs - nowMs, () => {
      this.#due = Math.min(this.#due + 1, this.#sent.length);
      this.flow();
    });
  }

  #deliver(segment: Segment): void {
    const { peer } = this;
    if (typeof segment === "string") {
      peer?.fail(segment);
      return;
    }
    this.#inFlight -= segment.length;
    if (peer?.open === true) this.#hand(segment, peer);
    // As TCP answers octets for a connection that it does not know, where there is anybody to answer.
    else if (this.open && peer !== undefined && this.#network.answers(this.remote)) {
      peer.#send("reset by the peer");
    }
    if (this.open && this.#blocked && this.#inFlight < this.#network.windowOctets) {
      this.#blocked = false;
      this.events?.drained();
    }
  }

  #hand(octets: Uint8Array, peer: VirtualLink): void {
    for (let at = 0; at < octets.length && peer.open; ) {
      const end = Math.min(octets.length, at + this.#network.cutAt(octets.length));
      peer.events?.received(octets.slice(at, end));
      at = end;
    }
  }
}

/** As the kernel finds it (RFC 2385): the key of the longest prefix. */
function passwordFor({ protection }: Host, from: Address): string | undefined {
  let found: { readonly length: number; readonly password: string } | undefined;
  for (const { remote, password } of protection) {
    const range = "range" in remote ? remote.range : hostPrefix(remote.address);
    if (password === undefined || !contains(range, from)) continue;
    if (found === undefined || range.length > found.length) found = { length: range.length, password };
  }
  return found?.password;
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
