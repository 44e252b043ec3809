/** A stream of numbered datagrams at a fixed rate to a service (see serve.ts), and a count of what came back. */

import { createSocket } from "node:dgram";

export interface StreamReport {
  readonly sent: number;
  readonly answered: number;
  /** Numbers that never came back. */
  readonly lost: number;
  readonly duplicates: number;
  /** The longest time without an answer, ms. */
  readonly longestGapMs: number;
  /** Who answered, and from where the stream was seen, e.g. "vm-b saw 198.18.0.10". */
  readonly seen: readonly string[];
}

interface Stream {
  readonly answered: () => number;
  /** Stops sending, waits for what is still on its way, and reports. */
  finish(): Promise<StreamReport>;
}

/** Datagrams are sent in the millisecond in which they are due; after a pause the sender catches up in small steps. */
const TICK_MS = 1;
const MOST_PER_TICK = 20;
const LINGER_MS = 1000;

export function stream(address: string, port: number, perSecond: number): Stream {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 22, sendBufferSize: 1 << 22 });
  const missing = new Set<number>();
  const seen = new Set<string>();
  let [sent, answered, duplicates, longestGapMs] = [0, 0, 0, 0];
  let lastAnswer = performance.now();
  socket.on("message", (data) => {
    const [, number, who, from] = /^#(\d+) (\S+) saw (\S+)/.exec(data.toString()) ?? [];
    if (missing.delete(Number(number))) answered++;
    else duplicates++;
    seen.add(`${who} saw ${from}`);
    longestGapMs = Math.max(longestGapMs, performance.now() - lastAnswer);
    lastAnswer = performance.now();
  });
  // ECONNREFUSED and the like: what it did to the stream is in the count.
  socket.on("error", () => undefined);
  const began = performance.now();
  const tick = setInterval(() => {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1000);
    for (const limit = sent + MOST_PER_TICK; sent < due && sent < limit; sent++) {
      missing.add(sent);
      socket.send(`#${sent} who are you`, port, address);
    }
  }, TICK_MS);
  return {
    answered: () => answered,
    finish: async () => {
      clearInterval(tick);
      for (const end = performance.now() + LINGER_MS; missing.size > 0 && performance.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      socket.close();
      const lost = missing.size;
      return {
        sent,
        answered,
        lost,
        duplicates,
        longestGapMs: Math.round(longestGapMs),
        seen: [...seen].sort(),
      };
    },
  };
}
