/**
 * Speakers on virtual time, driven by a seed. SEEDS=1000 runs so many for each topology, SEED=17 that one.
 */

import { describe, test } from "vitest";
import { run } from "./run.ts";
import { TOPOLOGIES } from "./topologies.ts";

const { SEED, SEEDS } = process.env;
const seeds =
  SEED === undefined ? Array.from({ length: Number(SEEDS ?? 5) }, (_, i) => i + 1) : [Number(SEED)];

describe.each(TOPOLOGIES.map((topology) => [topology.name, topology] as const))("%s", (_, topology) => {
  test.each(seeds)("seed %i", (seed) => run(topology, seed));
});
