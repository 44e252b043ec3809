/** What the core may ask of netd about a packet on its way through nftables, and what it is told. */

import type { Address } from "../../bgp/net/address.ts";
import { addressOf, InvalidCommand, integerOf, parseJson, recordOf } from "../fields.ts";

/** Packets that are followed. Both addresses are of one family. */
export interface PacketQuery {
  readonly source: Address;
  readonly destination: Address;
  /** IP protocol number. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** How long to wait for one, 1..25 000. */
  readonly waitMs: number;
}

const MAX_WAIT_MS = 25_000;

export interface FollowedStep {
  readonly table: string;
  readonly chain: string;
  /** As nft lists it; undefined for the policy of a chain, and for rules of others. */
  readonly rule?: string;
  /** "accept", "drop", "continue", "jump raw", "goto pools". */
  readonly verdict: string;
}

/** The way of one packet. */
export interface Followed {
  readonly steps: readonly FollowedStep[];
  /** The addresses that it had last, as far as it was seen. */
  readonly source: string;
  readonly destination: string;
}

/** @throws InvalidCommand */
export function decodePacketQuery(payload: Buffer): PacketQuery {
  const query = recordOf(parseJson(payload), "packet");
  const source = addressOf(query.source, "source");
  const destination = addressOf(query.destination, "destination");
  if (source.family !== destination.family) throw new InvalidCommand("packet: of two families");
  const { sourcePort, destinationPort } = query;
  return {
    source,
    destination,
    protocol: integerOf(query.protocol, "protocol", 0, 255),
    ...(sourcePort !== undefined && { sourcePort: integerOf(sourcePort, "sourcePort", 0, 65_535) }),
    ...(destinationPort !== undefined && {
      destinationPort: integerOf(destinationPort, "destinationPort", 0, 65_535),
    }),
    waitMs: integerOf(query.waitMs, "waitMs", 1, MAX_WAIT_MS),
  };
}
