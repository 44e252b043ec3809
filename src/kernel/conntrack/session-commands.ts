/** What the core may ask of netd about the flows that are translated, and what it is told. */

import type { Address } from "../../bgp/net/address.ts";
import { addressOf, InvalidCommand, integerOf, listOf, parseJson, recordOf } from "../fields.ts";

/** Which flows that are translated; what is not given does not matter. */
export interface SessionFilter {
  readonly private?: Address;
  readonly public?: Address;
  /** Of the public address. */
  readonly port?: number;
  readonly remote?: Address;
  /** IP protocol number. */
  readonly protocol?: number;
}

/** Ports of a public address. */
export interface PortBlock {
  readonly address: Address;
  readonly first: number;
  readonly last: number;
}

/** Blocks that are asked about at once. */
const MAX_BLOCKS = 65_536;

export interface SessionQuery {
  readonly want: "sessions" | "top" | "used" | "blocks";
  /** For "blocks", none of which overlap. */
  readonly blocks?: readonly PortBlock[];
  readonly filter: SessionFilter;
  /** Sessions, or addresses of the top, 1..10000. */
  readonly limit: number;
}

/** One flow that is translated. Ports are 0 where the protocol has none; an ICMP identifier is a port. */
export interface FoundSession {
  readonly protocol: number;
  readonly private: string;
  readonly privatePort: number;
  readonly public: string;
  readonly publicPort: number;
  readonly remote: string;
  readonly remotePort: number;
  readonly outbound: boolean;
  readonly leftSeconds: number;
}

export interface SessionsFound {
  /** Flows that conntrack has, translated or not, of the families that the query can be about. */
  readonly tracked: number;
  /** False: there were more than could be looked at in time. */
  readonly complete: boolean;
  /** Sessions that the filter lets through. */
  readonly matching: number;
  readonly sessions: readonly FoundSession[];
  /** Who has most of them, the most first. */
  readonly top: readonly { readonly private: string; readonly sessions: number }[];
  /** Sessions of each block of the query. */
  readonly busy: readonly number[];
  /** What each public address has in use; ports of the first 4096 of them. */
  readonly used: readonly {
    readonly public: string;
    readonly sessions: number;
    readonly users: number;
    readonly ports?: { readonly icmp: number; readonly tcp: number; readonly udp: number };
  }[];
}

/** @throws InvalidCommand */
export function decodeSessionQuery(payload: Buffer): SessionQuery {
  const query = recordOf(parseJson(payload), "sessions");
  const { want } = query;
  if (want !== "sessions" && want !== "top" && want !== "used" && want !== "blocks")
    throw new InvalidCommand(`sessions: want ${String(want)}`);
  const filter = recordOf(query.filter, "filter");
  const given = <T>(value: unknown, of: (value: unknown) => T): T | undefined =>
    value === undefined ? undefined : of(value);
  const found: { [K in keyof SessionFilter]: SessionFilter[K] | undefined } = {
    private: given(filter.private, (value) => addressOf(value, "private")),
    public: given(filter.public, (value) => addressOf(value, "public")),
    remote: given(filter.remote, (value) => addressOf(value, "remote")),
    port: given(filter.port, (value) => integerOf(value, "port", 0, 65_535)),
    protocol: given(filter.protocol, (value) => integerOf(value, "protocol", 0, 255)),
  };
  const blocks = given(query.blocks, (value) => listOf(value, "blocks", MAX_BLOCKS).map(portBlockOf));
  const limit = integerOf(query.limit, "limit", 1, 10_000);
  return { want, ...(blocks && { blocks }), filter: found as SessionFilter, limit };
}

function portBlockOf(value: unknown): PortBlock {
  const block = recordOf(value, "blocks");
  return {
    address: addressOf(block.address, "address"),
    first: integerOf(block.first, "first", 0, 65_535),
    last: integerOf(block.last, "last", 0, 65_535),
  };
}
