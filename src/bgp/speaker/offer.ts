/** What we say in an OPEN, and what comes of the answer. */

import { type Negotiated, negotiate, openFor } from "../session/negotiation.ts";
import { Refusal } from "../wire/fault.ts";
import type { Open } from "../wire/messages.ts";
import { checkOpen } from "../wire/open-check.ts";
import type { PeerOptions } from "./options.ts";
import { addPathModeOf } from "./peer-options.ts";
import type { Shared } from "./shared.ts";

/** OPEN Message Error, Unsupported Capability (RFC 5492 §5). */
const OPEN_ERROR = 2;
const UNSUPPORTED_CAPABILITY = 7;

/** What holds on the session, or why there is none. */
export function agreed(
  { options: { asn, routerId } }: Shared,
  { remoteAsn }: PeerOptions,
  offered: Open,
  open: Open,
): Negotiated | Refusal {
  const refusal = checkOpen(open, { localAsn: asn, remoteAsn, localRouterId: routerId.w0 });
  if (refusal !== undefined) return refusal;
  const negotiated = negotiate(offered, open);
  if (negotiated.families.length > 0) return negotiated;
  return new Refusal("no address family in common", OPEN_ERROR, UNSUPPORTED_CAPABILITY);
}

/** @param wasUp - there was a session with this peer in the life of this speaker */
export function offerTo(shared: Shared, peer: PeerOptions, wasUp: boolean): Open {
  const { holdSeconds, families } = peer;
  const { asn, routerId, gracefulRestart } = shared.options;
  return openFor({
    asn,
    routerId: routerId.w0,
    holdSeconds,
    families,
    addPath: addPathModeOf(peer),
    gracefulRestart: gracefulRestart && {
      restartSeconds: gracefulRestart.restartSeconds,
      notification: gracefulRestart.notification,
      restarting: gracefulRestart.restarting && shared.restarting(),
      // A fact, not a wish: either our predecessor's routes are still there, or we never stopped forwarding.
      forwarding: gracefulRestart.restarting || wasUp,
    },
  });
}
