/** What the core asks netd of the ways to next hops, and what it hears: see ways.ts. */

import type { Address } from "../../bgp/net/address.ts";
import {
  addressOf,
  InvalidCommand,
  integerOf,
  interfaceOf,
  listOf,
  parseJson,
  recordOf,
  scopedAddressOf,
} from "../fields.ts";

/** Next hops whose ways are looked for. Each costs some lookups whenever something changes. */
export const MAX_NEXT_HOPS = 16_384;
/** Hops of one route. */
const MAX_HOPS = 256;

/** How packets to a next hop leave this machine by the routes of others: ours count for nothing. */
export type Way =
  | {
      readonly reachable: true;
      /** Of the route that leads there; 0: only a default route does. */
      readonly length: number;
      /** Of that route, as the kernel has it, unsigned 32-bit. */
      readonly metric: number;
      readonly hops: readonly Hop[];
    }
  | {
      readonly reachable: false;
      /** "discarded": the route that leads there throws packets away. "own-address": it is one of this machine. */
      readonly why: "no-route" | "link-down" | "discarded" | "own-address";
    };

export interface Hop {
  /** Undefined: the next hop is on the link itself. */
  readonly gateway?: Address;
  readonly interface: string;
}

export interface NextHopWay {
  /** As it was asked for; a link-local one with its zone. */
  readonly nextHop: Address;
  readonly way: Way;
}

/** Next hops to look for, and to look for no more. */
export interface Tracking {
  readonly wanted: readonly Address[];
  readonly released: readonly Address[];
}

/** @throws InvalidCommand */
export function decodeTracking(payload: Buffer): Tracking {
  const tracking = recordOf(parseJson(payload), "tracking");
  const addresses = (value: unknown, what: string): Address[] =>
    listOf(value, what, MAX_NEXT_HOPS).map((each) => scopedAddressOf(each, what));
  return {
    wanted: addresses(tracking.wanted, "wanted"),
    released: addresses(tracking.released, "released"),
  };
}

/** @throws InvalidCommand */
export const decodeWays = (payload: Buffer): NextHopWay[] =>
  listOf(parseJson(payload), "ways", MAX_NEXT_HOPS).map((entry) => {
    const { nextHop, way } = recordOf(entry, "ways");
    return { nextHop: scopedAddressOf(nextHop, "nextHop"), way: wayOf(way) };
  });

const WHYS = ["no-route", "link-down", "discarded", "own-address"] as const;

function wayOf(value: unknown): Way {
  const way = recordOf(value, "way");
  if (way.reachable !== true) {
    const why = WHYS.find((each) => each === way.why);
    if (why === undefined) throw new InvalidCommand(`way: why ${String(way.why)}`);
    return { reachable: false, why };
  }
  return {
    reachable: true,
    length: integerOf(way.length, "length", 0, 128),
    metric: integerOf(way.metric, "metric", 0, 0xffffffff),
    hops: listOf(way.hops, "hops", MAX_HOPS).map((entry) => {
      const { gateway, interface: name } = recordOf(entry, "hops");
      const to = { interface: interfaceOf(name, "interface") };
      return gateway === undefined ? to : { ...to, gateway: addressOf(gateway, "gateway") };
    }),
  };
}
