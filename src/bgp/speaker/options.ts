/** What a speaker and its peers are told. */

import type { BfdTiming } from "../bfd/session.ts";
import type { Address, Family, Prefix } from "../net/address.ts";
import type { ChangeMarks } from "../net/change-marks.ts";
import type { LargeCommunity } from "../net/communities.ts";
import { type Policy, REJECT_ALL } from "../policy/rules.ts";
import type { PrivateAsRemoval } from "../rib/as-view.ts";
import type { SecondsByFamily } from "../session/negotiation.ts";
import type { Role } from "../wire/roles.ts";

export interface SpeakerOptions {
  /** 1..4294967295. */
  readonly asn: number;
  /** A non-zero IPv4 address (RFC 6286). */
  readonly routerId: Address;
  /** What a reflected route says that it passed (RFC 4456 §7), not 0.0.0.0. Undefined: the router id. */
  readonly clusterId?: Address;
  /** Equal-cost paths kept per prefix, 1..256. */
  readonly multipath: number;
  /** False: only paths that lead into the same neighbouring AS are of equal cost. Default: true. */
  readonly multipathRelax?: boolean;
  /** Where the choice of the best path is otherwise than RFC 4271 §9.1.2.2 has it; all false. */
  readonly decision?: {
    /** Compares MED between paths of different neighbour ASes too. */
    readonly alwaysCompareMed?: boolean;
    /** A path without MED is the worst instead of the best. */
    readonly missingMedAsWorst?: boolean;
  };
  /** RFC 4724; undefined: the capability is not sent, and no stale path is kept. */
  readonly gracefulRestart?: {
    /** 1..4095 s. */
    readonly restartSeconds: number;
    /** RFC 8538. */
    readonly notification: boolean;
    /**
     * How long stale paths wait for a peer that is back, or tells all again (RFC 7313), to be done, 1 s and up; 360.
     * RFC 8538 §4.1 calls it the stale timer.
     */
    readonly staleSeconds?: number;
    /**
     * True when this process follows one whose routes are still in the forwarding plane: the R bit and F bits are set,
     * and End-of-RIB waits for {@link Speaker.complete}.
     */
    readonly restarting: boolean;
  };
  /**
   * Learned routes are advertised to others only once the caller has said that they are in the forwarding plane
   * ({@link Speaker.markInstalled}). False: at once.
   */
  readonly advertiseInstalledOnly: boolean;
  /**
   * A next hop cannot be reached until {@link Speaker.setNextHops} says that it can; {@link Speaker.onNextHops} tells
   * which ones there are to speak of. Default: false, all can be reached.
   */
  readonly tracksNextHops?: boolean;
  /** Where it is noted, when it is decided, of which prefixes the chosen paths are others. */
  readonly marks?: ChangeMarks;
}

/** The peer's AS number, or any other than our own. */
export type RemoteAsn = number | "external";

/** Several paths of one prefix on a session (RFC 7911), for all of its families; each way needs the peer's consent. */
export interface AddPathOptions {
  readonly receive: boolean;
  /** The best so many of those that export policy lets out, 1..255; 0: only the best, as without. */
  readonly send: number | "all";
}

export interface PeerOptions {
  /**
   * One address to talk to, a range from which peers may connect (at most `limit` at a time), or the one router at the
   * other end of an interface: whoever connects over it from a link-local address, or whom
   * {@link Speaker.setNeighbour} names.
   */
  readonly remote:
    | { readonly address: Address }
    | { readonly range: Prefix; readonly limit: number }
    | { readonly interface: string };
  /** "external": any but our own. */
  readonly remoteAsn: RemoteAsn;
  /** TCP port to connect to; 179. */
  readonly port: number;
  readonly localAddress?: Address;
  /**
   * TCP-MD5 (RFC 2385): 1..80 octets in UTF-8, the same on both sides. A peer by address that lies in a range with a
   * password needs one too: the kernel asks for the range's otherwise. Needs the package koffi, and Linux.
   */
  readonly password?: string;
  /** GTSM (RFC 5082): the peer is one hop away, and both sides send with TTL 255. Needs the package koffi, and Linux. */
  readonly ttlSecurity?: boolean;
  /** Never connects, only listens. Peers of a range always are passive. */
  readonly passive: boolean;
  /** 0, or 3..65535 s. */
  readonly holdSeconds: number;
  readonly families: readonly Family[];
  /** IPv4 prefixes may have IPv6 next hops, where the peer agrees (RFC 8950); a session over IPv6 then uses its own. */
  readonly extendedNextHop?: boolean;
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  /** To iBGP peers: our own address as next hop of what eBGP peers told us. */
  readonly nextHopSelf: boolean;
  /** An iBGP peer to which other iBGP peers' routes are reflected, and whose routes are reflected to them (RFC 4456). */
  readonly reflectorClient: boolean;
  /**
   * RFC 9494, beside {@link SpeakerOptions.gracefulRestart}: how long the peer may keep our paths, and we the peer's, as
   * stale ones and last resort when the restart time is over. Undefined: not at all.
   */
  readonly longLivedSeconds?: SecondsByFamily;
  /** The session is about to end: what leads over it is a last resort at both ends (RFC 8326). */
  readonly gracefulShutdown?: boolean;
  /** False: what an eBGP peer marks with GRACEFUL_SHUTDOWN is taken as any other route. */
  readonly honorGracefulShutdown?: boolean;
  /**
   * An eBGP peer that is told what the others of its kind told us as it came, with AS path, next hop, MED and communities
   * (RFC 7947 §2.2).
   */
  readonly routeServerClient?: boolean;
  /** What we are to an eBGP peer (RFC 9234). It is said in the OPEN, and keeps route leaks out both ways. */
  readonly role?: Role;
  /** There is no session with a peer that does not say its role. */
  readonly strictRole?: boolean;
  readonly localAs?: LocalAs;
  /** How often our own AS number may be in a path before that is a loop, 0..255; 0. */
  readonly allowOwnAs?: number;
  /**
   * An eBGP peer's paths must begin with its own AS number (RFC 4271 §6.3), else they are taken for withdrawn. True, but for
   * a peer that is a route server by `role`.
   */
  readonly enforceFirstAs?: boolean;
  /** Numbers for private use in the paths that an eBGP peer is told (RFC 6996); undefined: they stay. */
  readonly removePrivateAs?: PrivateAsRemoval;
  /** In the paths that an eBGP peer is told, our AS number stands in place of its own. */
  readonly asOverride?: boolean;
  /** Undefined: neither way. */
  readonly addPath?: AddPathOptions;
  /** How many prefixes it may tell; undefined: any number. */
  readonly maxPrefixes?: PrefixLimit;
  /** No session is wanted: true, or words for the other side's operator, up to 255 octets of UTF-8 (RFC 9003). */
  readonly shutdown?: true | string;
  /** Believes paths with an AS_SET or AS_CONFED_SET, which are withdrawn otherwise (RFC 9774). They are told to nobody. */
  readonly acceptAsSets?: boolean;
  /** A path of more AS numbers than this is rejected, as selection counts them; undefined: no limit. */
  readonly maxAsPathLength?: number;
  /** A path with more communities than this, of all kinds together, is rejected; undefined: no limit. */
  readonly maxCommunities?: number;
  /** Is told attributes that we do not know, where they are transitive, marked as partial (RFC 4271 §5). */
  readonly passUnknownAttributes?: boolean;
  /** The peer is watched by single-hop BFD (RFC 5881); undefined: by the hold time alone. */
  readonly bfd?: BfdTiming;
  readonly description?: string;
  readonly group?: string;
}

/** Another AS number that one eBGP peer knows us by. */
export interface LocalAs {
  /** 1..4294967295; neither the speaker's nor the peer's. */
  readonly asn: number;
  /** The peer's paths do not get it in front. */
  readonly noPrepend?: boolean;
  /** What the peer is told begins with it alone, and not with our real number behind it. */
  readonly replaceAs?: boolean;
}

/** Counted in all families together, before import policy. */
export interface PrefixLimit {
  /** More end the session: Cease, subcode 1 (RFC 4486). */
  readonly limit: number;
  /** From so many on, an event "max-prefix-near" warns; undefined: none does. */
  readonly warnAt?: number;
  /** When the session is tried again, 1..86400 s; undefined: when somebody says so. */
  readonly restartSeconds?: number;
}

/** A route of our own. Replaces an earlier one for the same prefix. */
export interface LocalRoute {
  readonly prefix: Prefix;
  /** 0 none, else the caller's classification; policies match on it. */
  readonly tag: number;
  readonly origin?: "igp" | "egp" | "incomplete";
  readonly med?: number;
  readonly communities?: readonly number[];
  readonly largeCommunities?: readonly LargeCommunity[];
  /** Undefined: the session's own address. */
  readonly nextHop?: Address;
}

/** What most peers are. Without policies of its own, a peer is sent and believed nothing (RFC 8212). */
export const PEER_DEFAULTS: Omit<PeerOptions, "remote" | "remoteAsn"> = {
  port: 179,
  passive: false,
  holdSeconds: 90,
  families: [4, 6],
  importPolicy: REJECT_ALL,
  exportPolicy: REJECT_ALL,
  nextHopSelf: false,
  reflectorClient: false,
};
