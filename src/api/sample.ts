/**
 * A small gateway in memory: the one whose answers docs/API.md and docs/CLI.md show, and that tests ask.
 * Every call gives a new value, so that a caller may change what it got.
 */

import type { ExplainAnswer } from "./explain-schema.ts";
import type { NatBlockAnswer } from "./nat-schema.ts";
import type { NextHopAnswer } from "./next-hop-schema.ts";
import { EXPLANATION, explainsOnly } from "./sample-explain.ts";
import { type NatLists, natLists } from "./sample-nat.ts";
import { sampleErrors, samplePeers } from "./sample-peers.ts";
import { sampleAnnouncements, sampleReceived, sampleRoutes } from "./sample-routes.ts";
import type {
  AnnouncementAnswer,
  AnycastAnswer,
  FloatingIpAnswer,
  MonitorAnswer,
  NatAnswer,
  PeerAnswer,
  PeerErrorAnswer,
  ReceivedAnswer,
  RouteAnswer,
  RpkiAnswer,
  RpkiPrefixAnswer,
  StatusAnswer,
} from "./schema.ts";
import { type ApiSource, CursorError, type Page } from "./source.ts";
import type { StoreAnswer } from "./store-schema.ts";

/** What a sample gateway knows; a test replaces what it is about. */
export interface Sample extends NatLists {
  readonly status: StatusAnswer;
  readonly peers: readonly PeerAnswer[];
  readonly routes: readonly RouteAnswer[];
  readonly announcements: readonly AnnouncementAnswer[];
  readonly received: readonly ReceivedAnswer[];
  /** Of any peer. */
  readonly errors: readonly PeerErrorAnswer[];
  readonly floatingIps: readonly FloatingIpAnswer[];
  readonly nat: NatAnswer;
  /** Of any port, and of any private address. */
  readonly natBlock: NatBlockAnswer;
  /** Of the address that it was asked for, and of no other. */
  readonly explanation: ExplainAnswer;
  readonly anycast: readonly AnycastAnswer[];
  readonly nextHops: readonly NextHopAnswer[];
  readonly rpki: RpkiAnswer;
  readonly rpkiPrefix: RpkiPrefixAnswer;
  readonly monitors: readonly MonitorAnswer[];
  readonly store: StoreAnswer;
  /** Pieces of a file. */
  readonly mrtTable: readonly Uint8Array[];
  /** What is missing until it is ready. */
  readonly reasons: readonly string[];
}

/** An {@link ApiSource} over plain values. A prefix is found by its text alone. */
export function sampleSource(changes: Partial<Sample> = {}): ApiSource {
  const sample: Sample = { ...sampleValues(), ...changes };
  return {
    status: () => sample.status,
    peers: () => sample.peers,
    routes: ({ prefix, kind, local, limit, after }) =>
      pageOf(
        sample.routes.filter(
          (r) => is(r.prefix, prefix) && is(r.kind, kind) && (local === undefined || r.local === local),
        ),
        limit,
        after,
      ),
    received: ({ peer, prefix, limit, after }) =>
      pageOf(
        sample.received.filter((r) => r.peer === peer && (prefix === undefined || r.prefix === prefix)),
        limit,
        after,
      ),
    errors: ({ peer }) => (sample.peers.some((p) => p.address === peer) ? sample.errors : undefined),
    announcements: ({ peer, prefix, kind, limit, after }) =>
      pageOf(
        sample.announcements.filter((a) => is(a.peer, peer) && is(a.prefix, prefix) && is(a.kind, kind)),
        limit,
        after,
      ),
    floatingIps: () => sample.floatingIps,
    ...natSource(sample),
    explain: explainsOnly(sample.explanation),
    anycast: () => sample.anycast,
    nextHops: () => sample.nextHops,
    rpki: () => sample.rpki,
    rpkiPrefix: () => sample.rpkiPrefix,
    monitors: () => sample.monitors,
    store: () => sample.store,
    birdwatcher: {
      status: () => {
        const time = "2026-11-21 08:00:00";
        const times = { current_server: time, last_reboot: time, last_reconfig: time };
        return {
          ...times,
          message: "Daemon is up and running",
          router_id: "192.168.8.1",
          version: "gatewayd",
        };
      },
      protocols: () => ({}),
      routes: () => undefined,
      lookUp: () => [],
    },
    mrtTable: () => sample.mrtTable,
    ready: () => ({ ready: sample.reasons.length === 0, reasons: sample.reasons }),
    metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4; charset=utf-8", body: "" }),
  };
}

const natSource = (sample: Sample): Pick<ApiSource, Extract<keyof ApiSource, `nat${string}`>> => ({
  nat: () => sample.nat,
  natWho: () => sample.natBlock,
  natBlock: () => sample.natBlock,
  natSessions: () => sample.natSessions,
  natTop: () => sample.natTop,
  natPools: () => sample.natPools,
  natLog: () => sample.natLog,
  natMappings: () => sample.natMappings,
  natTrace: ({ live: seconds }) => {
    const { live, ...dry } = sample.natTrace;
    return seconds === undefined || live === undefined ? dry : { ...dry, live };
  },
});

const is = (value: string, wanted: string | undefined): boolean => wanted === undefined || value === wanted;

/** Pages by index; a cursor is the index of the first item that follows. */
function pageOf<T>(items: readonly T[], limit: number, after = "0"): Page<T> {
  if (!/^\d{1,9}$/.test(after)) throw new CursorError(after);
  const end = Number(after) + limit;
  const page = items.slice(Number(after), end);
  return end < items.length ? { items: page, next: String(end) } : { items: page };
}

function sampleValues(): Sample {
  return {
    status: status(),
    peers: samplePeers(),
    routes: sampleRoutes(),
    announcements: sampleAnnouncements(),
    received: sampleReceived(),
    errors: sampleErrors(),
    floatingIps: sampleFloatingIps(),
    nat: {
      private: ["10.65.0.0/16"],
      exempt: ["10.0.0.0/8", "192.168.0.0/16"],
      untracked: ["203.0.113.0/24"],
      pools: [
        {
          name: "default",
          addresses: ["198.51.100.10", "198.51.100.16"],
          ports: "1024-65535",
          mapping: "addressAndPortDependent",
          filtering: "addressAndPortDependent",
          blockSize: 1024,
        },
      ],
      floating: 1,
      timeouts: { udp: 300, icmp: 60, tcpEstablished: 7440, tcpOpening: 240, tcpClosing: 240 },
      programmed: true,
      conntrack: { entries: 1204, limit: 262144, insertFailed: 0, dropped: 0 },
      limits: { sessionsPerAddress: 2000 },
      refused: { sessions: 12, rate: 0, ports: 0 },
    },
    natBlock: {
      asked: "198.51.100.10:3127",
      at: "2026-11-22T09:00:00.000Z",
      private: "10.65.0.2",
      block: { address: "198.51.100.10", ports: "3072-4095" },
      why: "ports 3072-4095 of 198.51.100.10 are its block",
      since: "2026-11-17T08:30:00.000Z",
      before: { private: "10.65.0.5", until: "2026-11-17T08:30:00.000Z" },
    },
    ...natLists(),
    explanation: EXPLANATION,
    anycast: anycast(),
    nextHops: nextHops(),
    rpki: rpki(),
    rpkiPrefix: {
      prefix: "192.0.2.0/24",
      origins: [{ asn: 64513, validity: "invalid" }],
      vrps: [{ prefix: "192.0.2.0/24", maxLength: 24, asn: 64512 }],
    },
    monitors: monitors(),
    store: store(),
    mrtTable: [],
    reasons: [],
  };
}

const sampleFloatingIps = (): readonly FloatingIpAnswer[] => [
  {
    address: "172.16.1.3",
    to: "10.65.0.13",
    egress: "floating",
    place: "here",
    status: "ACTIVE",
    announced: true,
  },
  {
    address: "172.16.1.4",
    to: "10.65.0.99",
    egress: "fixed",
    place: "elsewhere",
    status: "DOWN",
    announced: false,
    reason: "no route to 10.65.0.99",
  },
  {
    address: "172.16.1.5",
    forwards: [
      { protocol: "tcp", port: "443", to: "10.65.0.13", toPort: "8443" },
      { protocol: "udp", port: "5000-5099", to: "10.65.0.14", toPort: "5000-5099" },
    ],
    place: "here",
    status: "ACTIVE",
    announced: true,
  },
];

function status(): StatusAnswer {
  return {
    version: "0.1.0",
    role: "gateway",
    hostname: "gw1",
    asn: 65000,
    routerId: "192.168.8.1",
    uptimeSeconds: 93784,
    state: "degraded",
    config: { file: "/etc/gatewayd/gateway.yaml", loadedAt: "2026-11-21T08:00:00.000Z", stale: false },
    kernel: { type: "linux", connected: true, restarts: 1, routes: 5, driftRepairs: 2 },
    peers: { configured: 2, established: 1 },
    problems: [{ code: "nexthop.unresolved", subject: "172.16.1.4/32", message: "no route to 10.65.0.99" }],
  };
}

function nextHops(): NextHopAnswer[] {
  return [
    {
      nextHop: "192.0.2.1",
      reachable: true,
      metric: 20,
      route: "192.0.2.0/24",
      via: [
        { gateway: "198.51.100.2", interface: "eth0" },
        { gateway: "198.51.100.6", interface: "eth1" },
      ],
    },
    { nextHop: "192.0.2.9", reachable: false, reason: "next hop 192.0.2.9 has no route", via: [] },
    {
      nextHop: "198.51.100.2",
      reachable: true,
      metric: 0,
      route: "198.51.100.0/30",
      via: [{ interface: "eth0" }],
    },
  ];
}

function store(): StoreAnswer {
  return {
    type: "local",
    at: ["/var/lib/gatewayd"],
    answers: true,
    revision: 812,
    objects: { networks: 2, subnets: 2, ports: 41, routers: 1, floatingips: 12 },
  };
}

function monitors(): MonitorAnswer[] {
  const nothing = { messages: 0, waitingOctets: 0, lost: 0 };
  return [
    { kind: "bmp", target: "192.0.2.9:11019", state: "up", ...nothing, messages: 1204 },
    {
      kind: "bmp",
      target: "[2001:db8::9]:5000",
      state: "down",
      ...nothing,
      lastError: "connect ECONNREFUSED",
    },
    {
      kind: "mrt",
      target: "/var/lib/gatewayd/updates.20261122.0915.mrt",
      state: "up",
      ...nothing,
      messages: 88,
    },
  ];
}

function anycast(): AnycastAnswer[] {
  return [
    {
      name: "dns",
      origin: "file",
      address: "192.0.2.53",
      announced: true,
      members: [
        { address: "10.65.0.20", place: "here", health: "up" },
        { address: "10.65.0.21", place: "here", health: "down", lastError: "connection refused" },
      ],
      paths: ["10.65.0.20"],
    },
  ];
}

function rpki(): RpkiAnswer {
  return {
    caches: [
      {
        address: "192.0.2.10",
        port: 323,
        preference: 1,
        state: "waiting",
        believed: false,
        vrps: { ipv4: 0, ipv6: 0 },
        lastError: { at: "2026-11-21T09:58:12.000Z", text: "connection refused" },
      },
      {
        address: "192.0.2.11",
        port: 8282,
        preference: 2,
        state: "ready",
        believed: true,
        version: 1,
        sessionId: 44067,
        serial: 12,
        vrps: { ipv4: 512034, ipv6: 142310 },
        expiresSeconds: 5931,
      },
    ],
    vrps: { ipv4: 512034, ipv6: 142310 },
  };
}
