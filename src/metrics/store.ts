/** The store of the objects: how often and how long it is asked, and with etcd how it is. */

import { Counter, Histogram, type Registry } from "prom-client";
import { addCounter, addGauge, PREFIX, type Sample } from "./family.ts";
import type { Read } from "./snapshot.ts";

/** Questions to the store, counted from before there is a registry: the daemon begins by reading it. */
export interface StoreTimes {
  readonly observe: (operation: string, result: string, seconds: number) => void;
  readonly addTo: (registry: Registry) => void;
}

/** From a commit on a fast disk to the time after which a member of etcd is given up. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createStoreTimes(): StoreTimes {
  const requests = new Counter({
    name: `${PREFIX}store_requests_total`,
    help: "Questions to the store, by what became of them.",
    labelNames: ["operation", "result"],
    registers: [],
  });
  const times = new Histogram({
    name: `${PREFIX}store_request_seconds`,
    help: "How long the store took to answer, or not to.",
    labelNames: ["operation"],
    buckets: BUCKETS_SECONDS,
    registers: [],
  });
  return {
    observe: (operation, result, seconds) => {
      requests.inc({ operation, result });
      times.observe({ operation }, seconds);
    },
    addTo: (registry) => {
      registry.registerMetric(requests);
      registry.registerMetric(times);
    },
  };
}

export function addEtcd(registry: Registry, read: Read): void {
  const of =
    (value: (etcd: NonNullable<ReturnType<Read>["etcd"]>) => number | boolean | undefined) =>
    (): Sample[] => {
      const { etcd } = read();
      const found = etcd && value(etcd);
      return found === undefined ? [] : [{ value: Number(found) }];
    };
  addGauge(
    registry,
    { name: "store_connected", help: "1: a member of etcd tells every watch what happens." },
    of(({ connected }) => connected),
  );
  addCounter(
    registry,
    { name: "store_reconnects_total", help: "Times that a watch of etcd had to be taken up again." },
    of(({ reconnects }) => reconnects),
  );
  addGauge(
    registry,
    { name: "store_watch_lag_revisions", help: "How far behind etcd the slowest watch is." },
    of(({ watchLag }) => watchLag),
  );
  addGauge(
    registry,
    { name: "store_lease_seconds", help: "Until this host counts as gone, unless etcd hears of it." },
    of(({ leaseSeconds }) => leaseSeconds),
  );
}
