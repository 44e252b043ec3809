/** `gatewayd run FILE`: from the file to a gateway that runs until it is told to stop. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { EventFeed } from "../api/events.ts";
import type { IdentityApi } from "../api/keystone-session.ts";
import { createApi } from "../api/server.ts";
import { rehearse } from "../bgp/io/rehearse.ts";
import { hostPrefix } from "../bgp/net/address.ts";
import { formatAddress, parseAddress } from "../bgp/net/text.ts";
import type { StopHow } from "../bgp/speaker/speaker.ts";
import { report, summary } from "../config/check.ts";
import type { Loaded } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { KeptIdentity } from "../identity/kept.ts";
import { createStoreTimes, type StoreTimes } from "../metrics/store.ts";
import type { Endpoint, Model } from "../model/model.ts";
import { apiSource, type ConfigState, type LagMonitor, type StoreViews } from "./answers/api-source.ts";
import { bgpFace } from "./answers/bgp-face.ts";
import { orderPeer } from "./answers/peer-answers.ts";
import { storeAnswer } from "./answers/store-answer.ts";
import { CertificateFiles } from "./certificate.ts";
import { loadFile, refusalOf } from "./config-file.ts";
import { EXIT } from "./exit.ts";
import { Gateway } from "./gateway.ts";
import { DhcpServer } from "./objects/dhcp-server.ts";
import { type Networking, openNetworking, unixTime } from "./objects/networking.ts";
import { OwnObjects } from "./objects/own.ts";
import { openPeople, untilRestart } from "./objects/people-file.ts";
import { describeStore, type OpenStore, openForDaemon } from "./objects/store.ts";
import { hearChange, hearLog } from "./records/events.ts";
import { createLog, type Log } from "./records/log.ts";
import { Signals, type StopOrder } from "./signals.ts";
import { VERSION } from "./version.ts";

/** How often the event loop's lag is sampled. */
const LAG_RESOLUTION_MS = 10;

/** How long answers of the API that are under way may delay the end. */
const CLOSE_MS = 1000;

/** What peers' operators read when we stop and nobody said anything else (RFC 9003). */
const STOP_TEXT = { plain: "gatewayd was stopped", graceful: "gatewayd restarts" } as const;

const STOPPING = {
  plain: "ending every session; what is in the kernel stays",
  graceful: "leaving every session so that peers keep the routes; what is in the kernel stays",
} as const;

/** Resolves to the exit status when the gateway has stopped. */
export async function run(file: string, { rehearsal }: { rehearsal: boolean }): Promise<number> {
  const signals = new Signals();
  // A gateway is idle for hours before the next table comes; V8 would have forgotten what it compiled.
  setFlagsFromString("--no-flush-bytecode");
  const loaded = loadFile(file);
  if (!loaded.ok) {
    process.stderr.write(report(loaded));
    return EXIT.config;
  }
  const events = new EventFeed(Date.now().toString(36));
  const log = createLog(loaded.log, (line) => hearLog(events, line));
  // A bug of ours ends the process as Node does it; what programs read has a line about it too.
  process.on("uncaughtExceptionMonitor", (error) =>
    log.fatal({ event: "gateway.crashed", err: error }, "a bug"),
  );
  logWarnings(log, loaded);
  log.info({ event: "gateway.start", version: VERSION, file, pid: process.pid }, summary(loaded.model));
  try {
    await runUntilStopped({ file, settings: loaded, rehearsal, log, signals, events });
    return EXIT.ok;
  } catch (error) {
    log.fatal({ event: "gateway.failed" }, reasonOf(error));
    return EXIT.failed;
  }
}

async function runUntilStopped(order: Order): Promise<void> {
  const { settings, log } = order;
  const ending = new AbortController();
  if (order.rehearsal) void rehearse(ending.signal);
  const times = createStoreTimes();
  const running: Running = { gateway: undefined };
  const opened = await openForDaemon(settings.store, {
    log,
    observe: times.observe,
    changed: () => running.gateway?.reconciler.wake(),
  });
  try {
    log.info({ event: "store.open", type: settings.store.type }, describeStore(settings.store));
    await runOn({ ...opened, times }, running, order);
  } finally {
    ending.abort();
    await opened.store.close();
  }
}

/** The gateway, once there is one. */
interface Running {
  gateway: Gateway | undefined;
}

interface Objects extends OpenStore {
  readonly times: StoreTimes;
}

interface Order {
  readonly file: string;
  readonly settings: Settings;
  /** At the start, {@link rehearse}. */
  readonly rehearsal: boolean;
  readonly log: Log;
  readonly signals: Signals;
  readonly events: EventFeed;
}

/** What is made through the API, and who makes it. */
async function openObjects(
  objects: Objects,
  running: Running,
  { settings, log }: Order,
): Promise<{
  readonly networking: Networking;
  readonly own: OwnObjects;
  readonly identity: IdentityApi & { readonly kept: KeptIdentity };
}> {
  const { store } = objects;
  const { tokensFile } = settings.api;
  const told = tokensFile === undefined ? () => undefined : openPeople(tokensFile, log);
  const people = settings.store.type === "none" ? untilRestart(told) : told;
  const kept = await KeptIdentity.open(store);
  const file = (): Model => (running.gateway?.settings ?? settings).model;
  const own = await OwnObjects.open(store, {
    file,
    model: () => running.gateway?.model ?? settings.model,
    changed: () => running.gateway?.objectsChanged(),
  });
  const changed = (): void => running.gateway?.reconciler.wake();
  const machine = { hostname: settings.model.hostname, dhcp: dhcpFor(settings, log, changed) };
  const networking = await openNetworking(store, machine, {
    api: () => settings.api,
    people,
    standing: kept,
    isReachable: () => reachableThrough(running.gateway),
    file,
    changed,
    amended: () => running.gateway?.reconciler.amended(),
    own,
    bgp: () => bgpFace(running.gateway),
    problems: objects.problems,
  });
  return { networking, own, identity: { people, kept, now: unixTime } };
}

/** The socket is claimed before anything is programmed or dialled: of two gateways, the second does no harm. */
async function runOn(objects: Objects, running: Running, order: Order): Promise<void> {
  const { file, settings, log, signals, events } = order;
  let config: ConfigState = { file, loadedAt: new Date(), refused: undefined };
  const { networking, own, identity } = await openObjects(objects, running, order);
  const gateway = await Gateway.open(settings, log, networking, (event) => hearChange(events, event));
  running.gateway = gateway;
  const lag = measureLag();
  const { source, metrics } = apiSource(
    gateway,
    () => config,
    lag,
    storeViews(settings, objects, networking),
    events,
  );
  const { socket, listen, metricsListen, tls } = settings.api;
  const files = tls && new CertificateFiles(tls, log);
  const api = createApi(source, {
    networking,
    own,
    events,
    identity,
    authority: networking.authority,
    socketPath: socket,
    ...(listen && { tcp: whereOf(listen) }),
    ...(metricsListen && { metrics: whereOf(metricsListen) }),
    ...(files && { certificate: files.first }),
    control: {
      stop: (request) => signals.stop(request),
      order: (request) => orderPeer(gateway.speaker, request),
    },
    log: (message, facts) => log.error({ event: "api.failed", ...facts }, message),
    onAnswer: metrics.countAnswer,
    limits: { closeMs: CLOSE_MS },
  });
  let end: StopOrder = { graceful: false };
  try {
    log.info({ event: "api.listen", at: await api.listen() }, "the API listens");
    files?.follow((certificate) => api.useCertificate(certificate));
    await gateway.begin();
    signals.onHangup(() => {
      config = reload(gateway, config, log);
      files?.look();
    });
    end = await signals.end;
    log.info({ event: "gateway.stop", ...end }, STOPPING[end.graceful ? "graceful" : "plain"]);
  } finally {
    lag.histogram.disable();
    files?.stop();
    await Promise.all([api.close(), gateway.stop(stopHow(end))]);
    await networking.close();
    own.close();
    identity.kept.close();
  }
}

function measureLag(): LagMonitor {
  const histogram = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  histogram.enable();
  return { histogram, resolutionMs: LAG_RESOLUTION_MS };
}

const storeViews = ({ store }: Settings, objects: Objects, networking: Networking): StoreViews => ({
  store: () => storeAnswer(store, objects, networking),
  storeState: () => objects.etcd?.look(),
  storeTimes: objects.times,
  objects: networking.view,
});

const whereOf = ({ address, port }: Endpoint): { readonly host: string; readonly port: number } => ({
  host: formatAddress(address),
  port,
});

const dhcpFor = ({ dhcp, model }: Settings, log: Log, changed: () => void): DhcpServer | undefined =>
  dhcp.type === "dnsmasq" && model.kernel.type === "linux"
    ? new DhcpServer(dhcp.directory, log, changed)
    : undefined;

/** The speaker has a path: ours, or one that a peer told. */
function reachableThrough(gateway: Gateway | undefined): (address: string) => boolean {
  return (text) => {
    const address = parseAddress(text);
    return address !== undefined && gateway?.speaker.reaches(hostPrefix(address)) === true;
  };
}

function stopHow({ graceful, text = STOP_TEXT[graceful ? "graceful" : "plain"] }: StopOrder): StopHow {
  return graceful ? { graceful, text } : { text };
}

/** All or nothing: a file with any fault changes nothing, and says so until it is mended. */
function reload(gateway: Gateway, config: ConfigState, log: Log): ConfigState {
  const refuse = (reason: string): ConfigState => {
    log.error({ event: "config.refused", file: config.file }, reason);
    return { ...config, refused: reason };
  };
  const loaded = loadFile(config.file);
  if (!loaded.ok) return refuse(refusalOf(loaded));
  let fixed: readonly string[];
  try {
    fixed = gateway.reload(loaded);
  } catch (error) {
    return refuse(`${reasonOf(error)}; nothing of the file was taken over`);
  }
  if (fixed.length > 0) {
    return refuse(`only a restart can change ${fixed.join(", ")}; nothing of the file was taken over`);
  }
  logWarnings(log, loaded);
  log.info({ event: "config.loaded", file: config.file }, summary(loaded.model));
  return { file: config.file, loadedAt: new Date(), refused: undefined };
}

function logWarnings(log: Log, { warnings }: Loaded): void {
  for (const { line, column, path, message } of warnings) {
    log.warn({ event: "config.warning", line, column, path }, message);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
