/** `gatewayd run FILE`: from the file to a gateway that runs until it is told to stop. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Api, createApi } from "../api/server.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { report, summary } from "../config/check.ts";
import type { Loaded } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import { apiSource, type ConfigState } from "./api-source.ts";
import { loadFile } from "./config-file.ts";
import { Gateway } from "./gateway.ts";
import { createLog, type Log } from "./log.ts";
import { VERSION } from "./version.ts";

/** Exit statuses, as docs/CLI.md lists them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, config: 4 } as const;

/** How often the event loop's lag is sampled. */
const LAG_RESOLUTION_MS = 10;

/** What peers' operators read when we stop (RFC 9003). */
const STOP_TEXT = "gatewayd was stopped";

/** Resolves to the exit status when the gateway has stopped. */
export async function run(file: string): Promise<number> {
  const loaded = loadFile(file);
  if (!loaded.ok) {
    process.stderr.write(report(loaded));
    return EXIT.config;
  }
  const log = createLog(loaded.log);
  logWarnings(log, loaded);
  log.info({ event: "gateway.start", version: VERSION, file, pid: process.pid }, summary(loaded.model));
  try {
    return await runUntilStopped(file, loaded, log);
  } catch (error) {
    log.fatal({ event: "gateway.failed" }, reasonOf(error));
    return EXIT.failed;
  }
}

async function runUntilStopped(file: string, settings: Settings, log: Log): Promise<number> {
  let config: ConfigState = { file, loadedAt: new Date(), refused: undefined };
  const gateway = await Gateway.start(settings, log);
  const histogram = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  histogram.enable();
  const lag = { histogram, resolutionMs: LAG_RESOLUTION_MS };
  const { source, metrics } = apiSource(gateway, () => config, lag);
  const { socket, listen } = settings.api;
  const api = createApi(source, {
    socketPath: socket,
    ...(listen && { tcp: { host: formatAddress(listen.address), port: listen.port } }),
    log: (message, facts) => log.warn({ event: "api", ...facts }, message),
    onAnswer: metrics.countAnswer,
  });
  await listenOrStop(api, gateway, log);
  process.on("SIGHUP", () => {
    config = reload(gateway, config, log);
  });
  const signal = await firstSignal(["SIGTERM", "SIGINT"]);
  log.info({ event: "gateway.stop", signal }, "ending every session; what is in the kernel stays");
  histogram.disable();
  await api.close();
  await gateway.stop(STOP_TEXT);
  return EXIT.ok;
}

async function listenOrStop(api: Api, gateway: Gateway, log: Log): Promise<void> {
  try {
    log.info({ event: "api.listen", at: await api.listen() }, "the API listens");
  } catch (error) {
    await gateway.stop(STOP_TEXT);
    throw error;
  }
}

/** All or nothing: a file with any fault changes nothing, and says so until it is mended. */
function reload(gateway: Gateway, config: ConfigState, log: Log): ConfigState {
  const refuse = (reason: string): ConfigState => {
    log.error({ event: "config.refused", file: config.file }, reason);
    return { ...config, refused: reason };
  };
  let loaded: Loaded;
  try {
    loaded = loadFile(config.file);
  } catch (error) {
    return refuse(reasonOf(error));
  }
  if (!loaded.ok) return refuse(report(loaded).trimEnd());
  const fixed = gateway.reload(loaded);
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

function firstSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
