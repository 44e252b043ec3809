/** The peers that paths come from, as columns for the decision process and as values for display. */

import { type Address, compareAddresses, ipv4 } from "../net/address.ts";
import { columnOf } from "./columns.ts";

declare const brand: unique symbol;
/** Index of a peer. Given out again after {@link PeerTable.remove}. */
export type PeerId = number & { readonly [brand]: "peer" };

/** The pseudo peer that local routes come from. */
export const LOCAL: PeerId = 0 as PeerId;

/** No peer has this id. */
export const NO_PEER: PeerId = 0xffff as PeerId;

export interface RibPeer {
  readonly address: Address;
  readonly asn: number;
  /** In another AS (eBGP). */
  readonly external: boolean;
  /** BGP identifier of its OPEN, unsigned 32-bit. */
  readonly routerId: number;
  /** An iBGP peer whose routes we reflect (RFC 4456 §6). */
  readonly reflectorClient?: boolean;
  /** An eBGP peer that we serve as a route server (RFC 7947). */
  readonly routeServerClient?: boolean;
  /** How often our own AS number may be in its paths before they are loops, 0..255. */
  readonly allowOwnAs?: number;
}

/**
 * Where a path came from; client: of ours as a reflector, served: of ours as a route server. The numbers are part of a
 * cache key.
 */
export const SOURCE = { local: 0, external: 1, internal: 2, client: 3, served: 4 } as const;
export type Source = (typeof SOURCE)[keyof typeof SOURCE];

export class PeerTable {
  readonly #peers: (RibPeer | undefined)[] = [{ address: ipv4(0), asn: 0, external: false, routerId: 0 }];
  /** Of the pseudo peer it is SOURCE.local. */
  #source: Uint8Array = new Uint8Array(16);
  #allowedOwnAs: Uint8Array = new Uint8Array(16);
  #routerId: Uint32Array = new Uint32Array(16);
  /** Place of the peer's address among all of them: compares addresses of any family by one number. */
  #addressRank: Uint16Array = new Uint16Array(16);

  /** @throws RangeError beyond 65534 peers */
  add(peer: RibPeer): PeerId {
    const free = this.#peers.indexOf(undefined);
    const id = (free < 0 ? this.#peers.length : free) as PeerId;
    if (id >= NO_PEER) throw new RangeError("no more than 65534 peers");
    this.#source = columnOf(this.#source, id + 1);
    this.#allowedOwnAs = columnOf(this.#allowedOwnAs, id + 1);
    this.#routerId = columnOf(this.#routerId, id + 1);
    this.#addressRank = columnOf(this.#addressRank, id + 1);
    this.set(id, peer);
    return id;
  }

  /** The same peer with another router id, as after a restart. */
  set(id: PeerId, peer: RibPeer): void {
    const before = this.#peers[id];
    this.#peers[id] = peer;
    this.#source[id] = sourceOf(peer);
    this.#allowedOwnAs[id] = peer.allowOwnAs ?? 0;
    this.#routerId[id] = peer.routerId;
    if (before === undefined || compareAddresses(before.address, peer.address) !== 0) this.#rank();
  }

  remove(id: PeerId): void {
    this.#peers[id] = undefined;
  }

  /** @throws RangeError when there is no such peer */
  get(id: PeerId): RibPeer {
    const peer = this.#peers[id];
    if (peer === undefined) throw new RangeError(`peer ${id} is not live`);
    return peer;
  }

  isExternal(id: PeerId): boolean {
    return isExternal(this.#source[id]! as Source);
  }

  allowedOwnAs(id: PeerId): number {
    return this.#allowedOwnAs[id]!;
  }

  sourceOf(id: PeerId): Source {
    return this.#source[id]! as Source;
  }

  routerId(id: PeerId): number {
    return this.#routerId[id]!;
  }

  /** 0 for the lowest address. */
  addressRank(id: PeerId): number {
    return this.#addressRank[id]!;
  }

  #rank(): void {
    const ids = [...this.#peers.keys()].filter((id) => this.#peers[id] !== undefined);
    ids.sort((a, b) => compareAddresses(this.#peers[a]!.address, this.#peers[b]!.address));
    for (const [rank, id] of ids.entries()) this.#addressRank[id] = rank;
  }
}

/** From another AS. */
export const isExternal = (source: Source): boolean => source === SOURCE.external || source === SOURCE.served;

function sourceOf({ external, reflectorClient, routeServerClient }: RibPeer): Source {
  if (external) return routeServerClient === true ? SOURCE.served : SOURCE.external;
  return reflectorClient === true ? SOURCE.client : SOURCE.internal;
}
