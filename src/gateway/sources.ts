/** What plans are made from. */

import type { Model } from "../model/model.ts";
import type { Health, Link } from "./intent.ts";
import type { Hops } from "./next-hops.ts";

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
}
