/**
 * One peer: its connection (two, while the peer opens one of its own beside ours), its session, and its place in the
 * RIB, which outlives a session that is to be restarted gracefully.
 */

import type { Event, Settings } from "../fsm/state.ts";
import type { Address, Family } from "../net/address.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { Refusal } from "../wire/fault.ts";
import { familyOf, type Notification, type Open, type RouteRefresh } from "../wire/messages.ts";
import { cease } from "../wire/notification.ts";
import { CEASE, forGood, forRestart } from "./cease.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { PeerEvent } from "./events.ts";
import { closeSource, type Inbound, openSource, type Source } from "./inbound.ts";
import { Learning } from "./learning.ts";
import type { Loss } from "./loss.ts";
import { offerTo } from "./offer.ts";
import { judgeOpen, loserOf, machineSettings, sessionUp } from "./opening.ts";
import type { PeerOptions } from "./options.ts";
import { type PathCounts, pathCountsOf } from "./path-counts.ts";
import { importLimitsOf, pathRulesOf, ribSettings } from "./path-settings.ts";
import { BFD_DOWN, type BfdSnapshot, farewellOf, PeerBfd } from "./peer-bfd.ts";
import { PeerErrorLog } from "./peer-error-log.ts";
import { PeerExports } from "./peer-exports.ts";
import { PeerHalt } from "./peer-halt.ts";
import { PeerLink } from "./peer-link.ts";
import { needsReset, protectionOf, sessionAsn } from "./peer-options.ts";
import { PeerWatch } from "./peer-watch.ts";
import { RestartHelper } from "./restart-helper.ts";
import type { Recipient, Shared } from "./shared.ts";
import { Traffic } from "./traffic.ts";
import type { DialTarget, Link, LinkEvents } from "./world.ts";

export class Peer implements ConnectionOwner, Recipient {
  readonly link: PeerLink;
  /** From a range rather than configured by address. */
  readonly dynamic: boolean;
  options: PeerOptions;
  readonly traffic: Traffic = new Traffic();
  readonly errors: PeerErrorLog = new PeerErrorLog();
  readonly exports: PeerExports;
  readonly bfd: PeerBfd;
  readonly halt: PeerHalt;
  readonly watch: PeerWatch;
  /** From the first session on. */
  ribId: PeerId | undefined;
  /** Sessions lost. */
  flaps = 0;
  readonly learning: Learning = new Learning();
  drains = false;
  readonly helper: RestartHelper;
  readonly #shared: Shared;
  readonly #inbound: Inbound;
  #connection: Connection;
  #second: Connection | undefined;
  #wasUp = false;
  /** Of the session: made once, not for every message. */
  #source: Source | undefined;

  constructor(shared: Shared, inbound: Inbound, address: Address, dynamic: boolean, options: PeerOptions) {
    this.#shared = shared;
    this.#inbound = inbound;
    this.helper = new RestartHelper(shared.rib, shared.options.gracefulRestart?.staleSeconds);
    this.link = new PeerLink(this, address, options);
    this.dynamic = dynamic;
    this.options = options;
    this.exports = new PeerExports(shared, this);
    this.bfd = new PeerBfd(shared.world, this);
    this.halt = new PeerHalt(this, options);
    this.watch = new PeerWatch(shared, this);
    this.#connection = new Connection(shared.world, this);
  }

  get address(): Address {
    return this.link.where.address;
  }

  get connection(): Connection {
    return this.#connection;
  }

  get negotiated(): Negotiated | undefined {
    return this.#connection.state.at === "established" ? this.#connection.negotiated : undefined;
  }

  get isReady(): boolean {
    return this.#connection.writable;
  }

  write(octets: Uint8Array, messages: number): void {
    this.traffic.sent("update", messages);
    this.watch.sent(octets);
    this.#connection.write(octets);
  }

  /** A dynamic peer that has no connection, owes no wait and left nothing behind. */
  get isGone(): boolean {
    return (
      this.dynamic &&
      this.#connection.state.at === "active" &&
      this.#second === undefined &&
      this.helper.deadlineMs === Number.POSITIVE_INFINITY
    );
  }

  nextDeadline(): number {
    return Math.min(
      this.#connection.nextDeadline(),
      this.#second?.nextDeadline() ?? Number.POSITIVE_INFINITY,
      this.helper.deadlineMs,
      this.halt.deadlineMs,
    );
  }

  expire(nowMs: number): void {
    this.#connection.expire();
    this.#second?.expire();
    if (this.halt.deadlineMs <= nowMs) this.halt.end();
    if (this.helper.deadlineMs > nowMs || this.ribId === undefined) return;
    for (const event of this.helper.expire(this.ribId, nowMs)) {
      if (event.on === "stale-expired" && event.sweptPaths > 0) this.watch.swept();
      this.#emit(event);
    }
    this.#shared.wake();
  }

  start(): void {
    if (this.halt.current !== undefined) return;
    this.bfd.configure(this.options.bfd);
    this.#connection.feed({ on: "start" }, "started");
  }

  /** Tells everything again, and asks for everything again, on the session as it is. */
  exchangeAgain(): void {
    if (this.ribId !== undefined) this.exports.refresh(this.ribId);
  }

  sendEnds(holdsEndOfRib: boolean): void {
    if (this.ribId !== undefined && this.isReady) this.exports.sendEnds(this.ribId, holdsEndOfRib);
  }

  /** Ends whatever there is, for good or until {@link start}. */
  stop(notification: Notification, words: string): void {
    this.#second?.feed({ on: "stop", how: "manual", notification }, words);
    const last = forGood(this.negotiated, notification);
    this.#connection.feed({ on: "stop", how: "manual", notification: last }, words);
  }

  /** As {@link stop}; what waited for the peer's return is not waited for any more. */
  stopForGood(notification: Notification, words: string): void {
    this.stop(notification, words);
    if (this.ribId !== undefined && this.helper.giveUp(this.ribId) > 0) this.watch.swept();
  }

  /** Ends the session so that a peer which does graceful restart keeps our routes. */
  suspend(text: string | undefined): void {
    this.#second?.abandon();
    const last = forRestart(this.negotiated, text);
    if (last === undefined) this.#connection.abandon();
    else this.#connection.feed({ on: "stop", how: "manual", notification: last }, "stopped");
  }

  /** Forgets its paths. The peer is not used after that. */
  remove(): void {
    this.bfd.end();
    this.stop(cease(CEASE.deconfigured), "removed from the configuration");
    if (this.ribId === undefined) return;
    this.#shared.bind(this.ribId, undefined);
    this.#shared.rib.removePeer(this.ribId);
    this.ribId = undefined;
    this.#shared.wake();
  }

  /** New settings: what can change on a running session does; what was agreed on in the OPEN begins a new one. */
  configure(options: PeerOptions): void {
    const before = this.options;
    this.options = options;
    const changed = this.halt.configure(before, options);
    if (!changed && needsReset(before, options)) {
      this.stop(cease(CEASE.changed), "settings of the session changed");
      this.start();
    } else if (this.halt.current === undefined) this.bfd.configure(options.bfd);
    this.#judgeAgain();
  }

  drain(drained: boolean): void {
    this.drains = drained;
    this.#judgeAgain();
  }

  #judgeAgain(): void {
    if (this.ribId === undefined) return;
    const { rib, filters } = this.#shared;
    rib.setPeer(this.ribId, { ...rib.peers.get(this.ribId), ...ribSettings(this.options) });
    rib.setFilter(this.ribId, filters.importOf(this.options, this.drains), importLimitsOf(this.options));
    this.exports.move();
    this.#countPrefixes();
    this.#shared.wake();
  }

  /** A connection that the peer opened. Undefined: refused. */
  accept(link: Link): LinkEvents | undefined {
    if (!this.link.admits(link.remote)) return undefined;
    const { at } = this.#connection.state;
    if (this.options.ttlSecurity === true) link.hearNeighbourOnly();
    const { notice } = this.halt;
    if (notice !== undefined) {
      this.#shared.turnAway(link, notice);
      return undefined;
    }
    const replaces = at === "established" && this.settings(this.#connection).gracefulRestart;
    if (at === "idle" || at === "active" || replaces) return this.#connection.arrive(link);
    // The newest is the one that the peer believes in.
    this.#second?.abandon();
    // What has failed before counts on: else a peer would be forgiven by opening two connections.
    const { failures } = this.#connection.state;
    const second = new Connection(this.#shared.world, this, { at: "active", failures, attempts: 0 });
    this.#second = second;
    return second.arrive(link);
  }

  settings(connection: Connection): Settings {
    const { holdSeconds } = this.options;
    const listens = this.link.listensOnly || connection === this.#second;
    return machineSettings(listens, holdSeconds, connection.negotiated, this.#shared.world.random());
  }

  dialTarget(): DialTarget {
    const { options, address } = this;
    return { ...protectionOf(options), address, port: options.port, localAddress: options.localAddress };
  }

  offer(): Open {
    return offerTo(this.#shared, this.options, this.#wasUp);
  }

  opened(connection: Connection, offered: Open, open: Open): Negotiated | Refusal | undefined {
    const own = { ...this.#shared.options, asn: sessionAsn(this.#shared.options, this.options) };
    const negotiated = judgeOpen(open, offered, own, this.options, this.address.zone);
    if (negotiated instanceof Refusal) return negotiated;
    const other = connection === this.#second ? this.#connection : this.#second;
    if (other?.isContender !== true) return negotiated;
    const lost = loserOf(own, open, other, connection);
    this.#emit({ on: "collision", kept: (lost === other ? connection : other).initiator });
    lost.feed({ on: "collision-lost" }, "connection collision");
    return lost === other ? negotiated : undefined;
  }

  established(connection: Connection, negotiated: Negotiated): void {
    if (connection === this.#second) this.#promote();
    else this.#second?.feed({ on: "collision-lost" }, "connection collision");
    const { rib } = this.#shared;
    const { remoteAsn: asn, external, remoteRouterId: routerId } = negotiated;
    const ribPeer = { address: this.address, asn, external, routerId, ...ribSettings(this.options) };
    const filter = this.#shared.filters.importOf(this.options, this.drains);
    const ribId = this.ribId ?? rib.addPeer(ribPeer, filter, importLimitsOf(this.options));
    if (this.ribId === undefined) this.#shared.bind(ribId, this);
    else rib.setPeer(ribId, ribPeer);
    this.ribId = ribId;
    this.#wasUp = true;
    const rules = pathRulesOf(this.options, negotiated);
    this.#source = openSource(rib.pool.nextHops, ribId, negotiated, rules, connection.link?.local);
    this.helper.sessionBegan(ribId, negotiated, this.#shared.world.now());
    this.learning.begin(negotiated);
    this.exports.join(ribId, negotiated);
    this.watch.began(connection, negotiated);
    this.#emit(sessionUp(negotiated));
    this.#shared.wake();
  }

  lost(connection: Connection, negotiated: Negotiated, loss: Loss): void {
    this.flaps++;
    this.watch.ended(loss);
    const nowMs = this.#shared.world.now();
    const { reason } = this.halt.current ?? {};
    if (loss.cause !== "stopped" || reason === "max-prefixes") this.errors.note(loss.words, nowMs);
    closeSource(this.#shared.rib.pool.nextHops, this.#source);
    this.#source = undefined;
    let retained = false;
    if (this.ribId !== undefined) {
      this.exports.leave(this.ribId);
      retained = this.helper.sessionEnded(this.ribId, negotiated, loss, nowMs);
    }
    this.#emit({ on: "session-down", reason: loss.words, retained });
    this.#succeed(connection);
    this.link.settle();
    this.#shared.wake();
  }

  failed(connection: Connection, loss: Loss): void {
    if (loss.cause !== "stopped" && loss.cause !== "collision") {
      this.errors.note(loss.words, this.#shared.world.now());
      this.#emit({ on: "connection-failed", reason: loss.words });
    }
    this.#succeed(connection);
    this.link.settle();
  }

  notified(direction: "sent" | "received", notification: Notification): void {
    this.#emit(this.errors.notified(direction, notification, this.#shared.world.now()));
  }

  update(connection: Connection, message: Uint8Array): void {
    if (this.ribId === undefined || this.#source === undefined) return;
    const outcome = this.#inbound.take(message, this.#source);
    this.watch.updated(message, outcome.worst?.reaction);
    this.#shared.wake();
    const { worst, faults } = outcome;
    if (worst !== undefined) {
      this.#emit(this.errors.offend(worst, faults, message, this.#shared.world.now()));
      if (worst.reaction === "session-reset") {
        connection.feed({ on: "update-error", notification: worst.notification }, worst.why);
        return;
      }
    }
    if (outcome.endOfRib !== undefined) this.#takeEndOfRib(this.ribId, outcome.endOfRib);
    this.#countPrefixes();
  }

  refresh(_connection: Connection, refresh: RouteRefresh): void {
    const family = familyOf(refresh.afi, refresh.safi);
    // RFC 2918 §4: what was not negotiated, and RFC 7313 §5: what is not understood, is ignored.
    if (family === undefined || this.negotiated?.families.includes(family) !== true) return;
    if (this.ribId === undefined) return;
    if (refresh.subtype === "request") this.exports.resend(this.ribId, family);
    else if (this.helper.refresh(this.ribId, family, refresh.subtype, this.#shared.world.now()) > 0)
      this.watch.swept();
    this.#shared.wake();
  }

  keepalive(): void {
    if (this.learning.keepalive()) this.#shared.wake();
  }

  bfdChanged(snapshot: BfdSnapshot): void {
    this.#emit({ on: "bfd", ...snapshot });
  }

  bfdFell(restartable: boolean): void {
    if (this.negotiated === undefined) return;
    this.fell(farewellOf(this.negotiated, restartable), BFD_DOWN);
  }

  /** The way to the peer is gone; undefined: without a word, as a lost connection. */
  fell(notification: Notification | undefined, words: string): void {
    this.errors.note(words, this.#shared.world.now());
    const stop: Event = { on: "stop", how: "automatic", ...(notification && { notification }) };
    this.#connection.feed(notification === undefined ? { on: "tcp-failed" } : stop, words);
  }

  moved(): void {
    if (this.halt.current === undefined) this.bfd.configure(this.options.bfd);
  }

  haltChanged(event: PeerEvent): void {
    if (this.halt.current !== undefined) this.bfd.end();
    this.#emit(event);
  }

  drained(): void {
    this.#shared.wake();
  }

  rearmed(atMs: number): void {
    this.#shared.rearmed(atMs);
  }

  pathCounts(): PathCounts {
    return pathCountsOf(this.#shared.rib, this.ribId);
  }

  #takeEndOfRib(ribId: PeerId, family: Family): void {
    this.#emit({ on: "end-of-rib", family, sweptPaths: this.helper.endOfRib(ribId, family) });
    this.learning.endOfRib(family);
  }

  #countPrefixes(): void {
    const { maxPrefixes } = this.options;
    if (maxPrefixes === undefined || this.#source === undefined) return;
    this.halt.count(this.pathCounts().received, maxPrefixes, this.#shared.world.now());
  }

  /** After a connection ended: the second one takes the place of the first, or is forgotten. */
  #succeed(ended: Connection): void {
    if (ended === this.#second) this.#second = undefined;
    else if (this.#second !== undefined && ended.state.at === "idle") this.#promote();
  }

  /** The second connection is the one that stays. */
  #promote(): void {
    const old = this.#connection;
    this.#connection = this.#second!;
    this.#second = undefined;
    if (old.state.at === "idle" || old.state.at === "active") old.abandon();
    else old.feed({ on: "collision-lost" }, "connection collision");
  }

  #emit(event: PeerEvent): void {
    this.#shared.emit(this.address, event);
  }
}
