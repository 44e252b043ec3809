/** Long answers, made while they are sent: between two slices everybody else has a turn. */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";

/** One slice, and so what a keepalive may wait for it. */
const SLICE_MS = 5;
/** Pieces between two looks at the clock. */
const STEP = 64;

/** What is done within one slice is a text, and all else a stream. */
export function inTurns(pieces: Iterable<string>): string | Readable {
  const rest = pieces[Symbol.iterator]();
  const { text, isOver } = slice(rest);
  // One slice is made ahead of what is sent, and not all of them.
  return isOver ? text : Readable.from(slices(text, rest), { highWaterMark: 1 });
}

async function* slices(first: string, rest: Iterator<string>): AsyncGenerator<Buffer> {
  yield Buffer.from(first);
  for (;;) {
    await setImmediate();
    const { text, isOver } = slice(rest);
    yield Buffer.from(text);
    if (isOver) return;
  }
}

function slice(rest: Iterator<string>): { readonly text: string; readonly isOver: boolean } {
  const untilMs = performance.now() + SLICE_MS;
  const texts: string[] = [];
  do {
    for (let i = 0; i < STEP; i++) {
      const { value, done } = rest.next();
      if (done === true) return { text: texts.join(""), isOver: true };
      texts.push(value);
    }
  } while (performance.now() < untilMs);
  return { text: texts.join(""), isOver: false };
}
