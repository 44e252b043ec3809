/**
 * One BFD session in asynchronous mode (RFC 5880 §6.8), as values: what comes in gives the next session, and what is
 * due is asked for. Times are milliseconds of the caller's clock, intervals microseconds as on the wire, chance is an
 * argument.
 *
 * What we offer and what is in force differ while a Poll Sequence runs: a change that could make the other side miss us,
 * or us miss it, counts only once it has answered (§6.8.3).
 */

import type { BfdPacket, BfdState } from "./packet.ts";

/** As configured: the same interval both ways. */
export interface BfdTiming {
  /** 10..10000 ms */
  readonly intervalMs: number;
  /** Packets that may be missed, 1..255. */
  readonly multiplier: number;
}

interface Intervals {
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
}

interface Remote {
  readonly state: BfdState;
  readonly discriminator: number;
  readonly requiredMinRxUs: number;
  readonly demand: boolean;
  readonly independent: boolean;
}

export interface BfdSession {
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly discriminator: number;
  readonly timing: BfdTiming;
  readonly offered: Intervals;
  readonly inForce: Intervals;
  readonly polling: boolean;
  readonly remote: Remote;
  /** When the next periodic packet is due. */
  readonly sendAtMs: number;
  /** When the silence has lasted for the Detection Time; infinite while there is nobody to miss. */
  readonly detectAtMs: number;
}

/** What is to be sent at once, beside the next session. */
export interface BfdStep {
  readonly session: BfdSession;
  readonly packet: BfdPacket | undefined;
}

/** RFC 5880 §4.1 */
export const DIAGNOSTIC = {
  none: 0,
  detectionTimeExpired: 1,
  neighborDown: 3,
  administrativelyDown: 7,
} as const;

/** §6.8.3: "When bfd.SessionState is not Up, the system MUST set bfd.DesiredMinTxInterval to … not less than one second". */
const SLOW_US = 1_000_000;

/** §6.8.1: the other side's values before it has said any. */
const UNKNOWN: Remote = {
  state: "down",
  discriminator: 0,
  requiredMinRxUs: 1,
  demand: false,
  independent: false,
};

/** @param discriminator - random, not zero, of no other session of ours */
export function beginSession(discriminator: number, timing: BfdTiming, nowMs: number): BfdSession {
  const offered = intervalsOf("down", timing);
  return {
    state: "down",
    diagnostic: DIAGNOSTIC.none,
    discriminator,
    timing,
    offered,
    inForce: offered,
    polling: false,
    remote: UNKNOWN,
    sendAtMs: nowMs,
    detectAtMs: Number.POSITIVE_INFINITY,
  };
}

export const nextDeadline = (session: BfdSession): number => Math.min(session.sendAtMs, session.detectAtMs);

/** A packet that came from the peer of this session with TTL 255. */
export function receive(session: BfdSession, packet: BfdPacket, nowMs: number): BfdStep {
  const foreign = packet.yourDiscriminator !== 0 && packet.yourDiscriminator !== session.discriminator;
  if (foreign) return { session, packet: undefined };
  const answered = packet.final && session.polling;
  const remote = {
    state: packet.state,
    discriminator: packet.myDiscriminator,
    requiredMinRxUs: packet.requiredMinRxUs,
    demand: packet.demand,
    independent: packet.independent,
  };
  const known: BfdSession = {
    ...session,
    remote,
    polling: session.polling && !answered,
    inForce: answered ? session.offered : session.inForce,
  };
  // §6.8.6: "If bfd.SessionState is AdminDown, the packet MUST be discarded"
  if (session.state === "admin-down") return { session: known, packet: undefined };
  const [state, diagnostic] = transition(session.state, packet.state, session.diagnostic);
  const entered = enter(known, state, diagnostic, nowMs);
  // §6.8.4: from what it sends at least, the most of it that may be missing, and the rate that we can take.
  const detectionUs = packet.multiplier * Math.max(entered.inForce.requiredMinRxUs, packet.desiredMinTxUs);
  const heard = { ...entered, detectAtMs: nowMs + detectionUs / 1000 };
  const sooner = { ...heard, sendAtMs: Math.min(heard.sendAtMs, nowMs + intervalUs(heard) / 1000) };
  // §6.8.7: a Final is sent "without respect to the transmission timer", and never is a Poll as well.
  return {
    session: sooner,
    packet: packet.poll ? { ...packetOf(sooner), poll: false, final: true } : undefined,
  };
}

/**
 * What has become due. The silence first, so that the packet tells of it.
 * @param unit - a number in [0, 1), the jitter
 */
export function expire(session: BfdSession, nowMs: number, unit: number): BfdStep {
  const current = session.detectAtMs <= nowMs ? silent(session, nowMs) : session;
  if (current.sendAtMs > nowMs) return { session: current, packet: undefined };
  const next = { ...current, sendAtMs: nowMs + (intervalUs(current) * jitter(current, unit)) / 1000 };
  return { session: next, packet: maySend(current) ? packetOf(current) : undefined };
}

/** Another interval or multiplier, on the session as it runs (§6.8.3). */
export function changeTiming(session: BfdSession, timing: BfdTiming, nowMs: number): BfdSession {
  return offer({ ...session, timing, sendAtMs: nowMs }, intervalsOf(session.state, timing));
}

/** Tells the other side that this is the end, and no failure (§6.8.16). */
export function administrativelyDown(session: BfdSession, nowMs: number): BfdSession {
  return enter({ ...session, sendAtMs: nowMs }, "admin-down", DIAGNOSTIC.administrativelyDown, nowMs);
}

/** §6.8.6, the state machine of §6.2. */
function transition(local: BfdState, heard: BfdState, diagnostic: number): [BfdState, number] {
  if (heard === "admin-down")
    return local === "down" ? [local, diagnostic] : ["down", DIAGNOSTIC.neighborDown];
  switch (local) {
    case "down":
      if (heard === "down") return ["init", diagnostic];
      return heard === "init" ? ["up", DIAGNOSTIC.none] : [local, diagnostic];
    case "init":
      return heard === "down" ? [local, diagnostic] : ["up", DIAGNOSTIC.none];
    case "up":
      return heard === "down" ? ["down", DIAGNOSTIC.neighborDown] : [local, diagnostic];
    case "admin-down":
      return [local, diagnostic];
    default:
      return local satisfies never;
  }
}

function silent(session: BfdSession, nowMs: number): BfdSession {
  // §6.8.1: after a Detection Time of silence the other's discriminator is forgotten.
  const alone = { ...session, remote: UNKNOWN, detectAtMs: Number.POSITIVE_INFINITY };
  // §6.8.4: "if bfd.SessionState is Init or Up … bfd.LocalDiag to 1"
  const fell = session.state === "init" || session.state === "up";
  return fell ? enter(alone, "down", DIAGNOSTIC.detectionTimeExpired, nowMs) : alone;
}

function enter(session: BfdSession, state: BfdState, diagnostic: number, nowMs: number): BfdSession {
  if (state === session.state) return { ...session, diagnostic };
  // A change of state is told at once: the other side may wait for it.
  return offer({ ...session, state, diagnostic, sendAtMs: nowMs }, intervalsOf(state, session.timing));
}

function offer(session: BfdSession, offered: Intervals): BfdSession {
  // A session that is not Up has nothing to lose by a change, and needs no Poll Sequence to be sure of it.
  if (session.state !== "up") return { ...session, offered, inForce: offered, polling: false };
  const { inForce } = session;
  const same =
    offered.desiredMinTxUs === session.offered.desiredMinTxUs &&
    offered.requiredMinRxUs === session.offered.requiredMinRxUs;
  return {
    ...session,
    offered,
    polling: session.polling || !same,
    inForce: {
      // §6.8.3: an increase "MUST NOT change" the rate before the Poll Sequence has ended …
      desiredMinTxUs: Math.min(inForce.desiredMinTxUs, offered.desiredMinTxUs),
      // … nor a reduction the Detection Time.
      requiredMinRxUs: Math.max(inForce.requiredMinRxUs, offered.requiredMinRxUs),
    },
  };
}

function intervalsOf(state: BfdState, { intervalMs }: BfdTiming): Intervals {
  const us = intervalMs * 1000;
  return { desiredMinTxUs: state === "up" ? us : Math.max(SLOW_US, us), requiredMinRxUs: us };
}

/** §6.8.7: never faster than either side wants. */
const intervalUs = ({ inForce, remote }: BfdSession): number =>
  Math.max(inForce.desiredMinTxUs, remote.requiredMinRxUs);

/** §6.8.7: 75 to 100 % of the interval, and no more than 90 % where one missed packet already is too many. */
const jitter = ({ timing }: BfdSession, unit: number): number =>
  0.75 + unit * (timing.multiplier === 1 ? 0.15 : 0.25);

/** §6.8.7: nothing periodic to who asks for none. */
function maySend({ remote, state, polling }: BfdSession): boolean {
  if (remote.requiredMinRxUs === 0) return false;
  return !(remote.demand && state === "up" && remote.state === "up" && !polling);
}

function packetOf(session: BfdSession): BfdPacket {
  const { offered, remote } = session;
  return {
    diagnostic: session.diagnostic,
    state: session.state,
    poll: session.polling,
    final: false,
    // RFC 5882 §4.3.2: our BFD runs in a thread of its own, so that its silence is not the speaker's.
    independent: true,
    demand: false,
    multiplier: session.timing.multiplier,
    myDiscriminator: session.discriminator,
    yourDiscriminator: remote.discriminator,
    desiredMinTxUs: offered.desiredMinTxUs,
    requiredMinRxUs: offered.requiredMinRxUs,
  };
}
