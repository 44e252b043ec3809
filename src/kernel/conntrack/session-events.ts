/**
 * Sessions that came and went, as netd tells them to the core: rows of numbers, so that a flood of them is not a flood
 * of objects.
 */

import { InvalidCommand } from "../fields.ts";
import type { Session } from "./conntrack-entry.ts";

/** A session as it was created, or as it ended. What is no matter of a log (time left) is not told. */
interface SessionEvent extends Omit<Session, "leftSeconds"> {
  ended: boolean;
}

const HEADER_OCTETS = 16;
/** flags u8, protocol u8, three ports u16, three addresses u32. */
const ROW_OCTETS = 20;
const ENDED = 1;
const OUTBOUND = 2;

/** Rows of one batch: the core writes them out in some milliseconds. */
const BATCH_ROWS = 2048;

export class EventWriter {
  readonly #octets = Buffer.alloc(HEADER_OCTETS + BATCH_ROWS * ROW_OCTETS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === BATCH_ROWS;
  }

  add(session: Readonly<Session>, ended: boolean): void {
    const octets = this.#octets;
    const at = HEADER_OCTETS + this.#count++ * ROW_OCTETS;
    octets[at] = (ended ? ENDED : 0) | (session.outbound ? OUTBOUND : 0);
    octets[at + 1] = session.protocol;
    octets.writeUInt16BE(session.privatePort, at + 2);
    octets.writeUInt16BE(session.publicPort, at + 4);
    octets.writeUInt16BE(session.remotePort, at + 6);
    octets.writeUInt32BE(session.private, at + 8);
    octets.writeUInt32BE(session.public, at + 12);
    octets.writeUInt32BE(session.remote, at + 16);
  }

  /** A copy of what was added, and begins anew. @param lost - events that the kernel could not keep for us meanwhile */
  take(atMs: number, lost: number): Buffer {
    this.#octets.writeDoubleBE(atMs, 0);
    this.#octets.writeUInt32BE(lost, 8);
    const batch = Buffer.from(this.#octets.subarray(0, HEADER_OCTETS + this.#count * ROW_OCTETS));
    this.#count = 0;
    return batch;
  }
}

export interface SessionEvents {
  /** When netd heard of them, in milliseconds since 1970. */
  readonly atMs: number;
  readonly lost: number;
  readonly count: number;
  /** Whether there may be more at once. */
  readonly full: boolean;
  /** Gives each to `take`, in one object that the next one overwrites. */
  each(take: (event: Readonly<SessionEvent>) => void): void;
}

/** @throws InvalidCommand */
export function decodeSessionEvents(batch: Buffer): SessionEvents {
  const count = (batch.length - HEADER_OCTETS) / ROW_OCTETS;
  if (!Number.isInteger(count) || count < 0 || count > BATCH_ROWS)
    throw new InvalidCommand(`session events: ${batch.length} octets`);
  return {
    atMs: batch.readDoubleBE(0),
    lost: batch.readUInt32BE(8),
    count,
    full: count === BATCH_ROWS,
    each: (take) => {
      const event: SessionEvent = {
        ...{ ended: false, outbound: false, protocol: 0, privatePort: 0, publicPort: 0, remotePort: 0 },
        ...{ private: 0, public: 0, remote: 0 },
      };
      for (let at = HEADER_OCTETS; at < batch.length; at += ROW_OCTETS) {
        readRow(batch, at, event);
        take(event);
      }
    },
  };
}

function readRow(batch: Buffer, at: number, into: SessionEvent): void {
  const flags = batch[at]!;
  into.ended = (flags & ENDED) !== 0;
  into.outbound = (flags & OUTBOUND) !== 0;
  into.protocol = batch[at + 1]!;
  into.privatePort = batch.readUInt16BE(at + 2);
  into.publicPort = batch.readUInt16BE(at + 4);
  into.remotePort = batch.readUInt16BE(at + 6);
  into.private = batch.readUInt32BE(at + 8);
  into.public = batch.readUInt32BE(at + 12);
  into.remote = batch.readUInt32BE(at + 16);
}
