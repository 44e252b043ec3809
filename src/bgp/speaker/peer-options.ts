/** What a change of a peer's settings costs. */

import { type Address, ipv6, prefixOf } from "../net/address.ts";
import { formatAddress, formatPrefix } from "../net/text.ts";
import type { AsView } from "../rib/as-view.ts";
import type { PeerOptions, SpeakerOptions } from "./options.ts";
import type { DialTarget, Protection } from "./world.ts";

/** True when a session of the old settings cannot go on with the new ones: agreed on in the OPEN, or of its socket. */
export function needsReset(before: PeerOptions, after: PeerOptions): boolean {
  return agreedKey(before) !== agreedKey(after) || !sameProtection(protectionOf(before), protectionOf(after));
}

/** Our AS number as the peer knows it. */
export const sessionAsn = ({ asn }: SpeakerOptions, { localAs }: PeerOptions): number => localAs?.asn ?? asn;

/** How AS numbers are shown to an external peer; undefined: as usual. */
export function asViewOf(speaker: SpeakerOptions, options: PeerOptions): AsView | undefined {
  const { remoteAsn, localAs, removePrivateAs, asOverride = false } = options;
  const looksForRemote = removePrivateAs !== undefined || asOverride;
  if (localAs === undefined && !looksForRemote) return undefined;
  return {
    // Peers that differ in it alone share an update group where it does not matter.
    remoteAsn: looksForRemote && remoteAsn !== "external" ? remoteAsn : 0,
    localAsn: sessionAsn(speaker, options),
    hidesOwnAsn: localAs?.replaceAs === true,
    removePrivateAs,
    asOverride,
  };
}

/** How the connections of a peer are protected. The kernel asks for passwords by address, whatever the interface. */
export function protectionOf({ remote, password, ttlSecurity = false }: PeerOptions): Protection {
  return { remote: "interface" in remote ? { range: LINK_LOCAL } : remote, password, ttlSecurity };
}

/** RFC 4291 §2.5.6 */
const LINK_LOCAL = prefixOf(ipv6(0xfe80_0000, 0, 0, 0), 10);

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
  if ("interface" in remote) return interfaceKey(remote.interface);
  return "address" in remote ? formatAddress(remote.address) : formatPrefix(remote.range);
}

export const interfaceKey = (name: string): string => `%${name}`;

/** Stands for the router at the other end of an interface as long as nobody knows its address. */
export const someoneOn = (zone: string): Address => ({ ...ipv6(0, 0, 0, 0), zone });

function agreedKey(options: PeerOptions): string {
  const { remoteAsn, localAddress, holdSeconds, families, reflectorClient } = options;
  const { routeServerClient, role, strictRole, localAs, enforceFirstAs } = options;
  // What was withdrawn for its sets is not there to be judged again.
  const { longLivedSeconds = {}, extendedNextHop = false, acceptAsSets = false } = options;
  const local = localAddress === undefined ? "" : formatAddress(localAddress);
  const longLived = families.map((family) => longLivedSeconds[family] ?? 0);
  const asNumbers = [routeServerClient, role, strictRole, localAs, enforceFirstAs, acceptAsSets];
  const mode = addPathModeOf(options);
  const agreed = [remoteAsn, local, holdSeconds, [...families].sort(), reflectorClient, mode];
  return JSON.stringify([...agreed, ...asNumbers, extendedNextHop, ...longLived]);
}

/** What the capability of RFC 7911 says; undefined: it is not sent. */
export function addPathModeOf({ addPath }: PeerOptions): "receive" | "send" | "both" | undefined {
  if (addPath === undefined || addPath.send === 0) return addPath?.receive === true ? "receive" : undefined;
  return addPath.receive ? "both" : "send";
}
