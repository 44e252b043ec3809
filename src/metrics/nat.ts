/** Translation, floating IPs, and the health of anycast members. */

import type { Registry } from "prom-client";
import type { FloatingIpAnswer, NatAnswer } from "../api/schema.ts";
import { addCounter, addGauge, one } from "./family.ts";
import type { Read } from "./snapshot.ts";

const STATUSES: readonly FloatingIpAnswer["status"][] = ["ACTIVE", "DOWN", "ERROR"];

export function addNat(registry: Registry, read: Read): void {
  addConntrack(registry, read);
  addGauge(
    registry,
    { name: "nat_programmed", help: "1: the kernel holds the NAT table that is wanted." },
    () => one(read().nat.programmed),
  );
  addGauge(registry, { name: "pool_addresses", help: "Addresses of a NAT pool.", labels: ["pool"] }, () =>
    read().nat.pools.map(({ name, addresses }) => ({ labels: { pool: name }, value: addresses.length })),
  );
  addGauge(registry, { name: "floating_ips", help: "Floating IPs, by status.", labels: ["status"] }, () =>
    STATUSES.map((status) => ({
      labels: { status },
      value: read().floatingIps.filter((f) => f.status === status).length,
    })),
  );
  addLog(registry, read);
  addPcp(registry, read);
  addBlocks(registry, read);
  addHealth(registry, read);
}

/** Targets are those of the configuration: a handful. */
function addLog(registry: Registry, read: Read): void {
  const outputs = (which: "written" | "lost") => () =>
    read().natLog.outputs.map(({ kind, target, [which]: value }) => ({ labels: { kind, target }, value }));
  const labels = ["kind", "target"];
  addCounter(
    registry,
    { name: "nat_log_records_total", help: "Records of translations that were written out.", labels },
    outputs("written"),
  );
  addCounter(
    registry,
    { name: "nat_log_records_lost_total", help: "Records that a file or collector did not take.", labels },
    outputs("lost"),
  );
  addCounter(
    registry,
    {
      name: "nat_log_events_lost_total",
      help: "Sessions that came or went faster than they could be taken note of.",
    },
    () => one(read().natLog.lostInKernel),
  );
}

function addPcp(registry: Registry, read: Read): void {
  addGauge(registry, { name: "pcp_mappings", help: "Mappings that private hosts asked for." }, () =>
    one(read().pcp.mappings),
  );
  addCounter(
    registry,
    {
      name: "pcp_requests_total",
      help: "Requests for mappings that were answered.",
      labels: ["protocol", "result"],
    },
    () =>
      read().pcp.answered.map(({ protocol, result, count }) => ({
        labels: { protocol, result },
        value: count,
      })),
  );
  addCounter(
    registry,
    {
      name: "pcp_dropped_total",
      help: "Requests for mappings that nothing was answered to.",
      labels: ["reason"],
    },
    () => Object.entries(read().pcp.dropped).map(([reason, value]) => ({ labels: { reason }, value })),
  );
}

function addBlocks(registry: Registry, read: Read): void {
  const blocks = (which: "spare" | "given") => () =>
    read().natBlocks.map(({ pool, [which]: value }) => ({ labels: { pool }, value }));
  const labels = ["pool"];
  addGauge(
    registry,
    {
      name: "nat_blocks_spare",
      help: "Port blocks of a pool that can be given to who asks for one.",
      labels,
    },
    blocks("spare"),
  );
  addGauge(
    registry,
    {
      name: "nat_blocks_given",
      help: "Of those, the ones that are given, or rest before they are given again.",
      labels,
    },
    blocks("given"),
  );
  addCounter(
    registry,
    {
      name: "nat_traces_total",
      help: "Packets whose way through the rules was asked for.",
      labels: ["kind", "verdict"],
    },
    () => read().natTraces.map(({ kind, verdict, count }) => ({ labels: { kind, verdict }, value: count })),
  );
}

function addConntrack(registry: Registry, read: Read): void {
  const conntrack = (which: keyof NonNullable<NatAnswer["conntrack"]>) => () => {
    const figures = read().nat.conntrack;
    return figures === undefined ? [] : one(figures[which]);
  };
  addGauge(
    registry,
    {
      name: "conntrack_entries",
      help: "Flows that the kernel tracks; absent when it cannot be read.",
      labels: [],
    },
    conntrack("entries"),
  );
  addGauge(
    registry,
    { name: "conntrack_limit", help: "Flows that it can track at most.", labels: [] },
    conntrack("limit"),
  );
  addCounter(
    registry,
    {
      name: "conntrack_insert_failed_total",
      help: "Flows for which no port was free, or that clashed with another.",
    },
    conntrack("insertFailed"),
  );
  addCounter(
    registry,
    { name: "conntrack_drop_total", help: "Flows for which conntrack had no entry left." },
    conntrack("dropped"),
  );
  addCounter(
    registry,
    {
      name: "nat_refused_packets_total",
      help: "Packets of private addresses that are over a limit.",
      labels: ["limit"],
    },
    () => Object.entries(read().nat.refused ?? {}).map(([limit, value]) => ({ labels: { limit }, value })),
  );
}

/** Only members that this machine checks: of the others it knows nothing but what peers announce. */
function addHealth(registry: Registry, read: Read): void {
  addGauge(
    registry,
    {
      name: "health_check_up",
      help: "1: the anycast member passes its health check. 0: it fails.",
      labels: ["service", "target"],
    },
    () =>
      read().anycast.flatMap(({ name, members }) =>
        members
          .filter(({ health }) => health === "up" || health === "down")
          .map(({ address, health }) => ({
            labels: { service: name, target: address },
            value: Number(health === "up"),
          })),
      ),
  );
}
