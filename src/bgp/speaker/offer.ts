/** What we say in an OPEN. */

import { openFor } from "../session/negotiation.ts";
import type { Open } from "../wire/messages.ts";
import type { PeerOptions } from "./options.ts";
import { addPathModeOf } from "./peer-options.ts";
import type { Shared } from "./shared.ts";

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
