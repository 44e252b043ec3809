/**
 * Many peers that hear addresses one after the other: `node listen.js '{…}'` writes "ready" when all sessions are up, and
 * then for each address one line with the time at which the last of them knew it.
 */

import { DAEMON_ADDRESS, HOLD_SECONDS, receiverOf } from "../blast.ts";
import type { PrefixPlan } from "../load.ts";
import { Session } from "../session.ts";

export interface ListenSettings {
  readonly peers: number;
  readonly plan: PrefixPlan;
}

const { peers, plan } = JSON.parse(process.argv[2] ?? "") as ListenSettings;
let told = 0;

const sessions = Array.from(
  { length: peers },
  (_, i) =>
    new Session({
      ...receiverOf(i),
      plan,
      remote: DAEMON_ADDRESS,
      holdSeconds: HOLD_SECONDS,
      counts: true,
      heard: tell,
    }),
);
const looking = setInterval(() => {
  if (!sessions.every(({ established }) => established)) return;
  clearInterval(looking);
  process.stdout.write("ready\n");
}, 50);

function tell(): void {
  const all = Math.min(...sessions.map(({ known }) => known));
  // The same clock in every process: CLOCK_MONOTONIC.
  for (; told < all; told++) process.stdout.write(`${process.hrtime.bigint()}\n`);
}
