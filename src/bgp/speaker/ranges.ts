/** Peers that are known by a range of addresses only. */

import { type Address, contains } from "../net/address.ts";
import type { PeerOptions } from "./options.ts";

/** Entries of `peers` that are ranges, so that the first which holds an address is the longest. */
export function rangesOf(peers: readonly PeerOptions[]): PeerOptions[] {
  return peers.filter(({ remote }) => "range" in remote).sort((a, b) => lengthOf(b) - lengthOf(a));
}

/** @param ranges - of {@link rangesOf} */
export function rangeOf(ranges: readonly PeerOptions[], address: Address): PeerOptions | undefined {
  return ranges.find(({ remote }) => "range" in remote && contains(remote.range, address));
}

/** May one more connect from a range? */
export function hasRoom({ remote }: PeerOptions, peers: Iterable<Member>): boolean {
  if (!("range" in remote)) return false;
  let members = 0;
  for (const { dynamic, address } of peers) if (dynamic && contains(remote.range, address)) members++;
  return members < remote.limit;
}

interface Member {
  readonly dynamic: boolean;
  readonly address: Address;
}

const lengthOf = ({ remote }: PeerOptions): number => ("range" in remote ? remote.range.length : 0);
