/** Monotonic time for those who take time as an argument. */

import { performance } from "node:perf_hooks";
import type { Clock } from "../gateway/announcer.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  at: (atMs, wake) => {
    const timer = setTimeout(wake, Math.max(0, Math.ceil(atMs - performance.now())));
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
