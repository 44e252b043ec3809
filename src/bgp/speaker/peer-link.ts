/** What the link to a peer has to say: who is behind it, and whether it is up. */

import { type Address, sameAddress } from "../net/address.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { Notification } from "../wire/messages.ts";
import { cease } from "../wire/notification.ts";
import { CEASE, forGood } from "./cease.ts";
import type { Connection } from "./connection.ts";
import { isBusy } from "./opening.ts";
import type { PeerOptions } from "./options.ts";
import { Whereabouts } from "./whereabouts.ts";

interface LinkedPeer {
  readonly connection: Connection;
  readonly negotiated: Negotiated | undefined;
  readonly options: PeerOptions;
  /** From a range. */
  readonly dynamic: boolean;
  /** It is somewhere else than before. */
  moved(): void;
  fell(notification: Notification, words: string): void;
}

const LINK_DOWN = "link down";

export class PeerLink {
  readonly where: Whereabouts;
  readonly #peer: LinkedPeer;

  constructor(peer: LinkedPeer, address: Address, options: PeerOptions) {
    this.#peer = peer;
    this.where = new Whereabouts(address, options);
  }

  /** Nobody is dialled. */
  get listensOnly(): boolean {
    const { options, dynamic } = this.#peer;
    return options.passive || dynamic || !this.where.isKnown;
  }

  /** The router at the other end of the interface has this address. */
  meet(address: Address): void {
    this.where.tell(address);
    this.settle();
  }

  /** Whether a connection from this address is the peer's; then that is where it is. */
  admits(address: Address): boolean {
    if (isBusy(this.#peer.connection) && !sameAddress(address, this.where.address)) return false;
    if (this.where.move(address)) this.#peer.moved();
    return true;
  }

  /** Takes over what was told while a session with somebody else was up. */
  settle(): void {
    if (isBusy(this.#peer.connection) || !this.where.settle()) return;
    this.#peer.moved();
    this.#dialNow();
  }

  /**
   * The link went down: nothing goes there, whatever TCP hopes for. Or it came up: no wait that a failure over it has
   * earned goes on.
   */
  turned(up: boolean): void {
    const { connection, negotiated } = this.#peer;
    const { state } = connection;
    if (up && state.at === "idle" && !state.stopped) connection.feed({ on: "start" }, "link up");
    else if (up) this.#dialNow();
    else if (negotiated === undefined) connection.feed({ on: "tcp-failed" }, LINK_DOWN);
    else this.#peer.fell(forGood(negotiated, cease(CEASE.unspecific)), LINK_DOWN);
  }

  /** Does not wait for the next dial. */
  #dialNow(): void {
    const { connection } = this.#peer;
    if (connection.state.at !== "active" || this.listensOnly) return;
    connection.feed({ on: "timer", timer: "connect-retry" }, "the peer can be reached");
  }
}
