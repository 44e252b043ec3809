/** What we say in an OPEN. */

import { openFor } from "../session/negotiation.ts";
import type { Open } from "../wire/messages.ts";
import type { PeerOptions } from "./options.ts";
import { addPathModeOf, sessionAsn } from "./peer-options.ts";
import type { Shared } from "./shared.ts";

/** @param wasUp - there was a session with this peer in the life of this speaker */
export function offerTo(shared: Shared, options: PeerOptions, wasUp: boolean): Open {
  const { holdSeconds, families, role, longLivedSeconds = {}, extendedNextHop = false } = options;
  const { routerId, gracefulRestart } = shared.options;
  return openFor({
    asn: sessionAsn(shared.options, options),
    routerId: routerId.w0,
    holdSeconds,
    families,
    role,
    extendedNextHop,
    addPath: addPathModeOf(options),
    gracefulRestart: gracefulRestart && {
      restartSeconds: gracefulRestart.restartSeconds,
      notification: gracefulRestart.notification,
      restarting: gracefulRestart.restarting && shared.restarting(),
      // A fact, not a wish: either our predecessor's routes are still there, or we never stopped forwarding.
      forwarding: gracefulRestart.restarting || wasUp,
      longLivedSeconds,
    },
  });
}
