/**
 * What passes between a speaker and its peers, as it stands, for whoever records or relays it (BMP, MRT). Nobody who
 * does not watch pays for it.
 */

import type { StateName } from "../fsm/state.ts";
import type { Address, Prefix } from "../net/address.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { Reaction } from "../wire/fault.ts";
import type { Loss } from "./loss.ts";
import type { Ports } from "./world.ts";

/** Hears what it has methods for. Octets are the callee's only until it returns. */
export interface Monitor {
  /** A connection with the peer is in another state (RFC 4271 §8.2.2). */
  stateChanged?(peer: MonitoredPeer, before: StateName, after: StateName): void;
  /** A whole message came, of any type, before anything is made of it. */
  received?(peer: MonitoredPeer, message: Uint8Array): void;
  up?(session: MonitoredSession): void;
  /** An UPDATE was taken. `reaction`: the strongest to what is wrong with it (RFC 7606). */
  updated?(session: MonitoredSession, message: Uint8Array, reaction: Reaction | undefined): void;
  /** UPDATEs are on their way to the peer: a whole message each time. */
  readonly sent?: ((session: MonitoredSession, message: Uint8Array) => void) | undefined;
  /**
   * A path of a prefix came, went, or is judged or preferred otherwise, and what is chosen was decided again; it may be
   * what it was.
   */
  readonly decided?: ((prefix: Prefix) => void) | undefined;
  /** Paths that the peer did not name again after a restart or a refresh are gone, without a message of its. */
  swept?(session: MonitoredSession): void;
  down?(session: MonitoredSession, loss: Loss): void;
}

export interface MonitoredPeer {
  readonly remote: Address;
  readonly remoteAsn: number;
  /** Undefined while there is no connection. */
  readonly local: Address | undefined;
  readonly localAsn: number;
  /** From the OPENs on. */
  readonly negotiated: Negotiated | undefined;
}

/** One session, the same object from its beginning to its end. */
export interface MonitoredSession extends MonitoredPeer {
  readonly negotiated: Negotiated;
  readonly ports: Ports | undefined;
  /** The OPENs, whole messages. */
  readonly openSent: Uint8Array;
  readonly openReceived: Uint8Array;
}
