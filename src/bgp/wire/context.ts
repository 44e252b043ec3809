/** What was negotiated on a session, as the values that decoders and encoders are given. */

import type { Family } from "../net/address.ts";

/** Octets of the longest message; {@link MAX_EXTENDED_MESSAGE_OCTETS} with RFC 8654. */
export const MAX_MESSAGE_OCTETS = 4096;
export const MAX_EXTENDED_MESSAGE_OCTETS = 65535;

/** What a decoder needs to know of the session that a message came from. */
export interface DecodeContext {
  /** Both sides sent the 4-octet AS capability (RFC 6793): AS numbers in AS_PATH and AGGREGATOR have 4 octets. */
  readonly as4: boolean;
  /** The peer is in another AS: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are discarded. */
  readonly external: boolean;
  /** Families whose received NLRI begin with a path identifier (RFC 7911). */
  readonly addPath: readonly Family[];
  /** The interface of a session between link-local addresses: what its next hops of that kind are behind. */
  readonly zone?: string | undefined;
  /** IPv4 prefixes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** We sent the capability of RFC 8654: messages may have 65535 octets. */
  readonly extendedMessage: boolean;
  /** Both sides sent the capability of RFC 7313: ROUTE-REFRESH has subtypes. */
  readonly enhancedRefresh: boolean;
  /** We wrote it ourselves: whether a next hop is a host's is for others to judge. */
  readonly ours?: true;
}

/** What the attribute encoder needs to know of the session (or update group) that it writes for. */
export interface EncodeContext {
  readonly as4: boolean;
  /** LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are left out to peers in another AS. */
  readonly external: boolean;
}

/** Before the OPENs were exchanged: nothing is negotiated. */
export const NOTHING_NEGOTIATED: DecodeContext = {
  as4: false,
  external: true,
  addPath: [],
  extendedNextHop: false,
  extendedMessage: false,
  enhancedRefresh: false,
};
