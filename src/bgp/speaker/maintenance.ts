/**
 * The policies of a peer as they are in force: those configured, and what graceful shutdown (RFC 8326) adds to them. They
 * act on the routes that are there, and no session ends.
 */

import { WELL_KNOWN_COMMUNITIES } from "../net/communities.ts";
import type { Changes, Policy } from "../policy/rules.ts";
import type { PeerOptions } from "./options.ts";

/** RFC 8326 §4: what leads over a session that is about to end is taken where there is no other way. */
const LAST_RESORT: Changes = {
  localPref: 0,
  addCommunities: [WELL_KNOWN_COMMUNITIES["graceful-shutdown"]],
};

/** Beside the configured rules. @param asn - the speaker's own. @param drained - an operator says so, beside the options */
export function importAdditions(options: PeerOptions, asn: number, drained: boolean): Partial<Policy> {
  const { remoteAsn, honorGracefulShutdown = true } = options;
  // RFC 8326 §4.1: at the border. Inside, whoever took the route from outside has lowered its preference.
  const honors = honorGracefulShutdown && remoteAsn !== asn;
  return {
    ...(honors && { honorsGracefulShutdown: true }),
    ...(drains(options, drained) && { finally: LAST_RESORT }),
  };
}

/** As {@link importAdditions}. */
export const exportAdditions = (options: PeerOptions, drained: boolean): Partial<Policy> =>
  drains(options, drained) ? { finally: LAST_RESORT } : {};

/** The session is about to end, by its configuration or by hand. */
export const drains = ({ gracefulShutdown }: PeerOptions, drained: boolean): boolean =>
  drained || gracefulShutdown === true;
