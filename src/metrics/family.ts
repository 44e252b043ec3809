/** Metric families whose samples are read when someone scrapes, and are gone when what they speak of is gone. */

import { Counter, Gauge, type Registry } from "prom-client";

export interface Family {
  /** Without the prefix; base units in the name. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every name of ours begins with it. */
export const PREFIX = "gatewayd_";

export function addGauge(registry: Registry, family: Family, read: () => Iterable<Sample>): void {
  const gauge = new Gauge({
    ...headOf(registry, family),
    collect: () => {
      empty(gauge, family);
      for (const { labels = {}, value } of read()) gauge.set(labels, value);
    },
  });
}

/** A counter that someone else counts: each scrape shows the number that `read` gives. */
export function addCounter(registry: Registry, family: Family, read: () => Iterable<Sample>): void {
  const counter = new Counter({
    ...headOf(registry, family),
    collect: () => {
      empty(counter, family);
      for (const { labels = {}, value } of read()) counter.inc(labels, value);
    },
  });
}

/** Without labels, reset() alone leaves a sample of zero: a figure that was not read would look like one that was. */
function empty(metric: Gauge | Counter, { labels = [] }: Family): void {
  metric.reset();
  if (labels.length === 0) metric.remove({});
}

export function headOf(
  registry: Registry,
  { name, help, labels = [] }: Family,
): { name: string; help: string; labelNames: readonly string[]; registers: Registry[] } {
  return { name: PREFIX + name, help, labelNames: labels, registers: [registry] };
}

/** The sample of a family without labels. */
export const one = (value: number | boolean): readonly Sample[] => [{ value: Number(value) }];
