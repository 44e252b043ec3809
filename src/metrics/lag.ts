/**
 * How late the event loop is, as a Prometheus histogram.
 *
 * perf_hooks keeps an HDR histogram in C++, sampled on its own timer, and shows it as percentiles. Each scrape takes
 * what was gathered since the one before and adds it to buckets here, so that these only ever grow: buckets made anew
 * from the percentiles of all time would now and then shrink, which Prometheus takes for a restart.
 */

import type { IntervalHistogram } from "node:perf_hooks";
import { PREFIX } from "./family.ts";

export interface LagSnapshot {
  readonly samples: number;
  readonly meanSeconds: number;
  /** Percent (0..100) to seconds, ascending. Empty without samples. */
  readonly percentiles: readonly (readonly [percent: number, seconds: number])[];
}

/**
 * From a slice of the RIB's work (a few ms) over the tick that a user feels to a third of the shortest hold time
 * (RFC 4271 §4.2: 3 s), where keepalives come too late.
 */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

/**
 * Takes and empties what a monitor gathered. A monitor measures from tick to tick of its own timer: that timer's
 * period is no lag.
 * @param monitor - of perf_hooks.monitorEventLoopDelay, enabled
 * @param resolutionMs - what it was made with
 */
export function takeLag(monitor: IntervalHistogram, resolutionMs: number): LagSnapshot {
  const lagSeconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3);
  const samples = monitor.count;
  const taken: LagSnapshot =
    samples === 0
      ? { samples, meanSeconds: 0, percentiles: [] }
      : {
          samples,
          meanSeconds: lagSeconds(monitor.mean),
          percentiles: [...monitor.percentiles].map(([percent, ns]) => [percent, lagSeconds(ns)] as const),
        };
  monitor.reset();
  return taken;
}

export interface LagHistogram {
  add(snapshot: LagSnapshot): void;
  /** In the text format of Prometheus. */
  text(): string;
}

export function createLagHistogram(): LagHistogram {
  const counts = new Array<number>(BUCKETS_SECONDS.length).fill(0);
  let samples = 0;
  let sumSeconds = 0;
  return {
    add: (snapshot) => {
      samples += snapshot.samples;
      sumSeconds += snapshot.samples * snapshot.meanSeconds;
      for (const [i, bound] of BUCKETS_SECONDS.entries()) counts[i]! += atMost(snapshot, bound);
    },
    text: () => {
      const name = `${PREFIX}eventloop_lag_seconds`;
      return [
        `# HELP ${name} How late the event loop came to a timer.`,
        `# TYPE ${name} histogram`,
        ...BUCKETS_SECONDS.map((bound, i) => `${name}_bucket{le="${bound}"} ${counts[i]}`),
        `${name}_bucket{le="+Inf"} ${samples}`,
        `${name}_sum ${sumSeconds}`,
        `${name}_count ${samples}`,
        "",
      ].join("\n");
    },
  };
}

/** Samples at or below a bound: rounded down, since percentiles come in steps, and so never more than there were. */
function atMost({ samples, percentiles }: LagSnapshot, boundSeconds: number): number {
  const below = percentiles.findLast(([, seconds]) => seconds <= boundSeconds);
  return below === undefined ? 0 : Math.floor((samples * below[0]) / 100);
}
