/** Whether an OPEN makes a session, what holds on it, and which of two connections stays. */

import { collisionLoser } from "../fsm/collision.ts";
import type { Settings } from "../fsm/state.ts";
import type { Address } from "../net/address.ts";
import { type Negotiated, negotiate } from "../session/negotiation.ts";
import { Refusal } from "../wire/fault.ts";
import type { Open } from "../wire/messages.ts";
import { asnOf } from "../wire/open.ts";
import { checkOpen } from "../wire/open-check.ts";
import type { Connection } from "./connection.ts";
import type { PeerEvent } from "./events.ts";
import type { PeerOptions } from "./options.ts";
import { LIMITS } from "./shared.ts";

/** OPEN Message Error, Unsupported Capability (RFC 5492 §5). */
const OPEN_ERROR = 2;
const UNSUPPORTED_CAPABILITY = 7;

interface Own {
  readonly asn: number;
  readonly routerId: Address;
}

/**
 * @param offered - our own OPEN on this connection
 * @param own - as the peer knows us
 * @param zone - the interface of a session between link-local addresses
 */
export function judgeOpen(
  open: Open,
  offered: Open,
  own: Own,
  { remoteAsn, role, strictRole }: PeerOptions,
  zone: string | undefined,
): Negotiated | Refusal {
  const expected = { localAsn: own.asn, localRouterId: own.routerId.w0, remoteAsn, role, strictRole };
  const refusal = checkOpen(open, expected);
  if (refusal !== undefined) return refusal;
  const negotiated = negotiate(offered, open, zone);
  return negotiated.families.length === 0
    ? new Refusal("no address family in common", OPEN_ERROR, UNSUPPORTED_CAPABILITY)
    : negotiated;
}

/** A session, or a connection that has come as far as an OPEN. */
export const isBusy = (connection: Connection): boolean =>
  connection.state.at === "open-sent" || connection.isContender;

/** RFC 4271 §6.8: `older` has come as far as OpenConfirm, and `open` has just been accepted on `newer`. */
export function loserOf(own: Own, open: Open, older: Connection, newer: Connection): Connection {
  const local = { routerId: own.routerId.w0, asn: own.asn };
  const remote = { routerId: open.routerId, asn: asnOf(open) };
  const established = older.state.at === "established";
  const contenders = [
    { initiator: older.initiator, established },
    { initiator: newer.initiator, established: false },
  ] as const;
  return collisionLoser(local, remote, ...contenders) === "older" ? older : newer;
}

/** @param unit - a number in [0, 1), for jitter */
export function machineSettings(
  passive: boolean,
  holdSeconds: number,
  negotiated: Negotiated | undefined,
  unit: number,
): Settings {
  return {
    passive,
    holdSeconds,
    connectRetrySeconds: LIMITS.connectRetrySeconds,
    idleHoldSeconds: LIMITS.idleHoldSeconds,
    gracefulRestart: (negotiated?.gracefulRestart?.families.length ?? 0) > 0,
    unit,
  };
}

export const sessionUp = (negotiated: Negotiated): PeerEvent => ({
  on: "session-up",
  asn: negotiated.remoteAsn,
  families: negotiated.families,
  holdSeconds: negotiated.holdSeconds,
  gracefulRestart: negotiated.gracefulRestart !== undefined,
});
