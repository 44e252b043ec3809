/** What all peers of one speaker have in common. */

import type { Address, Family } from "../net/address.ts";
import type { PeerId } from "../rib/peer-table.ts";
import type { Rib } from "../rib/rib.ts";
import type { Notification } from "../wire/messages.ts";
import type { PeerEvent } from "./events.ts";
import type { Filters } from "./filters.ts";
import type { Monitor } from "./monitor.ts";
import type { SpeakerOptions } from "./options.ts";
import type { Link, World } from "./world.ts";

/** Whom the RIB's UPDATEs go to. */
export interface Recipient {
  readonly address: Address;
  /** Takes UPDATEs now. */
  readonly isReady: boolean;
  /** Writes whole messages, of which there are `messages`. */
  write(octets: Uint8Array, messages: number): void;
  readonly exports: {
    /** It is not told of so many prefixes: their attributes do not fit into a message. */
    spared(family: Family, prefixes: number): void;
  };
}

export interface Shared {
  readonly options: SpeakerOptions;
  readonly world: World;
  readonly rib: Rib;
  readonly monitors: ReadonlySet<Monitor>;
  /** True until {@link Speaker.complete}: the R bit is set and End-of-RIB is held back (RFC 4724 §4.1). */
  readonly restarting: () => boolean;
  readonly filters: Filters;
  /** Tells whoever opened a connection why it is not taken, and closes it. */
  readonly turnAway: (link: Link, notification: Notification) => void;
  readonly emit: (peer: Address, event: PeerEvent) => void;
  /** From now on, or with undefined no longer, what the RIB has for `peer` goes to `recipient`. */
  readonly bind: (peer: PeerId, recipient: Recipient | undefined) => void;
  /** There is something to do in the next turn. */
  readonly wake: () => void;
  /** A timer was armed that may be nearer than what the world was asked for. */
  readonly rearmed: (atMs: number) => void;
}

/** Limits that no option changes. */
export const LIMITS = {
  /** The longest wait between two dials to a peer that does not answer. */
  connectRetrySeconds: 15,
  /** The longest wait after a session that failed. */
  idleHoldSeconds: 120,
  /** Unless an option says otherwise: how long stale paths wait for a peer to be done (RFC 4724 §4.2, RFC 7313 §4.2). */
  staleSeconds: 360,
  /** Connections in one second whose opener is told why they are not taken. */
  refusalsPerSecond: 10,
  /** Offending messages kept per peer, latest last; and octets of all of them: one of the longest is kept whole. */
  keptMessages: 8,
  keptOctets: 65_535,
} as const;
