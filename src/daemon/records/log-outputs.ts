/**
 * Where a log of translations goes: a file, datagrams, a stream. None of them makes anybody wait: what one cannot take
 * is counted, and lost.
 */

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { mkdir, open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";

/** Octets that wait for a file, or for a collector to take them. */
const LOG_WAITING_OCTETS = 16 * 1024 * 1024;

/** Wait before the next connection, doubled up to the last of them. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

interface OutputState {
  /** Records that were given to the disk or the network. */
  readonly written: number;
  readonly lost: number;
  readonly waitingOctets: number;
  /** Undefined: there is no reason to complain. */
  readonly lastError: string | undefined;
}

export interface Output {
  readonly state: OutputState;
  /** The octets are the output's own from then on. */
  write(octets: Uint8Array, records: number): void;
  /** What was wrong is over, as far as the caller can see. */
  forgive(): void;
  /** Resolves when what waits is written, or cannot be. */
  close(): Promise<void>;
}

class Account {
  written = 0;
  lost = 0;
  waitingOctets = 0;
  lastError: string | undefined;

  /** False, and counted as lost, when there is no room. */
  admits(octets: Uint8Array, records: number): boolean {
    if (this.waitingOctets + octets.length > LOG_WAITING_OCTETS) {
      this.lose(records, "it does not take what comes as fast as it comes");
      return false;
    }
    this.waitingOctets += octets.length;
    return true;
  }

  settle(octets: Uint8Array, records: number, error: unknown): void {
    this.waitingOctets -= octets.length;
    if (error) this.lose(records, reasonOf(error));
    else this.written += records;
  }

  lose(records: number, why: string): void {
    this.lost += records;
    this.lastError = why;
  }
}

interface Piece {
  readonly octets: Uint8Array;
  readonly records: number;
}

/** Appends. The file is opened for each piece, so that it may be moved away at any time. */
export class FileOutput implements Output {
  readonly #path: string;
  readonly #account = new Account();
  #pieces: Piece[] = [];
  #writing: Promise<void> | undefined;
  /** The last piece may have ended within a line. */
  #torn = false;

  constructor(path: string) {
    this.#path = path;
  }

  get state(): OutputState {
    return { ...this.#account };
  }

  write(octets: Uint8Array, records: number): void {
    if (!this.#account.admits(octets, records)) return;
    this.#pieces.push({ octets, records });
    this.#writing ??= this.#append();
  }

  forgive(): void {
    this.#account.lastError = undefined;
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #append(): Promise<void> {
    while (this.#pieces.length > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      const octets = Buffer.concat([Buffer.from(this.#torn ? "\n" : ""), ...pieces.map((p) => p.octets)]);
      const error = await append(this.#path, octets);
      this.#torn = error !== undefined;
      for (const piece of pieces) this.#account.settle(piece.octets, piece.records, error);
    }
    this.#writing = undefined;
  }
}

/** What went wrong, if anything. */
async function append(path: string, octets: Uint8Array): Promise<unknown> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    const file = await open(path, "a", 0o640);
    try {
      await file.appendFile(octets);
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Every piece is a datagram. Whether somebody hears it is known when the machine there says that nobody does. */
export class DatagramOutput implements Output {
  readonly #socket: DatagramSocket;
  readonly #account = new Account();
  #waiting: Piece[] | undefined = [];

  constructor({ host, port }: Target) {
    this.#socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    this.#socket.on("error", (error) => this.#account.lose(0, reasonOf(error)));
    this.#socket.connect(port, host, () => {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const piece of waiting) this.#send(piece);
    });
  }

  get state(): OutputState {
    return { ...this.#account };
  }

  write(octets: Uint8Array, records: number): void {
    if (!this.#account.admits(octets, records)) return;
    if (this.#waiting === undefined) this.#send({ octets, records });
    else this.#waiting.push({ octets, records });
  }

  forgive(): void {
    this.#account.lastError = undefined;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  #send({ octets, records }: Piece): void {
    this.#socket.send(octets, (error) => this.#account.settle(octets, records, error));
  }
}

/** A connection that is opened again when it breaks. What was written into a broken one, and not sent, is lost. */
export class StreamOutput implements Output {
  readonly #target: Target;
  readonly #begins: () => void;
  readonly #account = new Account();
  #socket: Socket;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param begins - called when what is written from now on goes into another connection than what was before */
  constructor(target: Target, begins: () => void) {
    this.#target = target;
    this.#begins = begins;
    this.#socket = this.#connect();
  }

  get state(): OutputState {
    return { ...this.#account };
  }

  write(octets: Uint8Array, records: number): void {
    if (!this.#account.admits(octets, records)) return;
    // Until it is connected, the socket keeps what is written.
    this.#socket.write(octets, (error) => this.#account.settle(octets, records, error));
  }

  forgive(): void {
    if (this.#socket.readyState === "open") this.#account.lastError = undefined;
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.readyState !== "open") {
        socket.destroy();
        resolve();
        return;
      }
      socket.once("close", () => resolve());
      // Whoever reads nothing is not waited for.
      socket.setTimeout(FIRST_RETRY_MS, () => socket.destroy());
      socket.end();
    });
  }

  #connect(): Socket {
    const socket = connect(this.#target);
    socket.on("connect", () => {
      this.#retryMs = FIRST_RETRY_MS;
    });
    // A collector has nothing to say; an end of its own is heard of only when it is read.
    socket.resume();
    socket.on("error", (error) => this.#account.lose(0, reasonOf(error)));
    socket.on("close", () => this.#again());
    return socket;
  }

  #again(): void {
    if (this.#closed) return;
    this.#account.lastError ??= "the collector ended the connection";
    this.#retry = setTimeout(() => {
      this.#begins();
      this.#socket = this.#connect();
    }, this.#retryMs);
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
