/**
 * What one monitoring station is told of a speaker (RFC 7854): each session's beginning, the Adj-RIB-In that there is,
 * every UPDATE as it came, and each session's end. The table is sent in pieces, between which UPDATEs pass it by: what
 * is said last of a prefix is always what holds.
 */

import type { Address, Family } from "../net/address.ts";
import { ipv4, ipv6 } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { ReceivedRoute } from "../rib/snapshot.ts";
import type { Loss } from "../speaker/connection.ts";
import type { Monitor, MonitoredSession } from "../speaker/monitor.ts";
import type { Speaker } from "../speaker/speaker.ts";
import { encodeAttributes } from "../wire/attribute-encode.ts";
import { encodeMessage } from "../wire/codec.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS } from "../wire/context.ts";
import type { Reaction } from "../wire/fault.ts";
import { messageLengthAt } from "../wire/header.ts";
import { PrefixBatch } from "../wire/prefix-batch.ts";
import { decodeUpdate, Update } from "../wire/update.ts";
import { encodeEndOfRib, type Packing, packAnnounced, packWithdrawn } from "../wire/update-pack.ts";
import {
  type BmpPeer,
  type BmpPeerDown,
  erroredMessage,
  initiation,
  peerDown,
  peerUp,
  routeMonitoring,
  statistics,
  termination,
} from "./messages.ts";

/** Routes of one call of {@link BmpStation.work}. */
const PIECE_ROUTES = 500;

/** RFC 4271 §8.1.4, event 17: another connection of the peer took the place of this one. */
const CONNECTION_ACKNOWLEDGED = 17;

/** A table that is being sent. */
interface Dump {
  readonly session: MonitoredSession;
  readonly families: Family[];
  from: number;
}

export interface BmpSink {
  /** Takes whole messages. */
  send(octets: Uint8Array): void;
  /** There are tables to send: {@link BmpStation.work} wants to be called. */
  tables(): void;
}

export interface BmpSystem {
  readonly name: string;
  readonly description: string;
}

export class BmpStation implements Monitor {
  readonly #speaker: Speaker;
  readonly #to: BmpSink;
  readonly #clock: () => number;
  readonly #dumps: Dump[] = [];
  readonly #buffer: Uint8Array = new Uint8Array(MAX_EXTENDED_MESSAGE_OCTETS);
  readonly #update: Update = new Update();
  readonly #stop: () => void;

  /**
   * Begins at once with what there is.
   * @param clock - milliseconds since 1970
   */
  constructor(speaker: Speaker, system: BmpSystem, to: BmpSink, clock: () => number) {
    this.#speaker = speaker;
    this.#to = to;
    this.#clock = clock;
    to.send(initiation(system));
    for (const session of speaker.sessions()) {
      this.#introduce(session);
      this.#tell(session);
    }
    this.#stop = speaker.monitor(this);
  }

  /** What a session begins with is told as its UPDATEs come: it has no table yet. */
  up(session: MonitoredSession): void {
    this.#introduce(session);
  }

  updated(session: MonitoredSession, message: Uint8Array, reaction: Reaction | undefined): void {
    const peer = peerOf(session);
    if (reaction === undefined || reaction === "attribute-discard") {
      this.#send(routeMonitoring(peer, this.#clock(), message));
      return;
    }
    this.#send(erroredMessage(peer, this.#clock(), message));
    // What ends the session withdraws everything.
    if (reaction === "treat-as-withdraw") this.#withdraw(session, message);
  }

  swept(session: MonitoredSession): void {
    // No message names what went: the station forgets the session and is told it anew.
    this.#forget(session, { by: "local", event: 0 });
    this.#introduce(session);
    this.#tell(session);
  }

  down(session: MonitoredSession, loss: Loss): void {
    this.#forget(session, downOf(loss));
  }

  /** Sends the next piece of the tables. False: all of them are sent. */
  work(): boolean {
    const [dump] = this.#dumps;
    if (dump === undefined) return false;
    const [family] = dump.families;
    if (family === undefined) {
      this.#dumps.shift();
      return this.#dumps.length > 0;
    }
    const { rows, next } = this.#speaker.receivedFrom(dump.session.remote, family, dump.from, PIECE_ROUTES);
    for (const route of rows) if (!route.stale) this.#announce(dump.session, route);
    dump.from = next;
    if (next !== -1) return true;
    dump.from = 0;
    dump.families.shift();
    this.#relay(dump.session, encodeEndOfRib(family));
    return true;
  }

  /** How it is with every session. */
  report(): void {
    const sessions = new Map(this.#speaker.sessions().map((up) => [formatAddress(up.remote), up]));
    for (const { address, updateErrors, prefixes } of this.#speaker.peers()) {
      const session = sessions.get(formatAddress(address));
      if (session === undefined) continue;
      const counts = { treatedAsWithdraw: updateErrors["treat-as-withdraw"], adjRibIn: prefixes.received };
      this.#send(statistics(peerOf(session), this.#clock(), counts));
    }
  }

  /** Hears no more; `politely`: and says so. */
  end(politely: boolean): void {
    this.#stop();
    this.#dumps.length = 0;
    if (politely) this.#send(termination());
  }

  #introduce(session: MonitoredSession): void {
    const { local = UNSPECIFIED[session.remote.family], ports, openSent, openReceived } = session;
    const { local: localPort = 0, remote: remotePort = 0 } = ports ?? {};
    const facts = { local, localPort, remotePort, openSent, openReceived };
    this.#send(peerUp(peerOf(session), this.#clock(), facts));
  }

  #tell(session: MonitoredSession): void {
    this.#dumps.push({ session, families: [...session.negotiated.families], from: 0 });
    this.#to.tables();
  }

  #forget(session: MonitoredSession, why: BmpPeerDown): void {
    const at = this.#dumps.findIndex((dump) => dump.session === session);
    if (at >= 0) this.#dumps.splice(at, 1);
    this.#send(peerDown(peerOf(session), this.#clock(), why));
  }

  /** One route, written as its session writes them. */
  #announce(session: MonitoredSession, { prefix, pathId, received }: ReceivedRoute): void {
    const { as4, addPath } = session.negotiated.decode;
    const attributes = encodeAttributes(received, prefix.family, { as4, external: false });
    const batch = new PrefixBatch(1);
    batch.reset(prefix.family);
    batch.push(prefix, pathId);
    const packing: Packing = {
      addPath: addPath.includes(prefix.family),
      maxOctets: MAX_EXTENDED_MESSAGE_OCTETS,
    };
    // Attributes that fill a message of this session to the brim may not fit once they are written anew.
    if (packAnnounced(this.#buffer, 0, attributes, batch, 0, packing) === 0) return;
    this.#relay(session, this.#buffer.subarray(0, messageLengthAt(this.#buffer, 0)));
  }

  /** RFC 7606 §2: all that the message names is withdrawn, which the message itself does not say. */
  #withdraw(session: MonitoredSession, message: Uint8Array): void {
    const { decode } = session.negotiated;
    decodeUpdate(message, decode, this.#update);
    const { withdrawn, announced } = this.#update;
    for (const batch of [...withdrawn, ...announced.map(({ prefixes }) => prefixes)]) {
      const packing = {
        addPath: decode.addPath.includes(batch.family),
        maxOctets: MAX_EXTENDED_MESSAGE_OCTETS,
      };
      for (let from = 0; from < batch.count; ) {
        from = packWithdrawn(this.#buffer, 0, batch, from, packing);
        this.#relay(session, this.#buffer.subarray(0, messageLengthAt(this.#buffer, 0)));
      }
    }
  }

  #send(octets: Uint8Array): void {
    this.#to.send(octets);
  }

  #relay(session: MonitoredSession, update: Uint8Array): void {
    this.#send(routeMonitoring(peerOf(session), this.#clock(), update));
  }
}

const UNSPECIFIED: Readonly<Record<Family, Address>> = { 4: ipv4(0), 6: ipv6(0, 0, 0, 0) };

function peerOf({ remote, remoteAsn, negotiated }: MonitoredSession): BmpPeer {
  const { remoteRouterId: routerId, decode } = negotiated;
  return { address: remote, asn: remoteAsn, routerId, as4: decode.as4 };
}

function downOf({ cause, notification }: Loss): BmpPeerDown {
  const octets = notification && encodeMessage({ type: "notification", notification });
  switch (cause) {
    case "notification-received":
      return octets === undefined ? { by: "remote" } : { by: "remote", notification: octets };
    case "transport":
      return { by: "remote" };
    case "replaced":
      return { by: "local", event: CONNECTION_ACKNOWLEDGED };
    case "notification-sent":
    case "stopped":
    case "collision":
      return octets === undefined ? { by: "local", event: 0 } : { by: "local", notification: octets };
    default:
      return cause satisfies never;
  }
}
