/**
 * The load generator, a process of its own: `node blast.js '{…}'` opens the sessions, lets the senders speak, and writes
 * one line of JSON with the times. The clock of a phase runs from its first octet to the last route that a receiver
 * heard before it was quiet.
 */

import { readFileSync } from "node:fs";
import type { LibraryFigures } from "./library.ts";
import { announcements, endOfRib, type PrefixPlan, withdrawals } from "./load.ts";
import type { Ending } from "./rows.ts";
import { Session } from "./session.ts";

export interface BlastSettings {
  readonly plan: PrefixPlan;
  readonly senders: number;
  readonly receivers: number;
  /** Of the daemon under test, whose memory and CPU time are measured. */
  readonly pids: readonly number[];
  readonly then: Ending;
  readonly limitMs: number;
}

/** Times in milliseconds, and the CPU time of the daemon in them; memory in MiB. */
export interface BlastResult extends Partial<LibraryFigures> {
  readonly convergedMs: number;
  readonly cpuMs: number;
  readonly failoverMs?: number;
  readonly failoverCpuMs?: number;
  readonly withdrawnMs?: number;
  readonly withdrawnCpuMs?: number;
  /** Of all rounds together; resident after the first and after the last. */
  readonly roundsMs?: number;
  readonly firstRoundMiB?: number;
  readonly lastRoundMiB?: number;
  readonly residentMiB: number;
  readonly peakMiB: number;
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
/** Several hundred, beyond the network that the policies keep out. */
export const receiverOf = (i: number): { address: string; asn: number } => ({
  address: `10.9.${1 + (i >> 7)}.${1 + (i & 127)}`,
  asn: 65_100 + i,
});

/** Receivers that heard nothing for so long have converged. */
const QUIET_MS = 1500;
const LOOK_MS = 20;
const ROUNDS = 100;

export async function blast(settings: BlastSettings): Promise<BlastResult> {
  const { plan, pids } = settings;
  const { senders, receivers, loads } = sessionsOf(settings);
  const all = [...senders, ...receivers];
  const until = performance.now() + settings.limitMs;
  const holds: Holds = (what, condition) => waitFor(what, until, all, condition);
  await holds("all sessions", () => all.every(({ established }) => established));
  await Promise.all(receivers.map((receiver) => receiver.send(endOfRib(plan.family))));
  await quiet(holds, receivers);

  const phase: Phase = async (begin, what, done) => {
    const startMs = performance.now();
    const startCpuMs = cpuMsOf(pids);
    for (const receiver of receivers) receiver.heardAtMs = startMs;
    begin();
    await holds(what, done);
    await quiet(holds, receivers);
    const wallMs = Math.max(...receivers.map(({ heardAtMs }) => heardAtMs)) - startMs;
    return { wallMs, cpuMs: cpuMsOf(pids) - startCpuMs };
  };
  for (const receiver of receivers) receiver.watchSilence();
  const converged = await phase(
    () => loads.map((octets, i) => senders[i]!.send(octets)),
    "every receiver knows every prefix",
    () => receivers.every(({ known }) => known === plan.count),
  );
  const figures = {
    convergedMs: converged.wallMs,
    cpuMs: converged.cpuMs,
    residentMiB: memoryMiB(pids, "VmRSS"),
    silenceMs: Math.max(...receivers.map(({ longestSilenceMs }) => longestSilenceMs)),
  };
  const ends =
    settings.then === "ends"
      ? await endsOf(plan, senders, receivers, phase)
      : settings.then === "rounds"
        ? await roundsOf(plan, { senders, receivers, loads }, pids, holds)
        : {};
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

interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

type Phase = (begin: () => unknown, what: string, done: () => boolean) => Promise<Spent>;

/** The first sender leaves, if there are others; then everything is withdrawn. */
async function endsOf(
  plan: PrefixPlan,
  senders: readonly Session[],
  receivers: readonly Session[],
  phase: Phase,
): Promise<Partial<BlastResult>> {
  const [first, ...others] = senders;
  const left = others.length === 0 ? senders : others;
  const failover =
    others.length > 0 &&
    (await phase(
      () => first!.close(),
      "the first sender is gone",
      () => true,
    ));
  const withdrawn = await phase(
    () => left.map((sender) => sender.send(withdrawals(plan))),
    "no receiver knows any prefix",
    () => receivers.every(({ known }) => known === 0),
  );
  return {
    ...(failover !== false && { failoverMs: failover.wallMs, failoverCpuMs: failover.cpuMs }),
    withdrawnMs: withdrawn.wallMs,
    withdrawnCpuMs: withdrawn.cpuMs,
  };
}

/** All is withdrawn and announced again: what a daemon keeps of that for ever, it has after the last round. */
async function roundsOf(
  plan: PrefixPlan,
  { senders, receivers, loads }: Sessions,
  pids: readonly number[],
  holds: Holds,
): Promise<Partial<BlastResult>> {
  const away = withdrawals(plan);
  const startMs = performance.now();
  let firstRoundMiB: number | undefined;
  for (let round = 1; round <= ROUNDS; round++) {
    for (const sender of senders) sender.send(away);
    await holds(`round ${round}: nothing is known`, () => receivers.every(({ known }) => known === 0));
    for (const [i, sender] of senders.entries()) sender.send(loads[i]!);
    await holds(`round ${round}: all is known`, () => receivers.every(({ known }) => known === plan.count));
    firstRoundMiB ??= memoryMiB(pids, "VmRSS");
  }
  const roundsMs = performance.now() - startMs;
  return { roundsMs, firstRoundMiB: firstRoundMiB ?? 0, lastRoundMiB: memoryMiB(pids, "VmRSS") };
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
