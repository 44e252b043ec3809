/** The connection to one monitoring station (RFC 7854 §3.2): made, kept, made again. The station never speaks. */

import { connect, type Socket } from "node:net";
import { BmpStation, type BmpSystem } from "../bmp/station.ts";
import type { BmpTable } from "../bmp/tables.ts";
import type { Address } from "../net/address.ts";
import { formatAddress } from "../net/text.ts";
import type { Speaker } from "../speaker/speaker.ts";

export interface BmpTarget {
  readonly address: Address;
  readonly port: number;
  /** Between two reports of statistics, 1..; 0: none. */
  readonly statisticsSeconds: number;
  /** What the station is told of, beside the sessions. */
  readonly tables: readonly BmpTable[];
}

export interface BmpSnapshot {
  readonly target: BmpTarget;
  readonly connected: boolean;
  /** Of the present connection. */
  readonly messages: number;
  /** Octets that wait until the station reads. */
  readonly waiting: number;
  readonly connections: number;
  /** Why the last connection ended, or could not be made. */
  readonly lastError: string | undefined;
}

const BMP_LIMITS: Readonly<Record<"waitingOctets" | "firstRetryMs" | "longestRetryMs", number>> = {
  /** A station that lets more octets than this wait is let go, and told everything anew when it is back. */
  waitingOctets: 1 << 26,
  /** The first wait for a station that does not answer; it doubles. */
  firstRetryMs: 1000,
  longestRetryMs: 60_000,
};

export class BmpClient {
  readonly #speaker: Speaker;
  readonly #target: BmpTarget;
  readonly #system: BmpSystem;
  #socket: Socket | undefined;
  #station: BmpStation | undefined;
  #retry: NodeJS.Timeout | undefined;
  #statistics: NodeJS.Timeout | undefined;
  #pump: NodeJS.Immediate | undefined;
  #retryMs: number = BMP_LIMITS.firstRetryMs;
  #connectedAtMs = 0;
  #messages = 0;
  #connections = 0;
  #lastError: string | undefined;
  #closed = false;

  constructor(speaker: Speaker, target: BmpTarget, system: BmpSystem) {
    this.#speaker = speaker;
    this.#target = target;
    this.#system = system;
    this.#connect();
  }

  snapshot(): BmpSnapshot {
    return {
      target: this.#target,
      connected: this.#station !== undefined,
      messages: this.#messages,
      waiting: this.#socket?.writableLength ?? 0,
      connections: this.#connections,
      lastError: this.#lastError,
    };
  }

  /** Says goodbye to the station. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#leave(true);
    if (this.#socket?.connecting === true) this.#socket.destroy();
    else this.#socket?.end();
  }

  #connect(): void {
    const socket = connect({ host: formatAddress(this.#target.address), port: this.#target.port });
    this.#socket = socket;
    socket.on("connect", () => this.#begin(socket));
    socket.on("drain", () => this.#work(socket));
    socket.on("error", (error) => {
      this.#lastError = error.message;
    });
    socket.on("end", () => {
      this.#lastError = "closed by the station";
    });
    socket.on("close", () => this.#ended());
    // Nothing is expected; reading is how the end is noticed.
    socket.resume();
  }

  #begin(socket: Socket): void {
    this.#connections++;
    this.#connectedAtMs = Date.now();
    this.#messages = 0;
    this.#station = new BmpStation(
      this.#speaker,
      { system: this.#system, tables: this.#target.tables },
      { send: (octets) => this.#write(socket, octets), tables: () => this.#workSoon(socket) },
      Date.now,
    );
    const { statisticsSeconds } = this.#target;
    if (statisticsSeconds > 0) {
      this.#statistics = setInterval(() => this.#station?.report(), statisticsSeconds * 1000);
    }
  }

  #write(socket: Socket, octets: Uint8Array): void {
    if (!socket.writable) return;
    this.#messages++;
    socket.write(octets);
    if (socket.writableLength <= BMP_LIMITS.waitingOctets) return;
    this.#leave(false);
    socket.destroy(new Error(`more than ${BMP_LIMITS.waitingOctets} octets waited for the station to read`));
  }

  /** The tables, a piece at a time, as fast as the station reads. */
  #work(socket: Socket): void {
    if (socket.writableNeedDrain || this.#station?.work() !== true) return;
    this.#workSoon(socket);
  }

  #workSoon(socket: Socket): void {
    clearImmediate(this.#pump);
    this.#pump = setImmediate(() => this.#work(socket));
  }

  #ended(): void {
    this.#leave(false);
    this.#socket = undefined;
    if (this.#closed) return;
    const lasted = this.#connectedAtMs > 0 && Date.now() - this.#connectedAtMs >= BMP_LIMITS.longestRetryMs;
    if (lasted) this.#retryMs = BMP_LIMITS.firstRetryMs;
    this.#connectedAtMs = 0;
    this.#retry = setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, BMP_LIMITS.longestRetryMs);
  }

  #leave(politely: boolean): void {
    clearImmediate(this.#pump);
    clearInterval(this.#statistics);
    const station = this.#station;
    this.#station = undefined;
    station?.end(politely);
  }
}
