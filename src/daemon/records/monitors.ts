/** Who is told what peers say: monitoring stations (BMP), and files (MRT). */

import type { MonitorAnswer } from "../../api/schema.ts";
import { BmpClient, type BmpSnapshot } from "../../bgp/io/bmp-client.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import type { BmpSettings, MrtSettings } from "../../model/model.ts";
import type { Log } from "./log.ts";
import { MrtRecorder } from "./mrt-recorder.ts";

export interface MonitorsInput {
  readonly speaker: Speaker;
  readonly log: Log;
  /** What stations are told of this machine (RFC 7854 §4.4). */
  readonly system: { readonly name: string; readonly description: string };
}

export class Monitors {
  readonly #input: MonitorsInput;
  readonly #stations: Map<string, BmpClient> = new Map();
  #recording: { readonly recorder: MrtRecorder; readonly stop: () => void } | undefined;

  constructor(input: MonitorsInput) {
    this.#input = input;
  }

  /** Says which there are to be; those that go on are left alone. */
  set(wanted: { readonly bmp: readonly BmpSettings[]; readonly mrt: MrtSettings | undefined }): void {
    const { speaker, system } = this.#input;
    const before = new Map(this.#stations);
    this.#stations.clear();
    for (const { address, port, statisticsMs, tables } of wanted.bmp) {
      // RFC 8671 §7.2: a station that is told of other tables begins anew.
      const key = [targetText({ address, port }), statisticsMs, ...tables].join(" ");
      const target = { address, port, tables, statisticsSeconds: Math.round(statisticsMs / 1000) };
      this.#stations.set(key, before.get(key) ?? new BmpClient(speaker, target, system));
      before.delete(key);
    }
    for (const station of before.values()) station.close();
    this.#record(wanted.mrt);
  }

  answers(): readonly MonitorAnswer[] {
    const stations = [...this.#stations.values()].map((station) => stationAnswer(station.snapshot()));
    return this.#recording === undefined ? stations : [...stations, recorderAnswer(this.#recording.recorder)];
  }

  /** Tells the stations goodbye, and writes what waits. */
  async close(): Promise<void> {
    for (const station of this.#stations.values()) station.close();
    this.#recording?.stop();
    await this.#recording?.recorder.close();
  }

  #record(wanted: MrtSettings | undefined): void {
    const { speaker, log } = this.#input;
    const running = this.#recording;
    if (JSON.stringify(running?.recorder.settings) === JSON.stringify(wanted)) return;
    running?.stop();
    void running?.recorder.close();
    const recorder = wanted && new MrtRecorder(wanted, log);
    this.#recording = recorder && { recorder, stop: speaker.monitor(recorder) };
  }
}

function targetText({ address, port }: Pick<BmpSettings, "address" | "port">): string {
  const text = formatAddress(address);
  return address.family === 4 ? `${text}:${port}` : `[${text}]:${port}`;
}

function stationAnswer({ target, connected, messages, waiting, lastError }: BmpSnapshot): MonitorAnswer {
  return {
    kind: "bmp",
    target: targetText(target),
    state: connected ? "up" : "down",
    messages,
    waitingOctets: waiting,
    lost: 0,
    ...(!connected && lastError !== undefined && { lastError }),
  };
}

function recorderAnswer({ state }: MrtRecorder): MonitorAnswer {
  const { file, records, waiting, lost, lastError } = state;
  return {
    kind: "mrt",
    target: file,
    state: lastError === undefined ? "up" : "down",
    messages: records,
    waitingOctets: waiting,
    lost,
    ...(lastError !== undefined && { lastError }),
  };
}
