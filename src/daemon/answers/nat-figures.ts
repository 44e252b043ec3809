/** What metrics tell of port blocks, and of packets that were asked about. */

import type { NatTraceAnswer } from "../../api/nat-schema.ts";
import { sameAddress } from "../../bgp/net/address.ts";
import type { BlockFigures, TraceFigures } from "../../metrics/snapshot.ts";
import type { Model } from "../../model/model.ts";
import type { GivenBlocks } from "../given-blocks.ts";

/** Of pools that have blocks to give. */
export const blockFigures = (
  { nat }: Pick<Model, "nat">,
  givenBlocks: Pick<GivenBlocks, "useOfPools">,
): readonly BlockFigures[] =>
  givenBlocks.useOfPools().flatMap(({ address, spare, given }) => {
    const pool = nat.pools.find(({ addresses }) => addresses.some((one) => sameAddress(one, address)));
    return pool === undefined ? [] : { pool: pool.name, spare, given };
  });

/** How many were asked for since the start, by what became of them. */
export class TraceTally {
  readonly #counts = new Map<string, TraceFigures>();

  count({ verdict, live }: NatTraceAnswer): void {
    const seen = live?.seen === true ? "live" : "unseen";
    const kind = live === undefined ? "dry" : seen;
    const key = `${kind} ${verdict}`;
    const before = this.#counts.get(key)?.count ?? 0;
    this.#counts.set(key, { kind, verdict, count: before + 1 });
  }

  get figures(): readonly TraceFigures[] {
    return [...this.#counts.values()];
  }
}
