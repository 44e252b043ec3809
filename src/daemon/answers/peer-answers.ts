/** Sessions, and what was wrong with the messages of their peers, as the API tells them. */

import type { PeerAnswer, PeerErrorAnswer } from "../../api/schema.ts";
import type { PeerRequest } from "../../api/source.ts";
import { type Family, ipv4, sameAddress } from "../../bgp/net/address.ts";
import { formatAddress } from "../../bgp/net/text.ts";
import type { PrefixLimit } from "../../bgp/speaker/options.ts";
import type { BfdSnapshot } from "../../bgp/speaker/peer-bfd.ts";
import type { HaltSnapshot, LastSaid, PeerSnapshot } from "../../bgp/speaker/snapshots.ts";
import type { Speaker } from "../../bgp/speaker/speaker.ts";
import { messageTypeAt } from "../../bgp/wire/header.ts";
import { capabilityAnswers } from "./capability-answers.ts";

export function peerAnswer(peer: PeerSnapshot): PeerAnswer {
  const { description, group, routerId, holdSeconds, localAddress, initiator, opens } = peer;
  return {
    address: formatAddress(peer.address),
    ...(peer.interface !== undefined && { interface: peer.interface }),
    ...(peer.asn !== undefined && { asn: peer.asn }),
    ...(peer.anyAsn && { anyAsn: true as const }),
    localAsn: peer.localAsn,
    ...rolesAnswer(peer.role),
    ...(description !== undefined && { description }),
    ...(group !== undefined && { group }),
    dynamic: peer.dynamic,
    md5: peer.md5,
    ttlSecurity: peer.ttlSecurity,
    state: peer.state,
    sinceSeconds: Math.floor(peer.inStateMs / 1000),
    ...(peer.halt && { halt: haltAnswer(peer.halt) }),
    ...(localAddress && { localAddress: formatAddress(localAddress) }),
    ...(initiator && { openedBy: initiator === "local" ? "gateway" : "peer" }),
    ...(routerId !== undefined && { routerId: formatAddress(ipv4(routerId)) }),
    ...(holdSeconds !== undefined && { holdSeconds }),
    timers: Object.fromEntries([...peer.timersMs].map(([timer, ms]) => [timer, ms / 1000])),
    ...(opens && { capabilities: capabilityAnswers(opens.sent, opens.heard) }),
    families: peer.families.map(familyName),
    addPath: {
      send: peer.addPath.send.map(familyName),
      receive: peer.addPath.receive.map(familyName),
    },
    limits: peer.limits,
    drains: peer.drains,
    gracefulRestart: restartAnswer(peer.gracefulRestart),
    ...(peer.bfd && { bfd: bfdAnswer(peer.bfd) }),
    prefixes: peer.prefixes,
    ...(peer.maxPrefixes && { maxPrefixes: limitAnswer(peer.maxPrefixes) }),
    messages: peer.messages,
    updateErrors: peer.updateErrors,
    unsendable: peer.unsendable,
    flaps: peer.flaps,
    ...saidAnswers(peer),
  };
}

const rolesAnswer = ({ local, remote }: PeerSnapshot["role"]): Pick<PeerAnswer, "role" | "remoteRole"> => ({
  ...(local && { role: local }),
  ...(remote && { remoteRole: remote }),
});

const familyName = (family: Family): string => `ipv${family}`;

function restartAnswer(restart: PeerSnapshot["gracefulRestart"]): PeerAnswer["gracefulRestart"] {
  const { negotiated, stalePaths, longLivedSeconds, stale } = restart;
  return {
    negotiated,
    longLived: Object.fromEntries(
      Object.entries(longLivedSeconds).map(([family, seconds]) => [`ipv${family}`, seconds]),
    ),
    stalePaths,
    stale: stale.map(({ family, phase, paths, sinceMs, leftMs }) => ({
      family: `ipv${family}`,
      phase,
      paths,
      sinceSeconds: Math.floor(sinceMs / 1000),
      leftSeconds: Math.ceil(leftMs / 1000),
    })),
  };
}

function haltAnswer({ reason, text, restartsInMs }: HaltSnapshot): NonNullable<PeerAnswer["halt"]> {
  return {
    reason,
    ...(text !== undefined && { text }),
    ...(restartsInMs !== undefined && { restartsInSeconds: Math.ceil(restartsInMs / 1000) }),
  };
}

const limitAnswer = ({ limit, warnAt = limit }: PrefixLimit): NonNullable<PeerAnswer["maxPrefixes"]> => ({
  limit,
  warnAt,
});

/** By its address, or by the interface that it is behind. */
export const isNamed = (peer: PeerSnapshot, text: string): boolean =>
  peer.interface === text || formatAddress(peer.address) === text;

/** Does what an operator wants of a peer; what it is then. Undefined: there is no such peer. */
export function orderPeer(speaker: Speaker, { peer, order, text }: PeerRequest): PeerAnswer | undefined {
  const address = speaker.peers().find((each) => isNamed(each, peer))?.address;
  const words = text === undefined ? {} : { text };
  if (address === undefined || !speaker.order(address, { do: order, ...words })) return undefined;
  const after = speaker.peers().find((each) => sameAddress(each.address, address));
  return after && peerAnswer(after);
}

type Said = Pick<PeerAnswer, "lastError" | "lastNotificationSent" | "lastNotificationReceived">;

function saidAnswers({ lastError, notifications: { sent, received } }: PeerSnapshot): Said {
  return {
    ...(lastError && { lastError: saidAnswer(lastError) }),
    ...(sent && { lastNotificationSent: saidAnswer(sent) }),
    ...(received && { lastNotificationReceived: saidAnswer(received) }),
  };
}

const saidAnswer = ({ agoMs, words }: LastSaid): { at: string; text: string } => ({
  at: new Date(Date.now() - agoMs).toISOString(),
  text: words,
});

function bfdAnswer({ intervalMs, diagnostic, problem, ...bfd }: BfdSnapshot): NonNullable<PeerAnswer["bfd"]> {
  return {
    ...bfd,
    intervalSeconds: intervalMs / 1000,
    ...(diagnostic !== undefined && { diagnostic }),
    ...(problem !== undefined && { problem }),
  };
}

/** By type on the wire. */
const MESSAGES = [undefined, "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"];

/** The messages of a peer that were wrong, the latest first. */
export const errorAnswers = ({ offendingMessages }: PeerSnapshot): PeerErrorAnswer[] =>
  offendingMessages.toReversed().map(({ agoMs, reaction, faults, octets }) => ({
    at: new Date(Date.now() - agoMs).toISOString(),
    message: messageName(octets),
    reaction,
    faults: faults.map((fault) => ({
      reaction: fault.reaction,
      text: fault.why,
      rfc: fault.rfc,
      ...(fault.attribute !== undefined && { attribute: fault.attribute }),
    })),
    octets: Buffer.from(octets).toString("hex"),
  }));

/** What begins with another marker may be anything. */
function messageName(octets: Uint8Array): string {
  const name = octets[0] === 0xff ? MESSAGES[messageTypeAt(octets, 0)] : undefined;
  return name ?? "no BGP message";
}
