/** Whose tables a station is told of: a session, or the speaker itself; and how their routes are written. */

import type { Address, Family } from "../net/address.ts";
import { ipv4, ipv6 } from "../net/address.ts";
import type { MonitoredSession } from "../speaker/monitor.ts";
import type { SpeakerOptions } from "../speaker/options.ts";
import { AS_TRANS } from "../wire/attributes/path.ts";
import { encodeMessage } from "../wire/codec.ts";
import { afiSafiOf } from "../wire/messages.ts";
import { type BmpPeer, PEER_TYPE } from "./messages.ts";

/** What makes an UPDATE of a route. */
export interface Writing {
  /** AS numbers have four octets (RFC 6793). */
  readonly as4: boolean;
  /** Families whose prefixes have path identifiers (RFC 7911). */
  readonly addPath: readonly Family[];
}

/** RFC 9069 §5.2: four octets for AS numbers, and no ADD-PATH, since only the best path is told. */
export const LOC_RIB_WRITING: Writing = { as4: true, addPath: [] };

const FAMILIES: readonly Family[] = [4, 6];
const MOST_TWO_OCTETS = 0xffff;

export function peerOf({ remote, remoteAsn, negotiated }: MonitoredSession): BmpPeer {
  const { remoteRouterId: routerId, decode } = negotiated;
  return { type: PEER_TYPE.globalInstance, address: remote, asn: remoteAsn, routerId, as4: decode.as4 };
}

/** RFC 9069 §5.1: the speaker itself stands where a peer would. */
export const locRibOf = ({ asn, routerId }: SpeakerOptions): BmpPeer => ({
  type: PEER_TYPE.locRib,
  address: UNSPECIFIED[4],
  asn,
  routerId: routerId.w0,
  as4: true,
});

/** RFC 9069 §5.2: the OPEN that the speaker would send itself, with what its Loc-RIB is written in and nothing else. */
export function locRibOpen({ asn, routerId }: SpeakerOptions): Uint8Array {
  return encodeMessage({
    type: "open",
    open: {
      asn: asn > MOST_TWO_OCTETS ? AS_TRANS : asn,
      holdSeconds: 0,
      routerId: routerId.w0,
      capabilities: [
        ...FAMILIES.map((family) => ({ is: "multiprotocol", ...afiSafiOf(family) }) as const),
        { is: "four-octet-as", asn },
        { is: "extended-next-hop", tuples: [{ ...afiSafiOf(4), nextHopAfi: afiSafiOf(6).afi }] },
      ],
    },
  });
}

export const UNSPECIFIED: Readonly<Record<Family, Address>> = { 4: ipv4(0), 6: ipv6(0, 0, 0, 0) };
