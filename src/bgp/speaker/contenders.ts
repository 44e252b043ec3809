/** Two connections with one peer, of which one must go (RFC 4271 §6.8). */

import { collisionLoser } from "../fsm/collision.ts";
import type { Negotiated } from "../session/negotiation.ts";
import type { Connection } from "./connection.ts";

/** Only a connection whose OPEN has been accepted can collide. */
export const isContender = (connection: Connection): boolean =>
  connection.state.at === "open-confirm" || connection.state.at === "established";

/** A session, or a connection that has come as far as an OPEN. */
export const isBusy = (connection: Connection): boolean =>
  connection.state.at === "open-sent" || isContender(connection);

/** @param negotiated - with the peer, on the newer one */
export function loserOf(
  older: Connection,
  newer: Connection,
  local: { readonly routerId: number; readonly asn: number },
  { remoteRouterId, remoteAsn }: Negotiated,
): Connection {
  const loser = collisionLoser(
    local,
    { routerId: remoteRouterId, asn: remoteAsn },
    { initiator: older.initiator, established: older.state.at === "established" },
    { initiator: newer.initiator, established: false },
  );
  return loser === "older" ? older : newer;
}
