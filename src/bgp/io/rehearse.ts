/** A rehearsal in the time that nobody else wants. */

import { setImmediate } from "node:timers/promises";
import { Rehearsal } from "../speaker/rehearsal.ts";

/**
 * Has V8 compile what routes pass through, before there are any: for a program that means to take many at its start.
 * Some 0.4 s of CPU time, in pieces of some milliseconds. Resolves when it is over, or `signal` ends it.
 */
export async function rehearse(signal?: AbortSignal): Promise<void> {
  const rehearsal = new Rehearsal();
  while (signal?.aborted !== true && rehearsal.step()) await setImmediate();
}
