/**
 * What is wanted: everything that an operator, the API or the store can ask for, as plain values.
 *
 * A `Model` is complete (every default is filled in) and valid (see rules.ts). Nobody mutates one: a reload makes
 * a new one. Durations are milliseconds, ports are numbers, addresses are numbers (bgp/net).
 */

import type { Address, Family, Prefix } from "../bgp/net/address.ts";
import type { CommunityPattern, ExtendedCommunity, LargeCommunity } from "../bgp/net/communities.ts";
import type { AddressLimits } from "./address-limits.ts";
import type { Alg } from "./alg.ts";
import type { NatLog } from "./nat-log.ts";
import type { Pcp } from "./pcp.ts";
import type { PrefixPair } from "./prefix-pair.ts";

/** What an announcement is for. Export rules match on it; it travels between our own speakers as a large community. */
export const KINDS = [
  "floating",
  "public",
  "anycast",
  "pool",
  "default",
  "host",
  "other",
  "blackhole",
] as const;
/**
 * floating: a floating IP. public: a public network, or a host in one that announces hosts. anycast: a service
 * address. pool: an address of a NAT pool. default: 0.0.0.0/0 or ::/0. host: one port's own address, private or
 * covered by an aggregate. other: learned, and none of these. blackhole: learned, and packets there are to be thrown
 * away (RFC 7999); it does not travel: who else is to do so says it in rules of his own.
 */
export type Kind = (typeof KINDS)[number];

/** gateway: at the edge, translates. compute: on a host, announces what runs there. */
type Role = "gateway" | "compute";

export interface Model {
  readonly role: Role;
  readonly hostname: string;
  readonly bgp: BgpSettings;
  readonly networks: readonly Network[];
  readonly nat: Nat;
  readonly floatingIps: readonly FloatingIp[];
  readonly anycast: readonly AnycastService[];
  readonly ports: readonly Port[];
  /** Where 169.254.169.254:80 goes for the ports of this host. Role compute only. */
  readonly metadata: Endpoint | undefined;
  readonly kernel: KernelSettings;
}

export interface BgpSettings {
  readonly asn: number;
  readonly routerId: Address;
  /** What reflected routes are marked with (RFC 4456 §7); undefined: the router id. */
  readonly clusterId: Address | undefined;
  readonly listen: { readonly addresses: readonly Address[]; readonly port: number };
  /** Equal-cost paths installed per prefix, 1..256. */
  readonly multipath: number;
  /** They may lead into different neighbouring ASes. */
  readonly multipathRelax: boolean;
  /** They are weighed by their link bandwidth communities, where all have one. */
  readonly linkBandwidth: boolean;
  /** Where the best path is chosen otherwise than RFC 4271 §9.1.2.2 has it. */
  readonly decision: { readonly alwaysCompareMed: boolean; readonly missingMedAsWorst: boolean };
  /** Which of the kernel's routes lead to a next hop (RFC 4271 §9.1.2.1). */
  readonly nextHopTracking: { readonly viaDefault: boolean };
  readonly gracefulRestart: GracefulRestart | undefined;
  /** Origin validation (RFC 6811): who is asked for VRPs. */
  readonly rpki: { readonly caches: readonly RpkiCache[] };
  /** Stations that are told what peers say (RFC 7854). */
  readonly bmp: readonly BmpSettings[];
  /** Files of what peers say (RFC 6396); undefined: none. */
  readonly mrt: MrtSettings | undefined;
  readonly peers: readonly Peer[];
}

/** Of every peer, what it tells and what it is told, each before and after policy; and what we chose. */
export const BMP_TABLES = [
  "pre-policy",
  "post-policy",
  "rib-out-pre-policy",
  "rib-out-post-policy",
  "loc-rib",
] as const;

type BmpTable = (typeof BMP_TABLES)[number];

export interface BmpSettings {
  readonly address: Address;
  readonly port: number;
  /** Between two reports of statistics; 0: none. */
  readonly statisticsMs: number;
  /** What it is told of, in the order of {@link BMP_TABLES}; at least one. */
  readonly tables: readonly BmpTable[];
}

export interface MrtSettings {
  /** Absolute path of the files, with %Y %m %d %H %M %S for when one begins, in UTC. */
  readonly updates: string;
  /** One file's time, 1 min..24 h. */
  readonly rotateMs: number;
  /** Files kept, the present one too, 1..100000. */
  readonly keep: number;
}

export interface GracefulRestart {
  /** How long peers keep our routes when we are gone. 1 s..4095 s, in ms. */
  readonly restartMs: number;
  /** RFC 8538: keep routes on a NOTIFICATION too. */
  readonly notification: boolean;
  /** How long stale routes wait for a peer that is back to have told everything. 1 s..24 h, in ms. */
  readonly staleMs: number;
}

/** A server of the RPKI-to-Router protocol (RFC 8210), over plain TCP. */
interface RpkiCache {
  readonly address: Address;
  readonly port: number;
  /** 1..255; the lower is preferred. */
  readonly preference: number;
}

/** One address (a link-local one with its zone), whoever connects from a range, or the one router behind an interface. */
export type PeerRemote =
  | { readonly address: Address }
  | { readonly range: Prefix }
  | { readonly interface: string };

/** A peer with its group's settings already merged in. */
export interface Peer {
  /** Of a range: connected at a time, 1..10000. */
  readonly maxPeers: number;
  readonly remote: PeerRemote;
  readonly group: string | undefined;
  readonly description: string | undefined;
  /** external: any but our own. */
  readonly asn: number | "external";
  /** 0, or 3 s and more. */
  readonly holdMs: number;
  readonly port: number;
  readonly passive: boolean;
  readonly localAddress: Address | undefined;
  /** Absolute path of the file that holds the password. */
  readonly passwordFile: string | undefined;
  /** TCP-MD5 (RFC 2385), 1..80 octets: what the file says, for whoever has read it. Shown to nobody. */
  readonly password: string | undefined;
  /** GTSM (RFC 5082): the peer is one hop away. */
  readonly ttlSecurity: boolean;
  readonly families: readonly Family[];
  /** IPv4 routes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** iBGP only: its routes are reflected to other iBGP peers, and theirs to it (RFC 4456). */
  readonly routeReflectorClient: boolean;
  readonly asRules: PeerAsRules;
  /** Several paths of one prefix (RFC 7911). send: the best 1..255 of those that export rules let out; 0: only the best. */
  readonly addPath: { readonly receive: boolean; readonly send: number | "all" };
  /** No session is wanted: true, or words for the operator of the other side (RFC 9003); undefined: one is. */
  readonly shutdown: true | string | undefined;
  /** Cease (RFC 4486 subcode 1) when a peer sends more; undefined: no limit. */
  readonly maxPrefixes: PrefixLimit | undefined;
  /** Paths of more AS numbers, or with more communities of all kinds together, are rejected. 1..65535 each. */
  readonly maxAsPathLength: number;
  readonly maxCommunities: number;
  /** Paths with an AS_SET are believed, against RFC 9774. */
  readonly acceptAsSets: boolean;
  /** Attributes that we do not know go on to it, where they are transitive (RFC 4271 §5). */
  readonly passUnknownAttributes: boolean;
  /** Single-hop BFD, 10..10000 ms between packets, 1..255 of them missed; undefined: not watched. */
  readonly bfd: { readonly intervalMs: number; readonly multiplier: number } | undefined;
  /** RFC 9494: how long stale routes are kept behind the restart time, by family; undefined: not at all. */
  readonly longLivedMs: Readonly<Partial<Record<Family, number>>> | undefined;
  /** RFC 8326: the session is about to end. */
  readonly gracefulShutdown: boolean;
  readonly honorGracefulShutdown: boolean;
  /** undefined: none given; nothing for eBGP (RFC 8212), everything for iBGP. */
  readonly importRules: readonly Rule[] | undefined;
  readonly exportRules: readonly Rule[] | undefined;
}

/** What a peer and we are to each other, and which AS numbers are shown, allowed and expected. */
export interface PeerAsRules {
  /** What we are to the peer (RFC 9234). */
  readonly role: "provider" | "customer" | "peer" | "rs" | "rs-client" | undefined;
  /** No session with a peer that does not say its role. */
  readonly strictRole: boolean;
  /** What the peer takes for our AS number; undefined: our AS number. */
  readonly localAs:
    | {
        readonly asn: number;
        /** It is not put in front of what the peer tells. */
        readonly noPrepend: boolean;
        /** Our real number does not stand behind it in what the peer is told. */
        readonly replaceAs: boolean;
      }
    | undefined;
  /** 0..10 times our own AS number in a path is no loop. */
  readonly allowOwnAs: number;
  /** eBGP: paths begin with the peer's AS number, or are withdrawn. */
  readonly enforceFirstAs: boolean;
  /** Of what the peer is told. true: they go where there are no others. */
  readonly removePrivateAs: boolean | "all" | "replace";
  /** Ours stands in place of the peer's own in what it is told. */
  readonly asOverride: boolean;
  /** What other such peers told is told to it as it came (RFC 7947). */
  readonly routeServerClient: boolean;
}

/** Counted in all families together, before import rules. */
export interface PrefixLimit {
  readonly limit: number;
  /** 1..limit: from so many on there is a warning. */
  readonly warnAt: number;
  /** When the session is tried again, 1 s..24 h; undefined: when an operator says so, or the limit changes. */
  readonly restartMs: number | undefined;
}

/** First match wins; what no rule matches is rejected. */
export interface Rule {
  readonly match: RuleMatch;
  /** next: the route is changed, and the rules below are asked. */
  readonly then: "accept" | "reject" | "next";
  readonly set: RuleChanges | undefined;
  /** The policy that it stands in; undefined: it is the peer's own, or its group's. */
  readonly policy?: string;
}

/** Prefixes within `prefix` of a length from `minLength` to `maxLength`. */
export interface PrefixRange {
  readonly prefix: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
}

/** All that is given must hold. */
export interface RuleMatch {
  /** Exactly one of these prefixes. */
  readonly prefixes: readonly Prefix[] | undefined;
  /** Within one of these, itself included; with `lengths`, only of such a length. */
  readonly within: readonly Prefix[] | undefined;
  readonly lengths: { readonly min: number; readonly max: number } | undefined;
  readonly kinds: readonly Kind[] | undefined;
  /** In one of these: what the prefix sets hold that were named. Stands alone, without the three above. */
  readonly ranges?: readonly PrefixRange[] | undefined;
  /** Patterns, see bgp/net/as-path-pattern.ts. */
  readonly asPath?: readonly string[] | undefined;
  readonly asPathLength?: { readonly min: number; readonly max: number } | undefined;
  readonly communities?: readonly CommunityPattern[] | undefined;
  readonly nextHops?: readonly Prefix[] | undefined;
  /** 0 IGP, 1 EGP, 2 INCOMPLETE. */
  readonly origins?: readonly (0 | 1 | 2)[] | undefined;
  /** What origin validation says of prefix and origin. */
  readonly rpki?: readonly ("valid" | "invalid" | "not-found")[] | undefined;
  /** The other end of the session: its address, or all of its range, is in one of these. */
  readonly peers?: readonly Prefix[] | undefined;
  /** The peer's group. */
  readonly groups?: readonly string[] | undefined;
}

export interface RuleChanges extends RuleCommunities {
  readonly localPref: number | undefined;
  readonly med: number | undefined;
  /** Added to the MED. */
  readonly addMed?: number | undefined;
  /** Removed before any are added. */
  readonly removeCommunities?: readonly CommunityPattern[] | undefined;
  /** Times: on export our own AS number, on import the peer's. */
  readonly prepend?: number | undefined;
  readonly nextHop?: Address | undefined;
  /** On import: packets there are thrown away (RFC 7999). Only where the rule says which prefixes. */
  readonly blackhole?: boolean | undefined;
}

/** Added to those that a route has. */
export interface RuleCommunities {
  /** RFC 1997: (asn << 16 | value) as an unsigned number. */
  readonly communities?: readonly number[] | undefined;
  readonly extendedCommunities?: readonly ExtendedCommunity[];
  readonly largeCommunities?: readonly LargeCommunity[];
}

/** A public network: routed, never translated. */
export interface Network {
  readonly name: string;
  readonly cidr: Prefix;
  readonly announce: "aggregate" | "hosts" | "both";
}

/** Outbound NAT at the gateway for addresses that are not routable outside. */
export interface Nat {
  readonly private: readonly Prefix[];
  /** Destinations that are never translated. Own networks always are exempt. */
  readonly except: readonly Prefix[];
  readonly pools: readonly Pool[];
  /** Another block is given when so many per cent of the ports of one are in use, 10..100. */
  readonly overflowAt: number;
  /** Absolute path of the file that remembers which port blocks were in force when. */
  readonly blockHistory: string;
  readonly timeouts: NatTimeouts;
  readonly log: NatLog;
  readonly pcp: Pcp;
  /** In the order of ALGS, each once. */
  readonly alg: readonly Alg[];
  readonly prefixes: readonly PrefixPair[];
}

/** How long a translated flow may be silent. 1 s or more each. */
export interface NatTimeouts {
  readonly udpMs: number;
  readonly icmpMs: number;
  readonly tcpEstablishedMs: number;
  readonly tcpOpeningMs: number;
  /** A connection that is closing, or was reset. */
  readonly tcpClosingMs: number;
}

export interface Pool {
  readonly name: string;
  /** IPv4 only. */
  readonly addresses: readonly Address[];
  /** The sources that it serves, of nested ones the longest; empty: all of `nat.private` that no other pool names. */
  readonly private: readonly Prefix[];
  /** It gets no new mapping; what it has goes on until it ends. */
  readonly draining: boolean;
  readonly ports: PortRange;
  /** Ports of each private address's own block (blocks.ts), 1 up to all of `ports`; 0: all share. */
  readonly blockSize: number;
  /** Blocks of each address that are set aside for who has used up its own; fewer than there are. */
  readonly overflowBlocks: number;
  /** The same in all pools. */
  readonly limits: AddressLimits;
  /** Whether a private endpoint looks the same to everybody (RFC 4787 section 4.1). */
  readonly mapping: "endpointIndependent" | "addressAndPortDependent";
  /** Who may answer it (section 5): anybody, those whom it sent to, or where it sent to alone. */
  readonly filtering: "endpointIndependent" | "addressDependent" | "addressAndPortDependent";
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface FloatingIp {
  readonly address: Address;
  /** Undefined: it leads where `forwards` say, and nowhere else. */
  readonly to: Address | undefined;
  /** The source of new outbound flows of `to`: its own address, or the floating one. */
  readonly egress: "fixed" | "floating";
  /** Translated without conntrack, by whichever gateway a packet comes to. Then nothing else leads to `to`. */
  readonly stateless: boolean;
  /** Only without `to`. No two have a port of one protocol in common. */
  readonly forwards: readonly Forward[];
}

export interface Forward {
  readonly protocol: "tcp" | "udp";
  readonly ports: PortRange;
  readonly to: Address;
  /** As many as `ports`, one for each in order, or a single one for all. */
  readonly toPorts: PortRange;
}

export interface AnycastService {
  readonly name: string;
  readonly address: Address;
  readonly members: readonly Address[];
  readonly health: HealthCheck | undefined;
  readonly whenAllFail: "withdraw" | "keep";
}

export interface HealthCheck {
  readonly type: "tcp" | "http";
  readonly port: number;
  /** http only: the request target; 2xx and 3xx answers are good. */
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Bad results in a row that make a member fail, good ones that bring it back. 1..100. */
  readonly fall: number;
  readonly rise: number;
}

/** A VM's interface on this host, and the addresses behind it. */
export interface Port {
  readonly interface: string;
  readonly addresses: readonly Address[];
}

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

export interface KernelSettings {
  readonly type: "linux" | "none";
  /** Routing table number; 254 is main. */
  readonly routeTable: number;
  /** rtnetlink protocol number that marks our routes and nexthops, 5..255. */
  readonly protocol: number;
  /** How long an anycast flow must be silent before it may move to a member that came back. */
  readonly anycastIdleMs: number;
}
