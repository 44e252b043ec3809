/** What one turn of the lane puts into the kernel. */

import type { Row } from "./departures.ts";
import type { KernelRoute } from "./intent.ts";

/** Learned routes that the kernel is asked for together. */
export class Batch {
  readonly rows: Row[] = [];
  /** Numbers of targets, with a reference each. */
  readonly target: number[] = [];
  readonly routes: KernelRoute[] = [];

  get size(): number {
    return this.rows.length;
  }
}
