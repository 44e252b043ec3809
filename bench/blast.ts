/**
 * The load generator, a process of its own: `node blast.js '{…}'` opens the sessions, lets the senders speak, and writes
 * one line of JSON with the times. The clock of a phase runs from its first octet to the last route that a receiver
 * heard before it was quiet.
 */

import { readFileSync } from "node:fs";
import { announcements, endOfRib, type PrefixPlan, withdrawals } from "./load.ts";
import { Session } from "./session.ts";

export interface BlastSettings {
  readonly plan: PrefixPlan;
  readonly senders: number;
  readonly receivers: number;
  /** Of the daemon under test, whose memory and CPU time are measured. */
  readonly pids: readonly number[];
  /** Times that the first sender leaves and all prefixes are withdrawn are measured too. */
  readonly whole: boolean;
  readonly limitMs: number;
}

/** Times in milliseconds; memory in MiB; CPU time of convergence in milliseconds. */
export interface BlastResult {
  readonly convergedMs: number;
  readonly failoverMs?: number;
  readonly withdrawnMs?: number;
  readonly residentMiB: number;
  readonly peakMiB: number;
  readonly cpuMs: number;
  /** The longest that a receiver heard nothing, keepalives included. */
  readonly silenceMs: number;
}

export const DAEMON_ADDRESS = "10.9.0.1";
export const DAEMON_ASN = 65_000;
export const HOLD_SECONDS = 240;

export const senderOf = (i: number): { address: string; asn: number } => ({
  address: `10.9.0.${10 + i}`,
  asn: 65_010 + i,
});
export const receiverOf = (i: number): { address: string; asn: number } => ({
  address: `10.9.0.${100 + i}`,
  asn: 65_100 + i,
});

/** Receivers that heard nothing for so long have converged. */
const QUIET_MS = 1500;
const LOOK_MS = 20;

export async function blast(settings: BlastSettings): Promise<BlastResult> {
  const { plan, pids } = settings;
  const { senders, receivers, loads } = sessionsOf(settings);
  const all = [...senders, ...receivers];
  const until = performance.now() + settings.limitMs;
  const holds: Holds = (what, condition) => waitFor(what, until, all, condition);
  await holds("all sessions", () => all.every(({ established }) => established));
  await Promise.all(receivers.map((receiver) => receiver.send(endOfRib(plan.family))));
  await quiet(holds, receivers);

  const phase = async (begin: () => unknown, what: string, done: () => boolean): Promise<number> => {
    const startMs = performance.now();
    for (const receiver of receivers) receiver.heardAtMs = startMs;
    begin();
    await holds(what, done);
    await quiet(holds, receivers);
    return Math.max(...receivers.map(({ heardAtMs }) => heardAtMs)) - startMs;
  };
  const cpuBefore = cpuMsOf(pids);
  for (const receiver of receivers) receiver.watchSilence();
  const convergedMs = await phase(
    () => loads.map((octets, i) => senders[i]!.send(octets)),
    "every receiver knows every prefix",
    () => receivers.every(({ known }) => known === plan.count),
  );
  const figures = {
    convergedMs,
    cpuMs: cpuMsOf(pids) - cpuBefore,
    residentMiB: memoryMiB(pids, "VmRSS"),
    silenceMs: Math.max(...receivers.map(({ longestSilenceMs }) => longestSilenceMs)),
  };
  const ends = settings.whole ? await endsOf(plan, senders, receivers, phase) : {};
  for (const session of all) session.close();
  return { ...figures, ...ends, peakMiB: memoryMiB(pids, "VmHWM") };
}

interface Sessions {
  readonly senders: readonly Session[];
  readonly receivers: readonly Session[];
  /** What each sender says. */
  readonly loads: readonly Buffer[];
}

function sessionsOf({ plan, senders, receivers }: BlastSettings): Sessions {
  const common = { plan, remote: DAEMON_ADDRESS, holdSeconds: HOLD_SECONDS };
  const each = <T>(count: number, of: (i: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => of(i));
  return {
    senders: each(senders, (i) => new Session({ ...common, ...senderOf(i), counts: false })),
    receivers: each(receivers, (i) => new Session({ ...common, ...receiverOf(i), counts: true })),
    loads: each(senders, (i) =>
      announcements(plan, { ...senderOf(i), index: i, nextHop: nextHopOf(i, plan) }),
    ),
  };
}

type Phase = (begin: () => unknown, what: string, done: () => boolean) => Promise<number>;

/** The first sender leaves, if there are others; then everything is withdrawn. */
async function endsOf(
  plan: PrefixPlan,
  senders: readonly Session[],
  receivers: readonly Session[],
  phase: Phase,
): Promise<Pick<BlastResult, "failoverMs" | "withdrawnMs">> {
  const [first, ...others] = senders;
  const left = others.length === 0 ? senders : others;
  const failoverMs =
    others.length > 0 &&
    (await phase(
      () => first!.close(),
      "the first sender is gone",
      () => true,
    ));
  const withdrawnMs = await phase(
    () => left.map((sender) => sender.send(withdrawals(plan))),
    "no receiver knows any prefix",
    () => receivers.every(({ known }) => known === 0),
  );
  return failoverMs === false ? { withdrawnMs } : { failoverMs, withdrawnMs };
}

type Holds = (what: string, condition: () => boolean) => Promise<void>;

async function quiet(holds: Holds, receivers: readonly Session[]): Promise<void> {
  const beganMs = performance.now();
  await holds("quiet", () => {
    const lastMs = Math.max(beganMs, ...receivers.map(({ heardAtMs }) => heardAtMs));
    return performance.now() - lastMs >= QUIET_MS;
  });
}

/** @throws Error when a session ends, or the time is over */
async function waitFor(
  what: string,
  until: number,
  sessions: readonly Session[],
  condition: () => boolean,
): Promise<void> {
  while (!condition()) {
    const failed = sessions.find(({ failure }) => failure !== undefined);
    if (failed !== undefined) throw new Error(`${what}: ${failed.failure}`);
    if (performance.now() > until) {
      const known = sessions.map((session) => session.known).join(" ");
      throw new Error(`not within the limit: ${what}; known: ${known}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function nextHopOf(i: number, { family }: PrefixPlan): Uint8Array {
  if (family === 4) return Uint8Array.of(10, 9, 0, 10 + i);
  return Uint8Array.of(0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10 + i);
}

function memoryMiB(pids: readonly number[], field: "VmRSS" | "VmHWM"): number {
  return pids.reduce((sum, pid) => {
    const found = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return sum + Number(found?.[1] ?? 0) / 1024;
  }, 0);
}

/** Ticks of Linux are 10 ms (USER_HZ, which is 100 on all that Node runs on). */
function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

if (process.argv[1] === import.meta.filename) {
  try {
    const result = await blast(JSON.parse(process.argv[2] ?? "") as BlastSettings);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}
