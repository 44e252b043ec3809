/** What a change of a peer's settings costs. */

import type { Address } from "../net/address.ts";
import { formatAddress, formatPrefix } from "../net/text.ts";
import { type ImportLimits, NO_IMPORT_LIMITS } from "../rib/import-limits.ts";
import type { PeerOptions } from "./options.ts";
import type { DialTarget, Protection } from "./world.ts";

/** True when a session of the old settings cannot go on with the new ones: agreed on in the OPEN, or of its socket. */
export function needsReset(before: PeerOptions, after: PeerOptions): boolean {
  return agreedKey(before) !== agreedKey(after) || !sameProtection(protectionOf(before), protectionOf(after));
}

/** What import policy is not asked about. */
export function importLimitsOf({ maxAsPathLength, maxCommunities }: PeerOptions): ImportLimits {
  return {
    asPathLength: maxAsPathLength ?? NO_IMPORT_LIMITS.asPathLength,
    communities: maxCommunities ?? NO_IMPORT_LIMITS.communities,
  };
}

export const sameLimits = (a: PeerOptions, b: PeerOptions): boolean =>
  a.maxAsPathLength === b.maxAsPathLength && a.maxCommunities === b.maxCommunities;

/** How the connections of a peer are protected. */
export function protectionOf({ remote, password, ttlSecurity = false }: PeerOptions): Protection {
  return { remote, password, ttlSecurity };
}

export const dialTargetOf = (options: PeerOptions, address: Address): DialTarget => ({
  ...protectionOf(options),
  address,
  port: options.port,
  localAddress: options.localAddress,
});

const sameProtection = (a: Protection, b: Protection): boolean =>
  a.password === b.password && a.ttlSecurity === b.ttlSecurity;

/** What may keep a peer from answering, in words: what it does not accept, TCP drops in silence. */
export function silenceOf({ password, ttlSecurity }: DialTarget): string {
  const reasons = ["nothing listens there, or a firewall drops it"];
  if (password === undefined) reasons.push("the peer wants a password (TCP-MD5)");
  else reasons.push("the peer has another password (TCP-MD5), or none");
  if (ttlSecurity === true) reasons.push("it is more than one hop away, or has no TTL security");
  return `no answer: ${reasons.join("; or ")}`;
}

/** What tells one entry of a list of peers from another. */
export function remoteKey({ remote }: PeerOptions): string {
  return "address" in remote ? formatAddress(remote.address) : formatPrefix(remote.range);
}

function agreedKey(peer: PeerOptions): string {
  const { remoteAsn, localAddress, holdSeconds, families, reflectorClient } = peer;
  // What was withdrawn for its sets is not there to be judged again.
  const { acceptAsSets = false } = peer;
  const local = localAddress === undefined ? "" : formatAddress(localAddress);
  const key = [remoteAsn, local, holdSeconds, [...families].sort(), reflectorClient];
  return [...key, addPathModeOf(peer), acceptAsSets].join(" ");
}

/** What the capability of RFC 7911 says; undefined: it is not sent. */
export function addPathModeOf({ addPath }: PeerOptions): "receive" | "send" | "both" | undefined {
  if (addPath === undefined || addPath.send === 0) return addPath?.receive === true ? "receive" : undefined;
  return addPath.receive ? "both" : "send";
}
