/** The monitors of a speaker, told of one peer. */

import type { StateName } from "../fsm/state.ts";
import type { Address } from "../net/address.ts";
import type { Negotiated } from "../session/negotiation.ts";
import { encodeMessage } from "../wire/codec.ts";
import type { Reaction } from "../wire/fault.ts";
import { messageLengthAt } from "../wire/header.ts";
import { asnOf } from "../wire/open.ts";
import type { Connection } from "./connection.ts";
import type { Loss } from "./loss.ts";
import type { Monitor, MonitoredPeer, MonitoredSession } from "./monitor.ts";
import type { PeerOptions } from "./options.ts";
import type { Shared } from "./shared.ts";

interface Watched {
  readonly address: Address;
  readonly options: PeerOptions;
}

export class PeerWatch {
  readonly #monitors: ReadonlySet<Monitor>;
  readonly #localAsn: number;
  readonly #peer: Watched;
  #session: MonitoredSession | undefined;

  constructor({ monitors, options }: Shared, peer: Watched) {
    this.#monitors = monitors;
    this.#localAsn = options.asn;
    this.#peer = peer;
  }

  /** The session that is up. */
  get session(): MonitoredSession | undefined {
    return this.#session;
  }

  stateChanged(connection: Connection, before: StateName): void {
    if (this.#monitors.size === 0) return;
    const peer = this.#peerOf(connection);
    for (const monitor of this.#monitors) monitor.stateChanged?.(peer, before, connection.state.at);
  }

  received(connection: Connection, message: Uint8Array): void {
    if (this.#monitors.size === 0) return;
    const peer = this.#session ?? this.#peerOf(connection);
    for (const monitor of this.#monitors) monitor.received?.(peer, message);
  }

  began(connection: Connection, negotiated: Negotiated): void {
    const { opens } = connection;
    if (opens === undefined) return;
    this.#session = {
      ...this.#peerOf(connection),
      localAsn: asnOf(opens.sent),
      remoteAsn: negotiated.remoteAsn,
      negotiated,
      ports: connection.link?.ports,
      openSent: encodeMessage({ type: "open", open: opens.sent }),
      openReceived: opens.received,
    };
    for (const monitor of this.#monitors) monitor.up?.(this.#session);
  }

  updated(message: Uint8Array, reaction: Reaction | undefined): void {
    if (this.#session === undefined) return;
    for (const monitor of this.#monitors) monitor.updated?.(this.#session, message, reaction);
  }

  /** @param messages - whole ones */
  sent(messages: Uint8Array): void {
    if (this.#session === undefined) return;
    for (const monitor of this.#monitors) {
      if (monitor.sent === undefined) continue;
      for (let at = 0; at < messages.length; ) {
        const end = at + messageLengthAt(messages, at);
        monitor.sent(this.#session, messages.subarray(at, end));
        at = end;
      }
    }
  }

  swept(): void {
    if (this.#session === undefined) return;
    for (const monitor of this.#monitors) monitor.swept?.(this.#session);
  }

  ended(loss: Loss): void {
    if (this.#session === undefined) return;
    for (const monitor of this.#monitors) monitor.down?.(this.#session, loss);
    this.#session = undefined;
  }

  #peerOf({ link, negotiated }: Connection): MonitoredPeer {
    const local = link?.local ?? this.#session?.local;
    const { address: remote, options } = this.#peer;
    const remoteAsn = options.remoteAsn === "external" ? (negotiated?.remoteAsn ?? 0) : options.remoteAsn;
    return { remote, remoteAsn, local, localAsn: this.#localAsn, negotiated };
  }
}
