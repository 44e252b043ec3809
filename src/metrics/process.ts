/** The daemon itself: its build, its configuration, its API, its memory. */

import { Counter, type Registry } from "prom-client";
import { addCounter, addGauge, headOf, one } from "./family.ts";
import type { Read } from "./snapshot.ts";

/** Counts one answer of the API. */
export type CountAnswer = (route: string, code: number) => void;

export function addProcess(registry: Registry, read: Read): CountAnswer {
  addGauge(registry, { name: "build_info", help: "Always 1.", labels: ["version", "node"] }, () => [
    { labels: { version: read().status.version, node: process.version }, value: 1 },
  ]);
  addConfig(registry, read);
  addState(registry, read);
  addGauge(registry, { name: "event_readers", help: "Connections that follow the API's events." }, () =>
    one(read().eventReaders.now),
  );
  addCounter(
    registry,
    {
      name: "event_readers_dropped_total",
      help: "Of these, those that were cut off since they did not read.",
    },
    () => one(read().eventReaders.dropped),
  );
  const requests = new Counter(
    headOf(registry, {
      name: "api_requests_total",
      help: "Answers of the API, by path and HTTP status.",
      labels: ["route", "code"],
    }),
  );
  return (route, code) => requests.inc({ route, code: String(code) });
}

function addConfig(registry: Registry, read: Read): void {
  addGauge(registry, { name: "config_loaded", help: "1: a configuration is in force." }, () =>
    one(read().status.config.loadedAt !== ""),
  );
  addGauge(
    registry,
    { name: "config_stale", help: "1: the file was refused at the last reload; an older one is in force." },
    () => one(read().status.config.stale),
  );
  addGauge(
    registry,
    {
      name: "config_last_reload_timestamp_seconds",
      help: "When the configuration in force was loaded, in seconds since 1970.",
    },
    () => one(Date.parse(read().status.config.loadedAt) / 1000),
  );
}

function addState(registry: Registry, read: Read): void {
  addGauge(registry, { name: "ready", help: "1: everything that is wanted is programmed." }, () =>
    one(read().status.state !== "starting"),
  );
  addGauge(
    registry,
    { name: "problems", help: "What is asked for and cannot be; `gwctl show status` names it." },
    () => one(read().status.problems.length),
  );
  addGauge(registry, { name: "uptime_seconds", help: "Since the daemon started." }, () =>
    one(read().status.uptimeSeconds),
  );
  addGauge(registry, { name: "resident_memory_bytes", help: "Memory of the daemon's process." }, () =>
    one(process.memoryUsage.rss()),
  );
  addCounter(registry, { name: "cpu_seconds_total", help: "Processor time of the daemon's process." }, () => {
    const { user, system } = process.cpuUsage();
    return one((user + system) / 1e6);
  });
}
