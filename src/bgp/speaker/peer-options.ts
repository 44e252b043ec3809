/** What a change of a peer's settings costs. */

import { formatAddress, formatPrefix } from "../net/text.ts";
import type { PeerOptions } from "./options.ts";

/** True when a session of the old settings cannot go on with the new ones: most were agreed on in the OPEN. */
export function needsReset(before: PeerOptions, after: PeerOptions): boolean {
  return agreedKey(before) !== agreedKey(after);
}

/** What tells one entry of a list of peers from another. */
export function remoteKey({ remote }: PeerOptions): string {
  return "address" in remote ? formatAddress(remote.address) : formatPrefix(remote.range);
}

function agreedKey({ remoteAsn, localAddress, holdSeconds, families, reflectorClient }: PeerOptions): string {
  const local = localAddress === undefined ? "" : formatAddress(localAddress);
  return [remoteAsn, local, holdSeconds, [...families].sort(), reflectorClient].join(" ");
}
