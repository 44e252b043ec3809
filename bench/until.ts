/** What a bench waits for. */

import { setImmediate, setTimeout } from "node:timers/promises";

/** The largest of them takes minutes to start. */
const LIMIT_MS = 600_000;

/**
 * Looks again after `everyMs`, or at once, which is exact and takes a processor.
 * @throws Error when it does not come to hold in ten minutes
 */
export async function until(holds: () => boolean, everyMs = 0): Promise<void> {
  const limitMs = performance.now() + LIMIT_MS;
  while (!holds()) {
    if (performance.now() > limitMs) throw new Error(`not within ${LIMIT_MS} ms`);
    await (everyMs === 0 ? setImmediate() : setTimeout(everyMs));
  }
}
