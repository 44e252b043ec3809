/**
 * Every message that peers send, and every change of a session's state, in MRT files (RFC 6396 §4.4) that begin anew as
 * time goes on. Written once a second, in pieces: what comes faster than the disk takes it is counted and left out.
 */

import { appendFile, readdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { encodeRecord } from "../../bgp/mrt/encode.ts";
import { type Address, ipv4 } from "../../bgp/net/address.ts";
import type { Monitor, MonitoredPeer } from "../../bgp/speaker/monitor.ts";
import type { DecodeContext } from "../../bgp/wire/context.ts";
import { messageTypeAt } from "../../bgp/wire/header.ts";
import { MESSAGE_TYPE } from "../../bgp/wire/messages.ts";
import { decodeUpdate, Update } from "../../bgp/wire/update.ts";
import type { MrtSettings } from "../../model/model.ts";
import type { Log } from "./log.ts";

/** Octets that wait to be written; beyond them records are lost. */
export const MRT_WAITING_OCTETS: number = 1 << 25;
const WRITE_EVERY_MS = 1000;

/** RFC 4271 §8.2.2, as RFC 6396 §4.4.1 numbers them. */
const STATES = { idle: 1, connect: 2, active: 3, "open-sent": 4, "open-confirm": 5, established: 6 } as const;

export class MrtRecorder implements Monitor {
  readonly settings: MrtSettings;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  readonly #update: Update = new Update();
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #writing: Promise<void> | undefined;
  #file: string;
  #records = 0;
  #lost = 0;
  #lastError: string | undefined;

  constructor(settings: MrtSettings, log: Log) {
    this.settings = settings;
    this.#log = log;
    this.#file = fileAt(settings, Date.now());
    this.#file = fileAt(settings, Date.now());
    this.#timer = setInterval(() => void this.#write(), WRITE_EVERY_MS);
  }

  /** How it is, as plain values. */
  get state(): {
    file: string;
    records: number;
    waiting: number;
    lost: number;
    lastError: string | undefined;
  } {
    const { length: records } = this.#pieces;
    return {
      file: this.#file,
      records: this.#records + records,
      waiting: this.#waiting,
      lost: this.#lost,
      lastError: this.#lastError,
    };
  }

  received(peer: MonitoredPeer, message: Uint8Array): void {
    const { decode } = peer.negotiated ?? {};
    const addPath = decode !== undefined && this.#hasPathIds(message, decode);
    this.#keep(
      encodeRecord({
        is: "message",
        ...timeNow(),
        ...sessionOf(peer),
        as4: decode?.as4 ?? true,
        addPath,
        message,
      }),
    );
  }

  stateChanged(peer: MonitoredPeer, before: keyof typeof STATES, after: keyof typeof STATES): void {
    const states = { before: STATES[before], after: STATES[after] };
    this.#keep(encodeRecord({ is: "state-change", ...timeNow(), ...sessionOf(peer), as4: true, ...states }));
  }

  /** RFC 8050 marks a message as a whole, while ADD-PATH is agreed on family by family. */
  #hasPathIds(message: Uint8Array, decode: DecodeContext): boolean {
    if (decode.addPath.length === 0 || messageTypeAt(message, 0) !== MESSAGE_TYPE.update) return false;
    decodeUpdate(message, decode, this.#update);
    const { withdrawn, announced } = this.#update;
    const batches = [...withdrawn, ...announced.map(({ prefixes }) => prefixes)];
    return batches.some(({ count, family }) => count > 0 && decode.addPath.includes(family));
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #keep(record: Uint8Array): void {
    if (this.#waiting + record.length > MRT_WAITING_OCTETS) {
      this.#lost++;
      return;
    }
    this.#pieces.push(record);
    this.#waiting += record.length;
  }

  #write(): Promise<void> {
    this.#writing ??= this.#append().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #append(): Promise<void> {
    const file = fileAt(this.settings, Date.now());
    const begins = file !== this.#file;
    this.#file = file;
    if (this.#pieces.length > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      try {
        await appendFile(file, Buffer.concat(pieces));
        this.#records += pieces.length;
        this.#lastError = undefined;
      } catch (error) {
        this.#lost += pieces.length;
        this.#complain(error instanceof Error ? error.message : String(error));
      }
      this.#waiting = this.#pieces.reduce((octets, { length }) => octets + length, 0);
    }
    if (begins) await removeOldest(this.settings).catch((error) => this.#complain(String(error)));
  }

  /** The same again and again is one line of the log. */
  #complain(words: string): void {
    if (words === this.#lastError) return;
    this.#lastError = words;
    this.#log.error({ event: "mrt.failed", file: this.#file, error: words }, "messages of peers are lost");
  }
}

/** The file that records of a moment go into: named after the beginning of its time. */
export function fileAt({ updates, rotateMs }: MrtSettings, atMs: number): string {
  const iso = new Date(atMs - (atMs % rotateMs)).toISOString();
  const fields: Readonly<Record<string, string>> = {
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
  };
  return updates.replaceAll(/%([YmdHMS])/g, (_all, field: string) => fields[field]!);
}

/** Deletes what the path describes, but for the last `keep`: names with the time in them sort by it. */
export async function removeOldest({ updates, keep }: MrtSettings): Promise<void> {
  const pattern = new RegExp(
    `^${basename(updates)
      .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll("%Y", "\\d{4}")
      .replaceAll(/%[mdHMS]/g, "\\d{2}")}$`,
  );
  const directory = dirname(updates);
  const names = (await readdir(directory)).filter((name) => pattern.test(name)).sort();
  for (const name of names.slice(0, -keep)) await unlink(join(directory, name));
}

function timeNow(): { seconds: number; microseconds: number } {
  const nowMs = Date.now();
  return { seconds: Math.floor(nowMs / 1000), microseconds: (nowMs % 1000) * 1000 };
}

function sessionOf({ remote, remoteAsn, local, localAsn }: MonitoredPeer): {
  peerAsn: number;
  localAsn: number;
  interfaceIndex: number;
  peer: Address;
  local: Address;
} {
  const unspecified: Address = { ...ipv4(0), family: remote.family };
  return { peerAsn: remoteAsn, localAsn, interfaceIndex: 0, peer: remote, local: local ?? unspecified };
}
