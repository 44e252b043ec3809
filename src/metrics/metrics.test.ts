import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sampleSource } from "../api/sample.ts";
import { createLagHistogram, type LagSnapshot, takeLag } from "./lag.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import type { MetricsSource } from "./snapshot.ts";
import { createStoreTimes } from "./store.ts";

const NO_LAG: LagSnapshot = { samples: 0, meanSeconds: 0, percentiles: [] };

const metricsOf = (changes: Parameters<typeof sampleSource>[0] = {}): Metrics =>
  createMetrics(sourceOf(changes), createStoreTimes());

const sourceOf = (changes: Parameters<typeof sampleSource>[0]): MetricsSource => ({
  ...sampleSource(changes),
  reconcileErrors: () => ({ routes: 3, nat: 0 }),
  pcp: () => ({
    mappings: 2,
    answered: [{ protocol: "pcp", result: "success", count: 5 }],
    dropped: { rate: 3 },
  }),
  natBlocks: () => [{ pool: "default", spare: 128, given: 3 }],
  natTraces: () => [{ kind: "live", verdict: "translated", count: 2 }],
  eventReaders: () => ({ now: 2, dropped: 1 }),
  takeLag: () => NO_LAG,
  storeState: () => ({ connected: true, reconnects: 2, watchLag: 0 }),
});

async function scrape(metrics: Metrics): Promise<string[]> {
  return (await metrics.render()).body.split("\n");
}

describe("each sample says what the snapshot says", () => {
  test.each([
    'bgp_peer_state{peer="198.51.100.2",peer_as="64512"} 1',
    'bgp_peer_state{peer="198.51.100.3",peer_as="64512"} 0',
    'bgp_peer_fsm_state{peer="198.51.100.2",peer_as="64512"} 6',
    'bgp_peer_fsm_state{peer="198.51.100.3",peer_as="64512"} 3',
    'bgp_peer_uptime_seconds{peer="198.51.100.2",peer_as="64512"} 93751',
    'bgp_peer_uptime_seconds{peer="198.51.100.3",peer_as="64512"} 0',
    'bgp_peer_flaps_total{peer="198.51.100.3",peer_as="64512"} 1',
    'bgp_peer_info{peer="198.51.100.2",peer_as="64512",local_as="65000",group="upstream",description="ToR 1"} 1',
    'bgp_messages_received_total{peer="198.51.100.2",peer_as="64512",type="keepalive"} 31250',
    'bgp_messages_sent_total{peer="198.51.100.3",peer_as="64512",type="open"} 2',
    'bgp_update_errors_total{peer="198.51.100.3",peer_as="64512",action="withdraw"} 1',
    'bgp_update_errors_total{peer="198.51.100.2",peer_as="64512",action="reset"} 0',
    'bgp_routes_unsendable_total{peer="198.51.100.2",peer_as="64512"} 0',
    'bgp_prefixes_advertised{peer="198.51.100.2",peer_as="64512"} 4',
    'rpki_cache_up{cache="192.0.2.10:323"} 0',
    'rpki_cache_up{cache="192.0.2.11:8282"} 1',
    'rpki_cache_believed{cache="192.0.2.11:8282"} 1',
    'rpki_cache_expires_seconds{cache="192.0.2.11:8282"} 5931',
    'rpki_cache_vrps{cache="192.0.2.11:8282",family="ipv6"} 142310',
    'rpki_vrps{family="ipv4"} 512034',
    'announcement_info{prefix="203.0.113.0/24",kind="public",health="unchecked"} 1',
    "announcement_info_truncated 0",
    "conntrack_entries 1204",
    "conntrack_limit 262144",
    'pool_addresses{pool="default"} 2',
    'nat_blocks_spare{pool="default"} 128',
    'nat_blocks_given{pool="default"} 3',
    'nat_traces_total{kind="live",verdict="translated"} 2',
    'floating_ips{status="DOWN"} 1',
    'floating_ips{status="ERROR"} 0',
    'health_check_up{service="dns",target="10.65.0.21"} 0',
    'reconcile_errors_total{part="routes"} 3',
    "drift_repairs_total 2",
    "config_loaded 1",
    "config_stale 0",
    "config_last_reload_timestamp_seconds 1795248000",
    "problems 1",
    "store_connected 1",
    "store_reconnects_total 2",
    "store_watch_lag_revisions 0",
  ])("gatewayd_%s", async (line) => {
    expect(await scrape(metricsOf())).toContain(`gatewayd_${line}`);
  });

  test("an anycast prefix of our own carries the health of its members here", async () => {
    const [route] = (await sampleSource().routes({ limit: 1 })).items;
    const metrics = metricsOf({
      routes: [{ ...route!, prefix: "192.0.2.53/32", kind: "anycast", local: true }],
    });
    expect(await scrape(metrics)).toContain(
      'gatewayd_announcement_info{prefix="192.0.2.53/32",kind="anycast",health="partial"} 1',
    );
  });
});

test("questions to the store are counted and timed", async () => {
  const times = createStoreTimes();
  times.observe("commit", "ok", 0.004);
  times.observe("commit", "unavailable", 2);
  const lines = await scrape(createMetrics(sourceOf({}), times));
  expect(lines).toEqual(
    expect.arrayContaining([
      'gatewayd_store_requests_total{operation="commit",result="ok"} 1',
      'gatewayd_store_requests_total{operation="commit",result="unavailable"} 1',
      'gatewayd_store_request_seconds_bucket{le="0.005",operation="commit"} 1',
      'gatewayd_store_request_seconds_count{operation="commit"} 2',
    ]),
  );
});

describe("what is not there is not shown", () => {
  test("a host that has said nothing has no lease", async () => {
    expect((await scrape(metricsOf())).filter((l) => l.startsWith("gatewayd_store_lease"))).toEqual([]);
  });
  test("a peer that went takes its samples with it", async () => {
    const peers = [...(await sampleSource().peers())];
    const metrics = createMetrics({ ...sourceOf({}), peers: () => peers.slice() }, createStoreTimes());
    expect((await scrape(metrics)).join("\n")).toContain("198.51.100.3");
    peers.pop();
    expect((await scrape(metrics)).join("\n")).not.toContain("198.51.100.3");
  });
  test("conntrack that cannot be read has no sample, not zero", async () => {
    const { conntrack: _, ...nat } = await sampleSource().nat();
    expect((await scrape(metricsOf({ nat }))).filter((l) => l.startsWith("gatewayd_conntrack"))).toEqual([]);
  });
  test("own prefixes beyond the limit are left out, and that is told", async () => {
    const [route] = (await sampleSource().routes({ limit: 1 })).items;
    const routes = Array.from({ length: 1001 }, (_, i) => ({
      ...route!,
      local: true,
      prefix: `10.0.${i >> 8}.${i & 255}/32`,
    }));
    const lines = await scrape(metricsOf({ routes }));
    expect(lines.filter((l) => l.startsWith("gatewayd_announcement_info{"))).toHaveLength(1000);
    expect(lines).toContain("gatewayd_announcement_info_truncated 1");
  });
});

test("answers of the API are counted by path and status", async () => {
  const metrics = metricsOf();
  metrics.countAnswer("/api/v1/peers", 200);
  metrics.countAnswer("/api/v1/peers", 200);
  metrics.countAnswer("unknown", 404);
  const lines = await scrape(metrics);
  expect(lines).toContain('gatewayd_api_requests_total{route="/api/v1/peers",code="200"} 2');
  expect(lines).toContain('gatewayd_api_requests_total{route="unknown",code="404"} 1');
});

test("a hostile description stays inside its label", { timeout: 120_000 }, async () => {
  const [peer] = await sampleSource().peers();
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), async (description) => {
      const lines = await scrape(metricsOf({ peers: [{ ...peer!, description }] }));
      const info = lines.filter((l) => l.startsWith("gatewayd_bgp_peer_info"));
      expect(info).toHaveLength(1);
      expect(info[0]).toMatch(/^gatewayd_bgp_peer_info\{(\w+="(?:[^"\\]|\\[\\"n])*",?)+\} 1$/su);
    }),
    { numRuns: 50 },
  );
});

describe("docs/METRICS.md", () => {
  const row = /^\| `(gatewayd_\w+)` \| (\w+) \| ([\w, ]*?) ?\|/gm;
  const text = readFileSync(new URL("../../docs/METRICS.md", import.meta.url), "utf8");
  const listed = [...text.matchAll(row)].map(([, name, type, labels]) => ({
    name,
    type,
    labels: labels!.split(", ").filter(Boolean).sort(),
  }));

  test("lists every metric with its type and labels, and no other", async () => {
    const times = createStoreTimes();
    times.observe("read", "ok", 1);
    const storeState = () => ({ connected: true, reconnects: 0, watchLag: 0, leaseSeconds: 12 });
    const metrics = createMetrics({ ...sourceOf({}), storeState }, times);
    metrics.countAnswer("/api/v1/peers", 200);
    const lines = await scrape(metrics);
    const emitted = lines
      .map((line) => /^# TYPE (\w+) (\w+)$/.exec(line))
      .filter((found) => found !== null)
      .map(([, name, type]) => ({ name, type, labels: labelsOf(lines, name!) }));
    const byName = (a: { name: string | undefined }, b: { name: string | undefined }): number =>
      String(a.name).localeCompare(String(b.name));
    expect(listed.toSorted(byName)).toEqual(emitted.toSorted(byName));
    expect(listed.length).toBeGreaterThan(30);
  });

  test("its alerts name metrics that there are", () => {
    const named = [...text.matchAll(/gatewayd_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));
    expect([...new Set(named)].filter((name) => !listed.some((m) => m.name === name))).toEqual([]);
  });
});

function labelsOf(lines: readonly string[], name: string): string[] {
  const sample = lines.find((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line));
  return [...(sample ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label!).sort();
}

describe("event loop lag", () => {
  const counted = (text: string): number[] =>
    [...text.matchAll(/_bucket\{le="[^"]+"\} (\d+)/g)].map(([, count]) => Number(count));

  test("of a monitor: its own period is no lag, and taking empties it", async () => {
    const monitor = monitorEventLoopDelay({ resolution: 5 });
    monitor.enable();
    await expect.poll(() => monitor.count).toBeGreaterThan(3);
    const blocked = performance.now() + 60;
    while (performance.now() < blocked);
    await expect.poll(() => monitor.max).toBeGreaterThan(50e6);
    monitor.disable();
    const taken = takeLag(monitor, 5);
    expect(taken.samples).toBeGreaterThan(3);
    expect(taken.percentiles.at(-1)![1]).toBeGreaterThan(0.045);
    expect(takeLag(monitor, 5)).toEqual(NO_LAG);
  });

  test("buckets never shrink from one scrape to the next, and end at the count", () => {
    const ascending = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 3, maxLength: 3 });
    const snapshots = fc.array(fc.record({ samples: fc.integer({ min: 1, max: 1e6 }), lags: ascending }));
    fc.assert(
      fc.property(snapshots, (taken) => {
        const histogram = createLagHistogram();
        let before = counted(histogram.text());
        for (const { samples, lags } of taken) {
          const [low = 0, mid = 0, high = 0] = lags.toSorted((a, b) => a - b);
          histogram.add({
            samples,
            meanSeconds: mid,
            percentiles: [
              [0, low],
              [50, mid],
              [100, high],
            ],
          });
          const after = counted(histogram.text());
          expect(after.every((count, i) => count >= before[i]!)).toBe(true);
          expect(after.toSorted((a, b) => a - b)).toEqual(after);
          before = after;
        }
        expect(before.at(-1)).toBe(taken.reduce((sum, { samples }) => sum + samples, 0));
      }),
    );
  });
});
