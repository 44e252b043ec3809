/** Tells once per session that a peer sends what its import rules do not let in, with one prefix as an example. */

import type { Address } from "../../bgp/net/address.ts";
import { formatAddress, formatPrefix } from "../../bgp/net/text.ts";
import type { ReceivedRoute } from "../../bgp/rib/snapshot.ts";
import type { PeerSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Log } from "./log.ts";

/** How often to look. */
export const REJECTIONS_MS = 5000;

/** Routes of one peer that are searched for an example: a full table is not read for a line of log. */
const SEARCHED = 2000;

/** The speaker, as far as it is looked at. */
interface Told {
  peers(): readonly Pick<PeerSnapshot, "address" | "state" | "prefixes">[];
  received(peer: Address): Iterable<Pick<ReceivedRoute, "prefix" | "accepted" | "rule">>;
}

export class Rejections {
  readonly #log: Log;
  #told: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  look(speaker: Told): void {
    const told = new Set<string>();
    for (const { address, state, prefixes } of speaker.peers()) {
      const rejected = prefixes.received - prefixes.accepted;
      if (state !== "established" || rejected === 0) continue;
      const peer = formatAddress(address);
      told.add(peer);
      if (this.#told.has(peer)) continue;
      const facts = { peer, rejected, ...exampleIn(speaker.received(address)) };
      this.#log.info(
        { event: "bgp.import.rejected", ...facts },
        "the import rules do not let in all that this peer sends",
      );
    }
    this.#told = told;
  }
}

function exampleIn(routes: ReturnType<Told["received"]>): { prefix?: string; rule?: string } {
  let left = SEARCHED;
  for (const { prefix, accepted, rule } of routes) {
    if (accepted === undefined) return { prefix: formatPrefix(prefix), ...(rule !== undefined && { rule }) };
    if (--left === 0) break;
  }
  return {};
}
