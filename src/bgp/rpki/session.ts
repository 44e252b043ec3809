/**
 * One session with a cache (RFC 8210 §8), as values: what happens gives the next session and what is to be done. Times
 * are milliseconds of the caller's clock; chance is an argument.
 *
 * Data that a cache gave count until they expire, whatever becomes of the connection, unless the cache says by another
 * session id that they are of another life of it.
 */

import {
  encodeErrorReport,
  encodeResetQuery,
  encodeSerialQuery,
  type Pdu,
  type PduFault,
  RTR_ERROR,
  type RtrIntervals,
  type RtrVersion,
  rtrErrorWords,
} from "./pdu.ts";
import type { Vrp, VrpRefusal } from "./vrp-table.ts";

/** Of a cache. ready: connected, and nothing is under way. */
export type CacheState = "waiting" | "connecting" | "querying" | "receiving" | "ready";

export interface RtrSession {
  readonly at: CacheState;
  /** The one that we ask in. */
  readonly version: RtrVersion;
  /** The cache has answered in this version, on this connection (§7). */
  readonly agreed: boolean;
  /** What a Serial Query goes on from; undefined: all is to be asked for. */
  readonly basis: RtrBasis | undefined;
  /** Of the answer that is coming, or asked for. */
  readonly answer: { readonly all: boolean; readonly sessionId: number | undefined };
  /** The serial number of a notification that came meanwhile. */
  readonly notified: number | undefined;
  readonly intervals: RtrIntervals;
  /** In a row. */
  readonly failures: number;
  /** When to connect, to ask again, or to give up waiting, by `at`. */
  readonly dueAtMs: number;
  /** When what we hold is too old; infinite while we hold nothing. */
  readonly expireAtMs: number;
}

interface RtrBasis {
  readonly version: RtrVersion;
  readonly sessionId: number;
  readonly serial: number;
}

export type RtrAction =
  | { readonly do: "dial" }
  | { readonly do: "send"; readonly octets: Uint8Array }
  | { readonly do: "close" }
  /** A set of VRPs is coming: all, or what changed. */
  | { readonly do: "begin"; readonly all: boolean }
  | { readonly do: "tell"; readonly announces: boolean; readonly vrp: Vrp }
  | { readonly do: "commit" }
  /** The data count no longer. */
  | { readonly do: "forget"; readonly why: string }
  /** Something went wrong, in words. */
  | { readonly do: "note"; readonly why: string };

export interface RtrStep {
  readonly session: RtrSession;
  readonly actions: readonly RtrAction[];
}

/** §6, the recommended defaults: what counts with version 0, which tells none. */
const DEFAULT_INTERVALS: RtrIntervals = { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 7200 };

/** How long a connection may take, and the next PDU of an answer. */
export const ANSWER_MS = 30_000;
/** The first wait after a failure; it doubles with each, up to the retry interval. */
const FIRST_WAIT_MS = 1000;

export const beginRtr = (nowMs: number): RtrSession => ({
  at: "waiting",
  version: 1,
  agreed: false,
  basis: undefined,
  answer: { all: true, sessionId: undefined },
  notified: undefined,
  intervals: DEFAULT_INTERVALS,
  failures: 0,
  dueAtMs: nowMs,
  expireAtMs: Number.POSITIVE_INFINITY,
});

export const nextDeadline = ({ dueAtMs, expireAtMs }: RtrSession): number => Math.min(dueAtMs, expireAtMs);

/** @param unit - a number in [0, 1) from the caller's random source */
export function expire(session: RtrSession, nowMs: number, unit: number): RtrStep {
  const old = session.expireAtMs <= nowMs;
  const current = old ? withoutData(session) : session;
  // §6: "The router MUST NOT retain the data past the time indicated by this parameter."
  const forgotten: RtrAction[] = old ? [{ do: "forget", why: "expired" }] : [];
  const { session: next, actions } = current.dueAtMs <= nowMs ? due(current, nowMs, unit) : stay(current);
  return { session: next, actions: [...forgotten, ...actions] };
}

export function connected(session: RtrSession, nowMs: number): RtrStep {
  return ask({ ...session, agreed: false, notified: undefined }, nowMs);
}

/** @param octets - of the PDU, or as many of them as are worth quoting */
export function receive(
  session: RtrSession,
  pdu: Pdu | PduFault,
  octets: Uint8Array,
  nowMs: number,
  unit: number,
): RtrStep {
  const wrong = (code: PduFault["code"], why: string): RtrStep =>
    refuse(session, { code, why }, octets, nowMs, unit);
  if ("why" in pdu) return wrong(pdu.code, pdu.why);
  // §7: notifications are ignored until the version is agreed upon.
  if (pdu.type === "notify" && !session.agreed) return stay(session);
  // §5.11: an Error Report is never answered by one.
  if (pdu.type === "error") return reported(session, pdu, nowMs, unit);
  if (pdu.version !== session.version && (session.agreed || pdu.version > session.version)) {
    return wrong(RTR_ERROR.unexpectedVersion, `a PDU of version ${pdu.version}`);
  }
  // §7: a cache that knows version 0 only may answer in it.
  const current = session.agreed ? session : { ...session, version: pdu.version, agreed: true };
  return take(current, pdu, wrong, nowMs);
}

/** What the VRPs said to what the cache told. */
export function conflict(
  session: RtrSession,
  refusal: VrpRefusal,
  octets: Uint8Array,
  nowMs: number,
  unit: number,
): RtrStep {
  return refuse(session, REFUSALS[refusal], octets, nowMs, unit);
}

/** The connection is gone, or could not be made. */
export function failed(session: RtrSession, why: string, nowMs: number, unit: number): RtrStep {
  const most = session.intervals.retrySeconds * 1000;
  // §6 asks to wait for the retry interval after a failed query; a connection that is lost is tried sooner.
  const waitMs = Math.min(most, FIRST_WAIT_MS * 2 ** Math.min(session.failures, 20)) * (0.75 + unit / 4);
  const next: RtrSession = {
    ...session,
    at: "waiting",
    version: nextVersion(session),
    agreed: false,
    failures: session.failures + 1,
    dueAtMs: nowMs + waitMs,
  };
  return { session: next, actions: [{ do: "close" }, { do: "note", why }] };
}

/** §7: a cache that knows no version 1 may also hang up on it, and one that spoke version 0 may be another by then. */
function nextVersion({ at, agreed, version }: RtrSession): RtrVersion {
  if (agreed || at !== "querying") return agreed ? 1 : version;
  return version === 1 ? 0 : 1;
}

const REFUSALS: Readonly<Record<VrpRefusal, PduFault>> = {
  duplicate: { code: RTR_ERROR.duplicateAnnouncement, why: "it announced what it had announced" },
  unknown: { code: RTR_ERROR.unknownWithdrawal, why: "it withdrew what it had not announced" },
  "too many": { code: RTR_ERROR.internalError, why: "it has too many VRPs" },
};

type Received = Exclude<Pdu, { readonly type: "error" }>;
type Wrong = (code: PduFault["code"], why: string) => RtrStep;

/** In which state a PDU of the cache is to be expected; a notification is in any. */
const EXPECTED: Readonly<Record<Received["type"], RtrSession["at"] | "any">> = {
  notify: "any",
  response: "querying",
  "cache-reset": "querying",
  prefix: "receiving",
  "router-key": "receiving",
  end: "receiving",
};

const ANOTHER_SESSION = "its session id is another one";

function take(session: RtrSession, pdu: Received, wrong: Wrong, nowMs: number): RtrStep {
  const { answer, basis } = session;
  const expected = EXPECTED[pdu.type];
  if (expected !== "any" && expected !== session.at) {
    return wrong(RTR_ERROR.corruptData, `a PDU that nobody asked for: ${pdu.type}`);
  }
  const waiting = waitingFrom(session, nowMs);
  switch (pdu.type) {
    case "notify":
      return notified(session, pdu.sessionId, pdu.serial, wrong, nowMs);
    case "response": {
      // §5.1: sessions of different versions are different, even if their ids are the same.
      const isSame = basis?.sessionId === pdu.sessionId && basis.version === pdu.version;
      if (!answer.all && !isSame) return flushed(wrong(RTR_ERROR.corruptData, ANOTHER_SESSION));
      const begun = { all: answer.all, sessionId: pdu.sessionId };
      return {
        session: { ...waiting, at: "receiving", answer: begun },
        actions: [{ do: "begin", all: answer.all }],
      };
    }
    case "prefix":
      return { session: waiting, actions: [{ do: "tell", announces: pdu.announces, vrp: pdu.vrp }] };
    case "router-key":
      return stay(waiting);
    case "cache-reset":
      if (answer.all) return wrong(RTR_ERROR.corruptData, "a reset in answer to a reset");
      // §8.3: it cannot tell what changed.
      return ask({ ...session, basis: undefined }, nowMs);
    case "end":
      if (pdu.sessionId !== answer.sessionId) return flushed(wrong(RTR_ERROR.corruptData, ANOTHER_SESSION));
      return ended(session, pdu, nowMs);
    default:
      return pdu satisfies never;
  }
}

/** The next PDU is due in time. Half a million of them come in a row: not every one is worth another session. */
function waitingFrom(session: RtrSession, nowMs: number): RtrSession {
  const dueAtMs = nowMs + ANSWER_MS;
  return dueAtMs - session.dueAtMs < ANSWER_MS / 10 ? session : { ...session, dueAtMs };
}

function notified(
  session: RtrSession,
  sessionId: number,
  serial: number,
  wrong: Wrong,
  nowMs: number,
): RtrStep {
  const { basis } = session;
  // §5.1: "the router MUST flush all data learned from that cache."
  if (basis !== undefined && basis.sessionId !== sessionId) {
    return flushed(wrong(RTR_ERROR.corruptData, ANOTHER_SESSION));
  }
  if (session.at !== "ready") return stay({ ...session, notified: serial });
  return basis?.serial === serial ? stay(session) : ask(session, nowMs);
}

/** §5.8: all has come. */
function ended(session: RtrSession, pdu: Received & { readonly type: "end" }, nowMs: number): RtrStep {
  const { version, sessionId, serial } = pdu;
  const intervals = withinBounds(pdu.intervals ?? DEFAULT_INTERVALS);
  const done: RtrSession = {
    ...session,
    at: "ready",
    basis: { version, sessionId, serial },
    intervals,
    failures: 0,
    dueAtMs: nowMs + intervals.refreshSeconds * 1000,
    expireAtMs: nowMs + intervals.expireSeconds * 1000,
  };
  const isBehind = session.notified !== undefined && session.notified !== serial;
  const next = isBehind ? ask(done, nowMs) : stay({ ...done, notified: undefined });
  return { session: next.session, actions: [{ do: "commit" }, ...next.actions] };
}

/** §6: what a cache may ask for; beyond it, the nearest that it may. */
function withinBounds({ refreshSeconds, retrySeconds, expireSeconds }: RtrIntervals): RtrIntervals {
  const refresh = between(1, refreshSeconds, 86_400);
  const retry = between(1, retrySeconds, 7200);
  // "Expire Interval … MUST be larger than either the Refresh Interval or the Retry Interval."
  const expires = Math.max(between(600, expireSeconds, 172_800), refresh + 1, retry + 1);
  return { refreshSeconds: refresh, retrySeconds: retry, expireSeconds: expires };
}

const between = (least: number, value: number, most: number): number =>
  Math.min(most, Math.max(least, value));

/** The cache has reported an error (§5.11, §12). */
function reported(
  session: RtrSession,
  { version, code, text }: Pdu & { readonly type: "error" },
  nowMs: number,
  unit: number,
): RtrStep {
  // §7: a cache that knows no version 1 says so in version 0, and is asked again in that.
  if (code === RTR_ERROR.unsupportedVersion && !session.agreed && version < session.version) {
    const next: RtrSession = { ...session, version, at: "connecting", dueAtMs: nowMs + ANSWER_MS };
    return { session: next, actions: [{ do: "close" }, { do: "dial" }] };
  }
  const why = `it reports: ${rtrErrorWords(code)}${text === "" ? "" : `: ${text}`}`;
  if (code !== RTR_ERROR.noDataAvailable) return brokenOff(session, why, nowMs, unit);
  // §8.4: no error of ours or of its own; it has begun, and "the router MUST issue periodic Reset Queries".
  const dueAtMs = nowMs + session.intervals.retrySeconds * 1000;
  const next: RtrSession = { ...session, version, agreed: true, at: "ready", basis: undefined, dueAtMs };
  return { session: next, actions: [{ do: "note", why }] };
}

function due(session: RtrSession, nowMs: number, unit: number): RtrStep {
  switch (session.at) {
    case "waiting": {
      const next: RtrSession = { ...session, at: "connecting", dueAtMs: nowMs + ANSWER_MS };
      return { session: next, actions: [{ do: "dial" }] };
    }
    case "connecting":
      return failed(session, "no connection: nothing listens there, or a firewall drops it", nowMs, unit);
    case "querying":
    case "receiving":
      return failed(session, "it does not answer", nowMs, unit);
    case "ready":
      return ask(session, nowMs);
    default:
      return session.at satisfies never;
  }
}

/** Asks for what changed where that is possible (§8.1), else for all. */
function ask(session: RtrSession, nowMs: number): RtrStep {
  const { version, basis } = session;
  const known = basis?.version === version ? basis : undefined;
  const octets =
    known === undefined
      ? encodeResetQuery(version)
      : encodeSerialQuery(version, known.sessionId, known.serial);
  const answer = { all: known === undefined, sessionId: undefined };
  const dueAtMs = nowMs + ANSWER_MS;
  return {
    session: { ...session, at: "querying", answer, notified: undefined, dueAtMs },
    actions: [{ do: "send", octets }],
  };
}

/** The cache is wrong: it is told, and we begin anew. What it said before counts until it expires. */
function refuse(
  session: RtrSession,
  fault: PduFault,
  about: Uint8Array,
  nowMs: number,
  unit: number,
): RtrStep {
  const { session: next, actions } = brokenOff(session, fault.why, nowMs, unit);
  if (fault.code === undefined) return { session: next, actions };
  const octets = encodeErrorReport(session.version, fault.code, fault.why, about);
  return { session: next, actions: [{ do: "send", octets }, ...actions] };
}

/** The other side is there and speaks; what it and we have in common is in doubt. */
const brokenOff = (session: RtrSession, why: string, nowMs: number, unit: number): RtrStep =>
  failed({ ...session, agreed: true, basis: undefined }, why, nowMs, unit);

function flushed({ session, actions }: RtrStep): RtrStep {
  return { session: withoutData(session), actions: [...actions, { do: "forget", why: ANOTHER_SESSION }] };
}

const withoutData = (session: RtrSession): RtrSession => ({
  ...session,
  basis: undefined,
  expireAtMs: Number.POSITIVE_INFINITY,
});

const stay = (session: RtrSession): RtrStep => ({ session, actions: [] });
