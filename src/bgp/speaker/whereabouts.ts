/** Where a peer is: for most an address for good; for the router at the other end of an interface, what was learned. */

import { type Address, isUnspecified, sameAddress } from "../net/address.ts";
import type { PeerOptions } from "./options.ts";

export class Whereabouts {
  /** With its zone; as long as nobody knows the router behind an interface, :: with the name of that. */
  address: Address;
  /** Of a peer by interface. */
  readonly interface: string | undefined;
  #told: Address | undefined;

  constructor(address: Address, { remote }: PeerOptions) {
    this.address = address;
    this.interface = "interface" in remote ? remote.interface : undefined;
  }

  get isKnown(): boolean {
    return !isUnspecified(this.address);
  }

  /** What the link says of who is there. It counts as soon as there is no session with somebody else. */
  tell(address: Address): void {
    this.#told = address;
  }

  /** Takes over what was told. True when the peer is somewhere else than before. */
  settle(): boolean {
    return this.#told !== undefined && this.move(this.#told);
  }

  move(address: Address): boolean {
    if (this.interface === undefined || sameAddress(address, this.address)) return false;
    this.address = address;
    return true;
  }
}
