/** Which peers there are, and which of them an address belongs to. */

import { type Address, contains, type Prefix, sameAddress } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { PeerOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import { interfaceKey } from "./peer-options.ts";

export class PeerBook {
  /** By the text of their address; those by interface by the name of that. */
  readonly byKey: Map<string, Peer> = new Map();
  #ranges: readonly PeerOptions[] = [];

  /** Everybody's settings from now on. */
  set options(all: readonly PeerOptions[]) {
    this.#ranges = all.filter(({ remote }) => "range" in remote).sort(byLongestRange);
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.byKey.values();
  }

  /** The peer that is at this address now. */
  at(address: Address): Peer | undefined {
    const known = this.byKey.get(formatAddress(address));
    if (known !== undefined) return known;
    const there = this.behind(address.zone);
    return there !== undefined && sameAddress(there.address, address) ? there : undefined;
  }

  /** Whose a connection from this address is. */
  forRemote(address: Address): Peer | undefined {
    return this.byKey.get(formatAddress(address)) ?? this.behind(address.zone);
  }

  /** The peer by this interface. */
  behind(zone: string | undefined): Peer | undefined {
    return zone === undefined ? undefined : this.byKey.get(interfaceKey(zone));
  }

  /** Those with link-local addresses behind a link, and those of other ASes in one of its networks. */
  *onLink(name: string, networks: readonly Prefix[], asn: number): Generator<Peer> {
    for (const peer of this) {
      const { zone } = peer.address;
      const external = peer.options.remoteAsn !== asn;
      const isThere = zone === undefined && external && networks.some((each) => contains(each, peer.address));
      if (zone === name || isThere) yield peer;
    }
  }

  /** Peers by address, and of the expected ones all, that have not told all that they know. */
  missing(expected: readonly Address[]): readonly Address[] {
    const missing: Address[] = [];
    for (const peer of this) {
      if (!peer.dynamic && !peer.learning.complete && peer.halt.current === undefined)
        missing.push(peer.address);
    }
    for (const address of expected) {
      if (missing.some((other) => sameAddress(other, address))) continue;
      if (this.at(address)?.learning.complete !== true) missing.push(address);
    }
    return missing;
  }

  /** The settings of the range that an address is in. */
  rangeOf(address: Address): PeerOptions | undefined {
    return this.#ranges.find(({ remote }) => "range" in remote && contains(remote.range, address));
  }

  /** May one more of this range connect? */
  hasRoom({ remote }: PeerOptions): boolean {
    if (!("range" in remote)) return false;
    let members = 0;
    for (const peer of this) if (peer.dynamic && contains(remote.range, peer.address)) members++;
    return members < remote.limit;
  }
}

const byLongestRange = (a: PeerOptions, b: PeerOptions): number => rangeLength(b) - rangeLength(a);

const rangeLength = ({ remote }: PeerOptions): number => ("range" in remote ? remote.range.length : 0);
