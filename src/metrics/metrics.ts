/** All metrics of a daemon: a registry of its own, filled from one snapshot per scrape. */

import { Registry } from "prom-client";
import { addBgp } from "./bgp.ts";
import { addKernel } from "./kernel.ts";
import { createLagHistogram } from "./lag.ts";
import { addNat } from "./nat.ts";
import { addProcess, type CountAnswer } from "./process.ts";
import { addRpki } from "./rpki.ts";
import { type MetricsSource, type Snapshot, takeSnapshot } from "./snapshot.ts";
import { addEtcd, type StoreTimes } from "./store.ts";

export interface Metrics {
  /** For {@link ApiSource.metrics}. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
  /** For {@link ApiOptions.onAnswer}. */
  readonly countAnswer: CountAnswer;
}

export function createMetrics(source: MetricsSource, storeTimes: StoreTimes): Metrics {
  const registry = new Registry();
  const lag = createLagHistogram();
  let snapshot: Snapshot | undefined;
  const read = (): Snapshot => {
    if (snapshot === undefined) throw new RangeError("a metric was read outside a scrape");
    return snapshot;
  };
  addBgp(registry, read);
  addNat(registry, read);
  addRpki(registry, read);
  addKernel(registry, read);
  storeTimes.addTo(registry);
  addEtcd(registry, read);
  const countAnswer = addProcess(registry, read);
  return {
    countAnswer,
    render: async () => {
      snapshot = await takeSnapshot(source);
      lag.add(source.takeLag());
      // Every collect() runs before metrics() first awaits, so a second scrape cannot put its snapshot in between.
      const body = await registry.metrics();
      return { contentType: registry.contentType, body: `${body}\n${lag.text()}` };
    },
  };
}
