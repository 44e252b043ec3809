/**
 * Frames between the core and netd, over a stream.
 *
 * magic u32, length u32, id u32, then `length` octets: one of operation or answer, the rest its payload. All in network
 * order. Ids pair answers with requests. The magic lets a reader find the next frame behind octets that are none.
 */

export const MAX_FRAME_OCTETS: number = 64 * 1024 * 1024;

const MAGIC = 0x67776b31; // "gwk1"
const HEADER_OCTETS = 12;

export interface Frame {
  readonly id: number;
  readonly code: number;
  readonly payload: Buffer;
}

/** @throws RangeError when the payload is larger than a frame may be */
export function encodeFrame(id: number, code: number, payload: Uint8Array): Buffer {
  const length = payload.length + 1;
  if (length > MAX_FRAME_OCTETS) throw new RangeError(`a frame of ${length} octets`);
  const frame = Buffer.allocUnsafe(HEADER_OCTETS + length);
  frame.writeUInt32BE(MAGIC, 0);
  frame.writeUInt32BE(length, 4);
  frame.writeUInt32BE(id, 8);
  frame[HEADER_OCTETS] = code;
  frame.set(payload, HEADER_OCTETS + 1);
  return frame;
}

/** Splits a stream into frames, whatever the cuts between its chunks. Octets that belong to no frame are counted. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_OCTETS);
  #headerFill = 0;
  #body: Buffer | undefined;
  #bodyFill = 0;
  #discarded = 0;

  /** Octets skipped so far because no frame begins with them. */
  get discarded(): number {
    return this.#discarded;
  }

  *push(chunk: Buffer): Generator<Frame> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#body === undefined) {
        this.#header[this.#headerFill++] = chunk[at++]!;
        if (this.#headerFill === HEADER_OCTETS) this.#openBody();
        continue;
      }
      const copied = chunk.copy(this.#body, this.#bodyFill, at);
      at += copied;
      this.#bodyFill += copied;
      if (this.#bodyFill < this.#body.length) continue;
      const body = this.#body;
      this.#body = undefined;
      yield { id: this.#header.readUInt32BE(8), code: body[0]!, payload: body.subarray(1) };
    }
  }

  #openBody(): void {
    const length = this.#header.readUInt32BE(4);
    if (this.#header.readUInt32BE(0) === MAGIC && length >= 1 && length <= MAX_FRAME_OCTETS) {
      this.#headerFill = 0;
      this.#bodyFill = 0;
      this.#body = Buffer.allocUnsafe(length);
      return;
    }
    this.#header.copyWithin(0, 1);
    this.#headerFill--;
    this.#discarded++;
  }
}
