/**
 * A BGP speaker: its peers, its RIB, and the order in which it works.
 *
 * Whatever comes in (octets, timers, calls of the API) only marks what has to be looked at. The looking is done in turns
 * of a few milliseconds: timers first, so that keepalives are on time; then decisions; then UPDATEs, as many as the
 * links take. What is left waits for the next turn, in sets that cannot outgrow one bit per prefix.
 */

import type { Address, Family, Prefix } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import { NO_ATTRIBUTES } from "../rib/attribute-pool.ts";
import type { NextHopNeeds, NextHopTold } from "../rib/next-hops.ts";
import type { PeerId } from "../rib/peer-table.ts";
import { Rib } from "../rib/rib.ts";
import type { AdvertisedRoute, Page, ReceivedRoute } from "../rib/snapshot.ts";
import { cease } from "../wire/notification.ts";
import { CEASE } from "./cease.ts";
import { Deferral, type Learned } from "./deferral.ts";
import type { SpeakerEvent } from "./events.ts";
import { Filters } from "./filters.ts";
import { Inbound } from "./inbound.ts";
import { attributesOf } from "./local-routes.ts";
import type { Monitor, MonitoredSession } from "./monitor.ts";
import type { LocalRoute, PeerOptions, SpeakerOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Peer } from "./peer.ts";
import { PeerBook } from "./peer-book.ts";
import type { PeerOrder } from "./peer-halt.ts";
import { protectionOf, remoteKey, someoneOn } from "./peer-options.ts";
import { ribOptions } from "./rib-options.ts";
import { RouteChanges, type RouteListener } from "./route-changes.ts";
import type { RouteFeed } from "./route-feed.ts";
import { Rpki } from "./rpki.ts";
import type { Recipient, Shared } from "./shared.ts";
import {
  advertisedAt,
  advertisedPage,
  advertisedRoutes,
  type ExportSnapshot,
  exportSnapshots,
  isUsed,
  type PeerSnapshot,
  peerSnapshot,
  type RouteFilterOptions,
  type RouteSnapshot,
  receivedRoutes,
  routePage,
  routeSnapshots,
} from "./snapshots.ts";
import { TurnedAway } from "./turned-away.ts";
import { type Bench, Work } from "./work.ts";
import type { Link, LinkEvents, World } from "./world.ts";

/** How long one turn may work before it lets others have theirs. */
const TURN_MS = 4;

/** `text` is for the operators of the other side (RFC 9003). */
export type StopHow = { readonly graceful: true; readonly text?: string } | { readonly text: string };

export class Speaker {
  readonly options: SpeakerOptions;
  /** @internal For this library's own tests, which look underneath. */
  readonly rib: Rib;
  /** Origin validation: its caches, and what they say. */
  readonly rpki: Rpki;
  readonly #world: World;
  readonly #shared: Shared;
  readonly #inbound: Inbound;
  readonly #work: Work;
  readonly #changes: RouteChanges;
  readonly #filters: Filters;
  readonly #deferral: Deferral = new Deferral();
  readonly #peers: PeerBook = new PeerBook();
  readonly #turnedAway: TurnedAway = new TurnedAway();
  readonly #recipients: Map<PeerId, Recipient> = new Map();
  readonly #monitors: Set<Monitor> = new Set();
  readonly #nextHopListeners: Set<(needs: NextHopNeeds) => void> = new Set();
  readonly #eventListeners: Set<(event: SpeakerEvent) => void> = new Set();
  #flushWaiters: (() => void)[] = [];
  #complete = false;
  #stopped = false;
  #wakeAtMs: number = Number.POSITIVE_INFINITY;
  #inTurn = false;

  constructor(options: SpeakerOptions, world: World) {
    this.options = options;
    this.#world = world;
    this.rib = new Rib(ribOptions(options));
    this.rpki = new Rpki({
      asn: options.asn,
      world,
      emit: (event) => this.#emit(event),
      changed: () => this.#wake(world.now()),
      rearmed: (atMs) => this.#wake(atMs),
    });
    this.#filters = new Filters(options.asn, this.rpki.vrps);
    this.#shared = {
      options,
      world,
      rib: this.rib,
      monitors: this.#monitors,
      restarting: () => !this.#complete,
      filters: this.#filters,
      turnAway: (link, notification) => this.#turnedAway.tell(link, notification, world.now()),
      emit: (peer, event) => this.#emit({ peer, ...event }),
      bind: (id, recipient) => {
        if (recipient === undefined) this.#recipients.delete(id);
        else this.#recipients.set(id, recipient);
      },
      wake: () => this.#wake(world.now()),
      rearmed: (atMs) => this.#wake(atMs),
    };
    this.#inbound = new Inbound(this.rib);
    this.#changes = new RouteChanges(this.rib, options.marks);
    const outbox = new Outbox(this.rib.pool, {
      write: (peer, octets, messages) => this.#recipients.get(peer)?.write(octets, messages),
    });
    const isReady = (peer: PeerId): boolean => this.#recipients.get(peer)?.isReady === true;
    const nowMs = (): number => world.now();
    const spared: Bench["spared"] = (peer, family, prefixes) =>
      this.#recipients.get(peer)?.exports.spared(family, prefixes);
    const of = { rib: this.rib, vrps: this.rpki.vrps, changes: this.#changes, monitors: this.#monitors };
    this.#work = new Work({ ...of, outbox, isReady, spared, nowMs });
    world.serve({ turn: () => this.#turn(), accept: (link) => this.#accept(link) });
  }

  /**
   * Says which peers there are to be. Those not named any more are told so and forgotten; a session goes on where
   * nothing changed that was agreed on in its OPEN; another policy acts on the routes that are there.
   * @throws Error when a password or ttlSecurity cannot be had, or a policy or localAs is wrong; then no peer is changed
   */
  setPeers(wanted: readonly PeerOptions[]): void {
    this.#filters.renew(wanted);
    this.#world.protect(wanted.map(protectionOf));
    const before = new Map(this.#peers.byKey);
    this.#peers.options = wanted;
    for (const options of wanted) {
      if ("address" in options.remote) this.#setPeer(options.remote.address, options, before);
      else if ("interface" in options.remote)
        this.#setPeer(someoneOn(options.remote.interface), options, before);
    }
    for (const [key, peer] of before) {
      const range = peer.dynamic ? this.#peers.rangeOf(peer.address) : undefined;
      if (range !== undefined) peer.configure(range);
      else this.#remove(key, peer);
    }
    this.#wake(this.#world.now());
  }

  /**
   * Originates these, or replaces what was originated for the same prefixes.
   * @throws RangeError when one fits into no message; those before it are announced
   */
  announce(routes: readonly LocalRoute[]): void {
    for (const route of routes) {
      const attrs = this.rib.pool.intern(attributesOf(route));
      if (attrs === NO_ATTRIBUTES) throw new RangeError("attributes longer than any message");
      this.rib.of(route.prefix.family).received.originate(route.prefix, attrs, route.tag);
      this.rib.pool.release(attrs);
    }
    this.#wake(this.#world.now());
  }

  /** Takes back what {@link announce} said. Prefixes that were not announced are passed over. */
  withdraw(prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) this.rib.of(prefix.family).received.abandon(prefix);
    this.#wake(this.#world.now());
  }

  /** Says whether the forwarding plane holds the best paths of these. */
  markInstalled(prefixes: readonly Prefix[], installed: boolean): void {
    for (const prefix of prefixes) this.rib.of(prefix.family).best.setInstalled(prefix, installed);
    this.#wake(this.#world.now());
  }

  /**
   * Resolves when all that was said before has been decided and handed to the sockets of every peer that takes octets.
   */
  flushed(): Promise<void> {
    this.#wake(this.#world.now());
    return new Promise((resolve) => this.#flushWaiters.push(resolve));
  }

  /**
   * Says what is known of next hops; paths over them are decided again. One that nobody spoke of is reachable at metric
   * 0, or, with {@link SpeakerOptions.tracksNextHops}, not reachable.
   */
  setNextHops(told: readonly NextHopTold[]): void {
    this.rib.setNextHops(told);
    this.#wake(this.#world.now());
  }

  /**
   * Hears which next hops accepted paths begin to need, to be answered by {@link setNextHops}, and which they need no
   * more. Only with {@link SpeakerOptions.tracksNextHops}. Returns what stops it.
   */
  onNextHops(listener: (needs: NextHopNeeds) => void): () => void {
    this.#nextHopListeners.add(listener);
    return () => this.#nextHopListeners.delete(listener);
  }

  /**
   * Says which router is at the other end of an interface, as a router advertisement of it shows: a peer by that
   * interface is there. The address is link-local, with the interface as its zone.
   */
  setNeighbour(address: Address): void {
    this.#peers.behind(address.zone)?.link.meet(address);
    this.#wake(this.#world.now());
  }

  /**
   * Says that a link went down: sessions with link-local addresses behind it, and those with other ASes in one of its
   * networks, end at once with their routes. Or that it came up: their peers are tried without waiting.
   */
  setLink(name: string, networks: readonly Prefix[], up: boolean): void {
    for (const peer of this.#peers.onLink(name, networks, this.options.asn)) peer.link.turned(up);
    this.#wake(this.#world.now());
  }

  /** Hears of every prefix whose best paths changed, in batches. Returns what stops it. */
  onRoutes(listener: RouteListener): () => void {
    return this.#changes.listen(listener);
  }

  /** As {@link onRoutes}, for millions of prefixes. `changed` is called after each turn that changed something more. */
  follow(changed: () => void): RouteFeed {
    return this.#changes.follow(changed, () => this.#wake(this.#world.now()));
  }

  /** Hears what happens to peers: for logs and metrics. Returns what stops it. */
  onEvent(listener: (event: SpeakerEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Relays what passes between us and the peers, as it stands. Returns what stops it. */
  monitor(monitor: Monitor): () => void {
    this.#monitors.add(monitor);
    return () => this.#monitors.delete(monitor);
  }

  /** Those that are up, as monitors know them. */
  sessions(): readonly MonitoredSession[] {
    return [...this.#peers].flatMap(({ watch }) => watch.session ?? []);
  }

  /** All that the caller wants is announced: peers that wait for our End-of-RIB may have it (RFC 4724 §4.1). */
  complete(): void {
    this.#complete = true;
    this.#wake(this.#world.now());
  }

  /** Names peers of ranges that {@link learned} waits for too. */
  expect(addresses: readonly Address[]): void {
    this.#deferral.expect(addresses);
  }

  /**
   * Resolves when every peer configured by address, and every one that is expected, has told all that it knows, or when
   * `deferralMs` have passed. What the forwarding plane still holds from before and nobody announces may then go.
   */
  learned(deferralMs: number): Promise<Learned> {
    this.#wake(this.#world.now());
    return this.#deferral.wait(this.#world.now() + deferralMs);
  }

  /**
   * Ends every session. Graceful: in a way after which peers that do graceful restart keep our routes for the restart
   * time. Else: Cease, Administrative Shutdown, after which nobody does. Nothing is accepted after.
   */
  stop(how: StopHow): void {
    this.#stopped = true;
    this.rpki.stop();
    for (const peer of this.#peers) {
      if ("graceful" in how) peer.suspend(how.text);
      else peer.stop(cease(CEASE.shutdown, how.text), "stopped");
    }
  }

  /** What an operator wants of one peer while it runs. False: there is no such peer. */
  order(peer: Address, order: PeerOrder): boolean {
    const known = this.#peers.at(peer);
    known?.halt.obey(order);
    this.#wake(this.#world.now());
    return known !== undefined;
  }

  /** Every peer, those of ranges too. */
  peers(): readonly PeerSnapshot[] {
    const nowMs = this.#world.now();
    return Array.from(this.#peers, (peer) => peerSnapshot(peer, this.options, nowMs));
  }

  /** The Loc-RIB: every path of every prefix, with what became of it. */
  routes(filter: RouteFilterOptions = {}): Iterable<RouteSnapshot> {
    return routeSnapshots(this.rib, filter);
  }

  /** Whether a path of this very prefix is used. Cheaper than to ask for its {@link routes}. */
  reaches(prefix: Prefix): boolean {
    return isUsed(this.rib, prefix);
  }

  /** A part of {@link routes}: up to `limit` of one family, from a position on; 0 is the first. */
  routesFrom(family: Family, from: number, limit: number): Page<RouteSnapshot> {
    return routePage(this.rib, family, from, limit);
  }

  /** A part of {@link advertised}. */
  advertisedFrom(peer: Address, family: Family, from: number, limit: number): Page<AdvertisedRoute> {
    return advertisedPage(this.rib, this.#peers.at(peer), family, from, limit);
  }

  /** What of one prefix a peer was told: with ADD-PATH each path. Costs nothing for all the others. */
  advertisedAt(peer: Address, prefix: Prefix): readonly AdvertisedRoute[] {
    return advertisedAt(this.rib, this.#peers.at(peer), prefix);
  }

  /** What a peer was told. Empty when there is no such peer, or no session with it. */
  advertised(peer: Address): Iterable<AdvertisedRoute> {
    const known = this.#peers.at(peer);
    return known === undefined ? [] : advertisedRoutes(this.rib, known);
  }

  /** Why each peer is sent a prefix, or is not. */
  exportsOf(prefix: Prefix): readonly ExportSnapshot[] {
    return exportSnapshots(this.rib, this.#peers, prefix);
  }

  /** What a peer told us, the rejected too. Empty when there is no such peer. */
  received(peer: Address): Iterable<ReceivedRoute> {
    const ribId = this.#peers.at(peer)?.ribId;
    return ribId === undefined ? [] : receivedRoutes(this.rib, ribId);
  }

  /** A part of {@link received}. */
  receivedFrom(peer: Address, family: Family, from: number, limit: number): Page<ReceivedRoute> {
    const ribId = this.#peers.at(peer)?.ribId;
    if (ribId === undefined) return { rows: [], next: -1 };
    return this.rib.of(family).snapshot.received(ribId, from, limit);
  }

  #setPeer(address: Address, options: PeerOptions, before: Map<string, Peer>): void {
    const key = remoteKey(options);
    const known = before.get(key);
    if (known !== undefined && !known.dynamic) {
      before.delete(key);
      known.configure(options);
      return;
    }
    const peer = new Peer(this.#shared, this.#inbound, address, false, options);
    if (known !== undefined) {
      before.delete(key);
      this.#remove(key, known);
    }
    this.#peers.byKey.set(key, peer);
    peer.start();
  }

  #remove(key: string, peer: Peer): void {
    this.#peers.byKey.delete(key);
    peer.remove();
    if (peer.dynamic) this.#emit({ peer: peer.address, on: "dynamic-peer-gone" });
  }

  /** Strangers are refused before anything is kept for them. */
  #accept(link: Link): LinkEvents | undefined {
    if (this.#stopped) return undefined;
    const known = this.#peers.forRemote(link.remote);
    if (known !== undefined) return known.accept(link);
    const options = this.#peers.rangeOf(link.remote);
    if (options === undefined || !this.#peers.hasRoom(options)) {
      this.#emit({ peer: link.remote, on: "stranger-refused" });
      this.#shared.turnAway(link, cease(CEASE.rejected));
      return undefined;
    }
    const { shutdown } = options;
    if (shutdown !== undefined) {
      this.#shared.turnAway(link, cease(CEASE.shutdown, shutdown === true ? undefined : shutdown));
      return undefined;
    }
    const peer = new Peer(this.#shared, this.#inbound, link.remote, true, options);
    this.#peers.byKey.set(formatAddress(link.remote), peer);
    this.#emit({ peer: link.remote, on: "dynamic-peer-created" });
    peer.start();
    return peer.accept(link);
  }

  #emit(event: SpeakerEvent): void {
    for (const listener of this.#eventListeners) listener(event);
  }

  #wake(atMs: number): void {
    if (this.#inTurn || this.#stopped || atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.#world.wakeAt(atMs);
  }

  #nextDeadline(): number {
    let next = Math.min(this.#deferral.nextDeadline(), this.rpki.nextDeadline(), this.#work.nextDeadline());
    for (const peer of this.#peers) next = Math.min(next, peer.nextDeadline());
    return next;
  }

  #turn(): void {
    if (this.#stopped) return;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#inTurn = true;
    const nowMs = this.#world.now();
    for (const [key, peer] of this.#peers.byKey) {
      if (peer.nextDeadline() <= nowMs) peer.expire(nowMs);
      if (peer.isGone) this.#remove(key, peer);
    }
    this.rpki.expire(nowMs);
    const more = this.#work.some(nowMs + TURN_MS);
    for (const peer of this.#peers) peer.sendEnds(this.#holdsEndOfRib);
    this.#changes.flush();
    if (!more) {
      this.#work.tidy(nowMs);
      this.#deferral.settle(nowMs, () => this.#peers.missing(this.#deferral.expected));
      for (const resolve of this.#flushWaiters.splice(0)) resolve();
    }
    this.#inTurn = false;
    const needs = this.rib.pool.nextHops.takeNeeds();
    if (needs !== undefined) for (const listener of this.#nextHopListeners) listener(needs);
    this.#wake(more ? nowMs : this.#nextDeadline());
  }

  /** RFC 4724 §4.1: after a restart, peers would take what they have not been told by then for gone. */
  get #holdsEndOfRib(): boolean {
    return this.options.gracefulRestart?.restarting === true && !this.#complete;
  }
}
