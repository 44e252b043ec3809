/** Which of two connections with one peer stays (RFC 4271 §6.8, RFC 6286 §2.3). Pure. */

/** How far a connection has come; the names are the FSM's states. */
export interface Contender {
  readonly initiator: "local" | "remote";
  readonly established: boolean;
}

export interface Identity {
  /** The BGP Identifier as an unsigned 32-bit number. */
  readonly routerId: number;
  readonly asn: number;
}

/**
 * Called when an OPEN has come: `newer` is the connection that it came on,
 * `older` is another one, in OpenConfirm or Established, with the same peer.
 *
 * @returns the one to close, with Cease, subcode 7 (RFC 4486)
 */
export function collisionLoser(
  local: Identity,
  remote: Identity,
  older: Contender,
  newer: Contender,
): "older" | "newer" {
  // RFC 4271 §6.8: a collision with an Established connection closes the newly created one, unless configured otherwise.
  if (older.established) return "newer";
  // Both opened by one side: the peer would not have opened a second one had the first been alive to it.
  if (older.initiator === newer.initiator) return "older";
  const keeps = outranks(local, remote) ? "local" : "remote";
  return newer.initiator === keeps ? "older" : "newer";
}

/** The connection opened by the side with the higher identifier stays; RFC 6286 §2.3: of equal ones, the higher AS. */
const outranks = (local: Identity, remote: Identity): boolean =>
  local.routerId === remote.routerId ? local.asn > remote.asn : local.routerId > remote.routerId;
