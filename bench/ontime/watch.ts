/**
 * A peer that is told no route and only listens: `node watch.js '{…}'`. On SIGTERM it writes one line of JSON: by how much
 * the latest keepalive came late.
 */

import { DAEMON_ADDRESS } from "../blast.ts";
import { Session } from "../session.ts";

export interface WatchSettings {
  readonly address: string;
  readonly asn: number;
  readonly holdSeconds: number;
}

export interface Watched {
  readonly established: boolean;
  readonly lateMs: number;
  readonly failure: string | undefined;
}

const settings = JSON.parse(process.argv[2] ?? "") as WatchSettings;
const plan = { family: 4, length: 32, count: 1 } as const;
const session = new Session({ ...settings, remote: DAEMON_ADDRESS, plan, counts: false });
process.on("SIGUSR1", () => session.watchSilence());
process.on("SIGTERM", () => {
  // RFC 4271 §4.4: a third of the hold time, from which chance takes up to a quarter.
  const lateMs = Math.max(0, session.longestSilenceMs - (settings.holdSeconds * 1000) / 3);
  const { established, failure } = session;
  process.stdout.write(`${JSON.stringify({ established, lateMs, failure } satisfies Watched)}\n`);
  process.exit(0);
});
