/** What one scrape sees: read once, so that all of its metrics speak of the same moment. */

import type { NatLogAnswer, NatTraceAnswer } from "../api/nat-schema.ts";
import type { NextHopAnswer } from "../api/next-hop-schema.ts";
import type {
  AnycastAnswer,
  FloatingIpAnswer,
  MonitorAnswer,
  NatAnswer,
  PeerAnswer,
  RouteAnswer,
  RpkiAnswer,
  StatusAnswer,
} from "../api/schema.ts";
import type { ApiSource, Page } from "../api/source.ts";
import type { EtcdAnswer } from "../api/store-schema.ts";
import type { LagSnapshot } from "./lag.ts";

interface EventReaders {
  readonly now: number;
  readonly dropped: number;
}

/** Since the start; all keys are of fixed sets. */
export interface PcpFigures {
  readonly mappings: number;
  /** Requests that were answered, by protocol and result. */
  readonly answered: readonly {
    readonly protocol: string;
    readonly result: string;
    readonly count: number;
  }[];
  /** Requests that nothing was answered to, by why. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Of a pool: blocks that can be given to who asks, and how many are. */
export interface BlockFigures {
  readonly pool: string;
  readonly spare: number;
  readonly given: number;
}

/** Traces of packets since the start. */
export interface TraceFigures {
  /** By the rules alone; with a real packet; with one that did not come. */
  readonly kind: "dry" | "live" | "unseen";
  readonly verdict: NatTraceAnswer["verdict"];
  readonly count: number;
}

export interface MetricsSource
  extends Pick<
    ApiSource,
    | "status"
    | "peers"
    | "routes"
    | "floatingIps"
    | "nat"
    | "anycast"
    | "nextHops"
    | "rpki"
    | "monitors"
    | "natLog"
  > {
  /** Changes that the kernel refused since the start, by part: routes, nat, taps. Parts are a fixed set. */
  reconcileErrors(): Readonly<Record<string, number>>;
  /** Mappings that hosts ask for. */
  pcp(): PcpFigures;
  natBlocks(): readonly BlockFigures[];
  natTraces(): readonly TraceFigures[];
  /** Who follows the API's events, and how many were cut off since the start because they did not read. */
  eventReaders(): EventReaders;
  /** How late the event loop was since the last call. */
  takeLag(): LagSnapshot;
  /** Without asking etcd; undefined: the store is this machine's alone. */
  storeState(): EtcdAnswer | undefined;
}

export interface Snapshot {
  readonly status: StatusAnswer;
  readonly peers: readonly PeerAnswer[];
  /** Own prefixes, at most {@link OWN_PREFIXES_MAX}. */
  readonly own: Page<RouteAnswer>;
  readonly floatingIps: readonly FloatingIpAnswer[];
  readonly nat: NatAnswer;
  readonly anycast: readonly AnycastAnswer[];
  readonly nextHops: readonly NextHopAnswer[];
  readonly rpki: RpkiAnswer;
  readonly monitors: readonly MonitorAnswer[];
  readonly natLog: NatLogAnswer;
  readonly pcp: PcpFigures;
  readonly natBlocks: readonly BlockFigures[];
  readonly natTraces: readonly TraceFigures[];
  readonly reconcileErrors: Readonly<Record<string, number>>;
  readonly eventReaders: EventReaders;
  readonly etcd: EtcdAnswer | undefined;
}

/** Gives the snapshot of the scrape under way. */
export type Read = () => Snapshot;

/** Own prefixes that become a label, so that a gateway with many of them does not fill a Prometheus server. */
const OWN_PREFIXES_MAX = 1000;

export async function takeSnapshot(source: MetricsSource): Promise<Snapshot> {
  const [status, peers, own, floatingIps, nat, anycast, nextHops, rpki, monitors, natLog] = await Promise.all(
    [
      source.status(),
      source.peers(),
      source.routes({ local: true, limit: OWN_PREFIXES_MAX }),
      source.floatingIps(),
      source.nat(),
      source.anycast(),
      source.nextHops(),
      source.rpki(),
      source.monitors(),
      source.natLog(),
    ],
  );
  return {
    status,
    peers,
    own,
    floatingIps,
    nat,
    anycast,
    nextHops,
    rpki,
    monitors,
    natLog,
    pcp: source.pcp(),
    natBlocks: source.natBlocks(),
    natTraces: source.natTraces(),
    reconcileErrors: source.reconcileErrors(),
    eventReaders: source.eventReaders(),
    etcd: source.storeState(),
  };
}
