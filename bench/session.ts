/** One BGP session with the daemon under test: it sends what it is given, and counts what it hears. */

import { connect, type Socket } from "node:net";
import { indexAt, keepalive, open, type PrefixPlan } from "./load.ts";

export interface SessionSettings {
  readonly plan: PrefixPlan;
  readonly asn: number;
  /** Dotted, and our BGP identifier. */
  readonly address: string;
  /** Of the daemon. */
  readonly remote: string;
  readonly holdSeconds: number;
  /** It counts prefixes; senders only read. */
  readonly counts: boolean;
  /** Is called when it has heard of prefixes. */
  readonly heard?: () => void;
}

const HEADER_OCTETS = 19;
const RETRY_MS = 200;

export class Session {
  established = false;
  /** Why it ended, when nobody asked it to. */
  failure: string | undefined;
  /** Prefixes that it knows now. */
  known = 0;
  /** Prefixes that it heard of, and `performance.now()` when it last did. */
  heard = 0;
  heardAtMs = 0;
  /** The longest time between two messages since {@link watchSilence}. */
  longestSilenceMs = 0;
  readonly #settings: SessionSettings;
  readonly #seen: Uint8Array;
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #keepalives: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #closing = false;

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    this.#seen = new Uint8Array(settings.counts ? settings.plan.count : 0);
    this.#connect();
  }

  /** Resolves when all of it is with the kernel. */
  send(octets: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#socket?.write(octets, () => resolve());
    });
  }

  watchSilence(): void {
    this.#lastMs = performance.now();
    this.longestSilenceMs = 0;
  }

  close(): void {
    this.#closing = true;
    clearInterval(this.#keepalives);
    this.#socket?.destroy();
  }

  #connect(): void {
    const { remote, address, asn, holdSeconds } = this.#settings;
    const socket = connect({ host: remote, port: 179, localAddress: address, noDelay: true });
    this.#socket = socket;
    socket.on("connect", () => socket.write(open(asn, octetsOf(address), holdSeconds)));
    socket.on("data", (octets) => this.#received(octets));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (this.#closing) return;
      // Until the daemon listens.
      if (!this.established) setTimeout(() => this.#connect(), RETRY_MS);
      else this.failure ??= "closed by the daemon";
      clearInterval(this.#keepalives);
    });
  }

  #received(octets: Buffer): void {
    const all = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    let at = 0;
    while (all.length - at >= HEADER_OCTETS) {
      const end = at + all.readUInt16BE(at + 16);
      if (end > all.length) break;
      this.#take(all, at, end);
      at = end;
    }
    this.#rest = at === all.length ? Buffer.alloc(0) : Buffer.from(all.subarray(at));
  }

  #take(all: Buffer, at: number, end: number): void {
    const nowMs = performance.now();
    if (this.#lastMs > 0) this.longestSilenceMs = Math.max(this.longestSilenceMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    const type = all[at + 18];
    if (type === 1) this.#greet();
    else if (type === 3) this.failure = `NOTIFICATION ${all[at + 19]}/${all[at + 20]}`;
    else if (type === 4) this.established = true;
    else if (type === 2 && this.#settings.counts) this.#count(all, at + HEADER_OCTETS, end);
  }

  #greet(): void {
    this.#socket?.write(keepalive());
    const everyMs = (this.#settings.holdSeconds * 1000) / 3;
    this.#keepalives = setInterval(() => this.#socket?.write(keepalive()), everyMs);
  }

  #count(all: Buffer, at: number, end: number): void {
    const { heard } = this;
    const withdrawnEnd = at + 2 + all.readUInt16BE(at);
    this.#nlri(all, at + 2, withdrawnEnd, 4, 0);
    const attributesEnd = withdrawnEnd + 2 + all.readUInt16BE(withdrawnEnd);
    for (let attribute = withdrawnEnd + 2; attribute < attributesEnd; ) {
      const wide = (all[attribute]! & 0x10) !== 0;
      const value = attribute + (wide ? 4 : 3);
      const next = value + (wide ? all.readUInt16BE(attribute + 2) : all[attribute + 2]!);
      const family = all[value + 1] === 2 ? 6 : 4;
      if (all[attribute + 1] === 14) this.#nlri(all, value + 5 + all[value + 3]!, next, family, 1);
      else if (all[attribute + 1] === 15) this.#nlri(all, value + 3, next, family, 0);
      attribute = next;
    }
    this.#nlri(all, attributesEnd, end, 4, 1);
    if (this.heard === heard) return;
    this.heardAtMs = performance.now();
    this.#settings.heard?.();
  }

  #nlri(all: Buffer, from: number, to: number, family: 4 | 6, is: 0 | 1): void {
    const { plan } = this.#settings;
    for (let at = from; at < to; ) {
      const length = all[at++]!;
      if (family === plan.family && length === plan.length) {
        const k = indexAt(plan, all, at);
        if (k >= 0) {
          this.heard++;
          this.known += is - this.#seen[k]!;
          this.#seen[k] = is;
        }
      }
      at += (length + 7) >> 3;
    }
  }
}

const octetsOf = (address: string): Uint8Array => Uint8Array.from(address.split("."), Number);
