/** What happens to peers, as log lines: one per event, with codes that never change. */

import { formatAddress, formatEndpoint } from "../../bgp/net/text.ts";
import type { SpeakerEvent } from "../../bgp/speaker/events.ts";
import type { Clock } from "../../gateway/announcer.ts";
import { LineQuota } from "./line-quota.ts";
import type { Log } from "./log.ts";

/** Peers of ranges come and go, and what was told of them is remembered: of this many peers. */
export const REMEMBERED_PEERS = 4096;

/** Anyone can connect; this many lines about it are written in {@link STRANGER_MS}. */
export const STRANGER_LINES = 10;
export const STRANGER_MS = 60_000;

/** Lines about malformed UPDATEs of one peer in {@link MALFORMED_MS}. */
export const MALFORMED_LINES = 10;
const MALFORMED_MS = 60_000;

type OfPeer = Extract<SpeakerEvent, { readonly peer: unknown }>;
type OfCache = Extract<SpeakerEvent, { readonly cache: unknown }>;
type Malformed = OfPeer & { readonly on: "malformed-update" };
type Wanted = OfPeer & { readonly on: "max-prefix" | "max-prefix-near" | "shutdown" | "started" | "drained" };
type Restart = OfPeer & { readonly on: "end-of-rib" | "stale-expired" | "long-lived-stale" };
type Failed = OfPeer & { readonly on: "connection-failed" };

export class SpeakerLog {
  readonly #log: Log;
  readonly #clock: Pick<Clock, "now">;
  /** Why there is no session, as it was last told, by peer, and by cache. */
  readonly #told: Map<string, string> = new Map();
  readonly #strangers: LineQuota = new LineQuota(STRANGER_LINES, STRANGER_MS);
  readonly #malformedOf: Map<string, LineQuota> = new Map();

  constructor(log: Log, clock: Pick<Clock, "now">) {
    this.#log = log;
    this.#clock = clock;
  }

  take(event: SpeakerEvent): void {
    if ("cache" in event) this.#ofCache(event);
    else this.#ofPeer(event);
  }

  #ofPeer(event: OfPeer): void {
    const { peer: address, on, ...facts } = event;
    const peer = formatAddress(address);
    const log = this.#log;
    switch (event.on) {
      case "session-up":
        this.#told.delete(peer);
        log.info({ event: "bgp.session.up", peer, ...facts }, "session established");
        break;
      case "session-down":
        log.warn({ event: "bgp.session.down", peer, ...facts }, "session lost");
        break;
      case "connection-failed":
        this.#failed(peer, event);
        break;
      case "notification-sent":
        log.warn({ event: "bgp.notification.sent", peer, ...facts }, "NOTIFICATION to the peer");
        break;
      case "notification-received":
        log.warn({ event: "bgp.notification.received", peer, ...facts }, "NOTIFICATION from the peer");
        break;
      case "malformed-update":
        this.#malformed(peer, event);
        break;
      case "max-prefix":
      case "max-prefix-near":
      case "shutdown":
      case "started":
      case "drained":
        this.#wanted(peer, event);
        break;
      case "collision":
        log.info({ event: "bgp.connection.collision", peer, ...facts }, "two connections at once");
        break;
      case "end-of-rib":
      case "stale-expired":
      case "long-lived-stale":
        this.#restart(peer, event);
        break;
      case "dynamic-peer-created":
        log.debug({ event: "bgp.peer.created", peer }, "a peer of a range connected");
        break;
      case "dynamic-peer-gone":
        log.debug({ event: "bgp.peer.gone", peer }, "a peer of a range is gone");
        break;
      case "stranger-refused":
        this.#stranger(peer);
        break;
      case "unsendable":
        log.error(
          { event: "bgp.route.unsendable", peer, ...facts },
          "attributes do not fit into one message",
        );
        break;
      case "no-next-hop":
        log.warn({ event: "bgp.session.no-next-hop", peer, ...facts }, "no address of ours in this family");
        break;
      case "bfd":
        this.#bfd(peer, event.problem === undefined ? event.state : "problem", facts);
        break;
      default:
        event satisfies never;
    }
  }

  #bfd(peer: string, state: string, facts: object): void {
    const level = state === "problem" ? "error" : state === "down" ? "warn" : "info";
    this.#log[level]({ event: "bgp.bfd", peer, ...facts }, "BFD session changed");
  }

  /** Whether a session is wanted at all. */
  #restart(peer: string, { peer: _, ...event }: Restart): void {
    const { on, ...facts } = event;
    const log = this.#log;
    if (on === "end-of-rib") {
      log.info({ event: "bgp.peer.end-of-rib", peer, ...facts }, "the peer has told all it knows");
    } else if (on === "stale-expired") {
      log.warn({ event: "bgp.peer.stale-expired", peer, ...facts }, "the peer did not come back in time");
    } else
      log.warn({ event: "bgp.peer.long-lived-stale", peer, ...facts }, "its paths stay as a last resort");
  }

  #wanted(peer: string, { peer: _, ...event }: Wanted): void {
    const { on, ...facts } = event;
    const log = this.#log;
    switch (on) {
      case "max-prefix":
        log.error({ event: "bgp.peer.max-prefix", peer, ...facts }, "more prefixes than maxPrefixes allows");
        break;
      case "max-prefix-near":
        log.warn(
          { event: "bgp.peer.max-prefix-near", peer, ...facts },
          "nearly as many prefixes as maxPrefixes",
        );
        break;
      case "drained":
        log.info({ event: "bgp.peer.drain", peer, ...facts }, "asked for by hand");
        break;
      case "shutdown":
        log.warn({ event: "bgp.peer.shutdown", peer, ...facts }, "shut down: no session until it is started");
        break;
      case "started":
        log.info({ event: "bgp.peer.started", peer }, "a session is wanted again");
        break;
      default:
        on satisfies never;
    }
  }

  #ofCache(event: OfCache): void {
    const { cache: endpoint, on, ...facts } = event;
    const cache = formatEndpoint(endpoint);
    const log = this.#log;
    switch (event.on) {
      case "cache-synchronized": {
        const level = event.isFirst ? "info" : "debug";
        this.#told.delete(cache);
        log[level]({ event: "rpki.cache.synchronized", cache, ...facts }, "an RPKI cache has told all");
        break;
      }
      case "cache-failed":
        log[this.#isNew(cache, event.reason) ? "warn" : "debug"](
          { event: "rpki.cache.failed", cache, ...facts },
          "nothing comes of an RPKI cache",
        );
        break;
      case "cache-data-lost":
        log.error(
          { event: "rpki.cache.data-lost", cache, ...facts },
          "what an RPKI cache told counts no more",
        );
        break;
      default:
        event satisfies never;
    }
  }

  /**
   * A peer that is down fails in the same way every few seconds, and a guest that only knocks does so as often as it
   * likes: said once, until it comes up or fails otherwise.
   */
  #failed(peer: string, { reason }: Failed): void {
    const level = this.#isNew(peer, reason) ? "warn" : "debug";
    this.#log[level]({ event: "bgp.connection.failed", peer, reason }, "no session with this peer");
  }

  /** Not what was told of it last. */
  #isNew(who: string, reason: string): boolean {
    const isNew = this.#told.get(who) !== reason;
    remember(this.#told, who, reason);
    return isNew;
  }

  #stranger(from: string): void {
    const log = this.#log;
    const admitted = this.#strangers.admits(this.#clock.now(), (connections) =>
      log.warn({ event: "bgp.strangers", connections }, "more such connections were refused"),
    );
    if (!admitted) return;
    log.warn(
      { event: "bgp.stranger", from },
      "connection refused: no entry of bgp.peers has this address, or its range is full",
    );
  }

  /** A peer can send as many as it likes; all are counted (`gwctl show peer`), the last are kept (`show errors`). */
  #malformed(peer: string, { reaction, why, rfc, attribute }: Malformed): void {
    const log = this.#log;
    const quota = this.#malformedOf.get(peer) ?? new LineQuota(MALFORMED_LINES, MALFORMED_MS);
    remember(this.#malformedOf, peer, quota);
    const admitted = quota.admits(this.#clock.now(), (messages) =>
      log.warn({ event: "bgp.update.malformed.more", peer, messages }, "more malformed UPDATEs"),
    );
    if (!admitted) return;
    log.warn(
      { event: "bgp.update.malformed", peer, reaction, why, rfc, attribute },
      "malformed UPDATE (RFC 7606)",
    );
  }
}

/** As the latest; beyond {@link REMEMBERED_PEERS} the oldest is forgotten. */
function remember<T>(map: Map<string, T>, peer: string, value: T): void {
  map.delete(peer);
  map.set(peer, value);
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED_PEERS) break;
    map.delete(oldest);
  }
}
