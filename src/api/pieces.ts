/** Long answers, made while they are sent: between two slices everybody else has a turn. */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** One slice, and so what a keepalive may wait for it. */
const SLICE_MS = 5;
/** What is done within one slice is one answer, and all else a stream. No piece takes longer than a slice. */
export function inTurns(pieces: Iterable<Uint8Array>): Buffer | Readable {
  const rest = pieces[Symbol.iterator]();
  const first = slice(rest);
  // One slice is made ahead of what is sent, and not all of them.
  return first.isOver
    ? Buffer.concat(first.pieces)
    : Readable.from(slices(first, rest), { highWaterMark: 1 });
}

interface Slice {
  readonly pieces: readonly Uint8Array[];
  readonly isOver: boolean;
}

async function* slices(first: Slice, rest: Iterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let one = first; ; one = slice(rest)) {
    yield* one.pieces;
    if (one.isOver) return;
    await setImmediate();
  }
}

function slice(rest: Iterator<Uint8Array>): Slice {
  const untilMs = performance.now() + SLICE_MS;
  const pieces: Uint8Array[] = [];
  do {
    const { value, done } = rest.next();
    if (done === true) return { pieces, isOver: true };
    if (value.length > 0) pieces.push(value);
  } while (performance.now() < untilMs);
  return { pieces, isOver: false };
}
