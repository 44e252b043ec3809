/** What the reconciler stands on. */

import type { Address } from "../bgp/net/address.ts";
import type { BlockGrant } from "../model/blocks.ts";
import type { Model } from "../model/model.ts";
import type { Announcer, Clock } from "./announcer.ts";
import type { Dataplane, Health, Link } from "./intent.ts";
import type { Learned } from "./learned.ts";
import type { Hops } from "./next-hops.ts";
import type { Snapshot } from "./snapshot.ts";

/** What plans are made from, as it is at the moment of asking. */
export interface Sources {
  /** Undefined until it is loaded. */
  model(): Model | undefined;
  links(): readonly Link[];
  /** Where packets to next hops leave. */
  hops(): Hops;
  /** All peers that were to tell us something have done so, or the time to wait for them is over. */
  learnedComplete(): boolean;
  health(): Health;
  /** Whether a port of another host has that address. */
  isElsewhere(address: Address): boolean;
  /** The same value for the same ones. */
  givenBlocks(): readonly BlockGrant[];
}

export interface ReconcilerOptions {
  readonly sources: Sources;
  /** Whoever changes it calls `routesChanged` of the reconciler. */
  readonly learned: Learned;
  readonly dataplane: Dataplane;
  readonly announcer: Announcer;
  readonly clock: Clock;
  /** Called after each pass, also after one that had to be broken off, and when all learned routes have been seen to. */
  readonly passed?: (snapshot: Snapshot) => void;
}
