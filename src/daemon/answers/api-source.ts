/** The API's view of a running gateway: snapshots, made when asked for. */

import type { IntervalHistogram } from "node:perf_hooks";
import type { EventFeed } from "../../api/events.ts";
import type { NatAnswer, ReadyAnswer, StatusAnswer } from "../../api/schema.ts";
import type { ApiSource } from "../../api/source.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import { takeLag } from "../../metrics/lag.ts";
import { createMetrics, type Metrics } from "../../metrics/metrics.ts";
import type { MetricsSource } from "../../metrics/snapshot.ts";
import type { StoreTimes } from "../../metrics/store.ts";
import type { Gateway } from "../gateway.ts";
import { mrtTable } from "../records/mrt-table.ts";
import { VERSION } from "../version.ts";
import { announcementsPage, receivedPage, routesPage } from "./bgp-answers.ts";
import { birdwatcher } from "./birdwatcher.ts";
import { type BlockSource, blockAnswer, whoAnswer } from "./block-answers.ts";
import { explainAnswer } from "./explain/explain.ts";
import type { ExplainSource, ObjectsView } from "./explain/source.ts";
import { anycastAnswers, floatingIpAnswers, natAnswer, nextHopAnswer } from "./gateway-answers.ts";
import { mappingsAnswer, pcpFigures } from "./mapping-answers.ts";
import { blockFigures, TraceTally } from "./nat-figures.ts";
import { errorAnswers, isNamed, peerAnswer } from "./peer-answers.ts";
import { rpkiAnswer, rpkiPrefixAnswer } from "./rpki-answers.ts";
import { poolAnswers, sessionsAnswer, topAnswer } from "./session-answers.ts";
import { traceAnswer } from "./trace-answers.ts";

/** Problems that are shown: peers decide how many next hops cannot be reached. */
const PROBLEMS = 1000;

/** What became of the configuration file. */
export interface ConfigState {
  readonly file: string;
  readonly loadedAt: Date;
  /** Why the file was refused at the last reload; undefined: what it says is in force. */
  readonly refused: string | undefined;
}

export interface LagMonitor {
  readonly histogram: IntervalHistogram;
  readonly resolutionMs: number;
}

/** What is told of the store. */
export interface StoreViews extends Pick<MetricsSource, "storeState"> {
  readonly store: ApiSource["store"];
  readonly storeTimes: StoreTimes;
  /** What lies in it, as of now. */
  readonly objects: () => ObjectsView;
}

export function apiSource(
  gateway: Gateway,
  config: () => ConfigState,
  lag: LagMonitor,
  { store, storeState, storeTimes, objects }: StoreViews,
  events: Pick<EventFeed, "readers" | "dropped" | "behind">,
): { readonly source: ApiSource; readonly metrics: Metrics } {
  const startedMs = performance.now();
  const traces = new TraceTally();
  const views: Omit<
    MetricsSource & ApiSource,
    | "metrics"
    | "takeLag"
    | "reconcileErrors"
    | "eventReaders"
    | "storeState"
    | "pcp"
    | "natBlocks"
    | "natTraces"
  > = {
    status: () => statusAnswer(gateway, config(), (performance.now() - startedMs) / 1000),
    peers: () => gateway.speaker.peers().map(peerAnswer),
    routes: (query) =>
      routesPage(
        gateway.speaker,
        { ...gateway.reconciler.snapshot(), nextHop: (address) => gateway.nextHops.get(address) },
        query,
      ),
    announcements: (query) => announcementsPage(gateway.speaker, query),
    received: (query) => receivedPage(gateway.speaker, query),
    errors: ({ peer }) => {
      const known = gateway.speaker.peers().find((each) => isNamed(each, peer));
      return known && errorAnswers(known);
    },
    floatingIps: () => floatingIpAnswers(gateway.model, gateway.reconciler.snapshot()),
    ...natViews(gateway, traces),
    nextHops: () => gateway.nextHops.all().map(nextHopAnswer),
    anycast: () =>
      anycastAnswers(gateway.model, gateway.settings.model, gateway.reconciler.snapshot(), gateway.checks),
    rpki: () => rpkiAnswer(gateway.speaker),
    rpkiPrefix: (query) => rpkiPrefixAnswer(gateway.speaker, query),
    explain: (query) =>
      explainAnswer(explainSource(gateway, objects(), events.behind(undefined).events), query),
    store,
    monitors: () => gateway.monitors.answers(),
    birdwatcher: birdwatcher({
      speaker: gateway.speaker,
      routerId: () => formatAddress(gateway.model.bgp.routerId),
      version: VERSION,
      startedMs: Date.now(),
      loadedMs: () => config().loadedAt.getTime(),
      nowMs: () => Date.now(),
    }),
    mrtTable: () => mrtTable(gateway),
    ready: () => readyAnswer(gateway),
  };
  const metrics = createMetrics(
    {
      ...views,
      reconcileErrors: () => gateway.tally.errors(),
      pcp: () => pcpFigures(gateway.pcp),
      natBlocks: () => blockFigures(gateway.model, gateway.givenBlocks),
      natTraces: () => traces.figures,
      eventReaders: () => ({ now: events.readers, dropped: events.dropped }),
      takeLag: () => takeLag(lag.histogram, lag.resolutionMs),
      storeState,
    },
    storeTimes,
  );
  return { source: { ...views, metrics: () => metrics.render() }, metrics };
}

type NatViews = Extract<keyof ApiSource, `nat${string}`>;

const natViews = (gateway: Gateway, traces: TraceTally): Pick<ApiSource, NatViews> => ({
  nat: () => natOf(gateway),
  natWho: (query) => whoAnswer(blockSource(gateway), query),
  natSessions: (query) => sessionsAnswer(gateway.forwarding.sessions, query),
  natTop: (query) => topAnswer(gateway.forwarding.sessions, query),
  natPools: () =>
    poolAnswers(
      gateway.forwarding.sessions,
      gateway.model,
      gateway.blockHistory.epochs.at(-1)?.plan,
      gateway.drains,
      gateway.givenBlocks,
    ),
  natTrace: async (query) => {
    const answer = await traceAnswer(gateway, query);
    traces.count(answer);
    return answer;
  },
  natLog: () => gateway.natLogs.answer(),
  natMappings: (query) => mappingsAnswer(gateway, query),
  natBlock: (query) => blockAnswer(blockSource(gateway), query),
});

async function natOf({ forwarding, model, reconciler }: Gateway): Promise<NatAnswer> {
  const [conntrack, refused] = await Promise.all([
    forwarding.conntrack().catch(() => undefined),
    forwarding.refused().catch(() => undefined),
  ]);
  return natAnswer(model, reconciler.snapshot(), { conntrack, refused });
}

function explainSource(
  gateway: Gateway,
  objects: ObjectsView,
  events: ExplainSource["events"],
): ExplainSource {
  const { model, links, speaker } = gateway;
  const now = gateway.reconciler.snapshot();
  return {
    ...{ model, file: gateway.settings.model, now, links, speaker, objects, events },
    nextHop: (address) => gateway.nextHops.get(address),
    ...{ trace: gateway, blocks: blockSource(gateway), mappings: gateway },
    problems: gateway.problems(now),
  };
}

const blockSource = (gateway: Gateway): BlockSource => ({
  model: gateway.model,
  epochs: gateway.blockHistory.epochs,
  spans: gateway.blockHistory.spans,
  nowMs: Date.now(),
});

function statusAnswer(gateway: Gateway, config: ConfigState, uptimeSeconds: number): StatusAnswer {
  const { model } = gateway;
  const now = gateway.reconciler.snapshot();
  const peers = gateway.speaker.peers();
  const { connected, restarts } = gateway.forwarding.state();
  const problems = gateway.problems(now);
  const broken = problems.length > 0 || config.refused !== undefined;
  return {
    version: VERSION,
    role: model.role,
    hostname: model.hostname,
    asn: model.bgp.asn,
    routerId: formatAddress(model.bgp.routerId),
    uptimeSeconds: Math.floor(uptimeSeconds),
    state: gateway.complete ? (broken ? "degraded" : "ready") : "starting",
    config: {
      file: config.file,
      loadedAt: config.loadedAt.toISOString(),
      stale: config.refused !== undefined,
      ...(config.refused !== undefined && { error: config.refused }),
    },
    kernel: {
      type: gateway.forwarding.type,
      connected,
      restarts,
      routes: now.installed,
      driftRepairs: now.driftRepairs,
    },
    ...(gateway.dhcp !== undefined && { dhcp: gateway.dhcp }),
    peers: {
      configured: model.bgp.peers.filter(({ remote }) => !("range" in remote)).length,
      established: peers.filter(({ state }) => state === "established").length,
    },
    problems: problems.slice(0, PROBLEMS),
  };
}

function readyAnswer(gateway: Gateway): ReadyAnswer {
  const reasons: string[] = [];
  const { synced, failures } = gateway.reconciler.snapshot();
  if (!synced) reasons.push("the kernel has not been compared with the configuration yet");
  if (!gateway.complete) reasons.push("peers that were to tell what they know have not all done so yet");
  for (const [what, why] of failures) reasons.push(`${what}: ${why}`);
  return { ready: reasons.length === 0, reasons };
}
