/**
 * Who is connected to whom. In each of these, whatever the policies that {@link Topology} allows, there is one
 * outcome: paths get longer from router to router, or are not passed on at all.
 */

import type { Chance } from "./chance.ts";
import type { Neighbour, Router } from "./oracle.ts";

export interface Topology {
  readonly name: string;
  /** Faults and changes in one run. */
  readonly steps: number;
  readonly build: (chance: Chance) => Router[];
  /** May `router` originate this prefix, the `index`th of all? */
  readonly mayOriginate: (router: Router, index: number) => boolean;
  /**
   * May a rule between these change what is compared (LOCAL_PREF, MED)? Where two routers could each prefer what the
   * other passes on, there would be two outcomes.
   */
  readonly mayRank: (a: Router, b: Router, direction: "import" | "export") => boolean;
}

export const TOPOLOGIES: readonly Topology[] = [
  {
    name: "eBGP chain of 6",
    steps: 60,
    build: (chance) => {
      const routers = Array.from({ length: 6 }, (_, i) => router(i, 65_001 + i, chance));
      for (let i = 1; i < routers.length; i++) connect(routers[i - 1]!, routers[i]!, chance);
      return routers;
    },
    mayOriginate: () => true,
    mayRank: () => false,
  },
  {
    name: "iBGP mesh of 6",
    steps: 60,
    build: (chance) => {
      const routers = Array.from({ length: 6 }, (_, i) => router(i, 65_000, chance));
      mesh(routers, chance);
      return routers;
    },
    mayOriginate: () => true,
    mayRank: () => true,
  },
  {
    name: "star of 50",
    steps: 80,
    build: (chance) => {
      const hub = router(0, 65_000, chance);
      const leaves = Array.from({ length: 50 }, (_, i) => router(i + 1, 65_001 + i, chance));
      for (const leaf of leaves) connect(hub, leaf, chance);
      return [hub, ...leaves];
    },
    mayOriginate: () => true,
    mayRank: () => true,
  },
  {
    name: "two ASes, 3 by 3, multipath",
    steps: 60,
    build: (chance) => {
      const left = [0, 1, 2].map((i) => router(i, 65_001, chance));
      const right = [3, 4, 5].map((i) => router(i, 65_002, chance));
      mesh(left, chance);
      mesh(right, chance);
      for (const a of left) for (const b of right) connect(a, b, chance);
      return [...left, ...right];
    },
    // What both originated, each could prefer from the other.
    mayOriginate: (router, index) => router.asn === 65_001 + (index % 2),
    mayRank: (a, b, direction) => direction === "import" && a.asn !== b.asn,
  },
];

function router(index: number, asn: number, chance: Chance): Router {
  return {
    name: `10.0.0.${index + 1}`,
    v6: `2001:db8:ffff::${(index + 1).toString(16)}`,
    asn,
    multipath: chance.pick([1, 2, 8]),
    neighbours: new Map(),
    originates: new Map(),
    nextHops: new Map(),
  };
}

function mesh(routers: readonly Router[], chance: Chance): void {
  for (const [i, a] of routers.entries()) for (const b of routers.slice(i + 1)) connect(a, b, chance);
}

function connect(a: Router, b: Router, chance: Chance): void {
  const plain = (): Neighbour => ({
    nextHopSelf: chance.holds(0.5),
    addPath: { receive: chance.holds(0.5), send: chance.pick([0, 0, 1, 2, "all"] as const) },
    importRules: [],
    exportRules: [],
  });
  a.neighbours.set(b.name, plain());
  b.neighbours.set(a.name, plain());
}
