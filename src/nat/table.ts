/** The NAT table as a value: what nftables should hold. render.ts writes it, diff.ts turns one into another. */

import type { Address, Prefix } from "../bgp/net/address.ts";
import { type AddressLimits, NO_LIMITS } from "../model/address-limits.ts";
import type { Alg } from "../model/alg.ts";
import type { BlockGrant, BlockPlan } from "../model/blocks.ts";
import type { Endpoint, Forward, Pool, PortRange } from "../model/model.ts";
import type { PrefixPair } from "../model/prefix-pair.ts";

/** What is translated between one address and another. */
export interface Translations {
  /** Floating IPs that are translated on this machine, each once; a fixed address is of the family of its floating IP. */
  readonly floating: readonly FloatingMapping[];
  /** Ports of other floating IPs that are translated on this machine, none twice. IPv4 only. */
  readonly forwards: readonly ForwardMapping[];
}

export interface NatTable extends Translations {
  /** Sources that are translated to a pool address: those that a pool serves. */
  readonly private: readonly Prefix[];
  readonly pools: readonly PoolMapping[];
  /** The ports of each private address; undefined: they share those of `pools`. */
  readonly blocks: BlockPlan | undefined;
  /** Another block is asked for when so many per cent of the ports of one are in use, 10..100. */
  readonly overflowAt: number;
  /** Blocks that private addresses have besides those of `blocks`. */
  readonly givenBlocks: readonly BlockGrant[];
  readonly limits: AddressLimits;
  /** What of their payload the kernel translates (algs.ts). */
  readonly algs: readonly Alg[];
  /** Private hosts may ask for mappings (granted.ts). */
  readonly grants: boolean;
  /** Translated without conntrack (nptv6.ts). */
  readonly prefixes: readonly PrefixPair[];
  /**
   * Destinations that no source is translated for: except, private, public networks, anycast, and the floating IPs
   * that are translated elsewhere (those of this table never are a destination any more when sources are looked at).
   */
  readonly exempt: readonly Prefix[];
  /**
   * Sources whose way to a floating IP of this table passes here and whose answer would not (hairpin): private,
   * networks, iBGP peers, and with them all that is untracked. They get an external source. Empty on a compute host,
   * where the answer passes anyway.
   */
  readonly inside: readonly Prefix[];
  /** Never tracked by conntrack on this machine: public networks, anycast, floating IPs that live elsewhere. */
  readonly untracked: readonly Prefix[];
  /** 169.254.169.254:80 from these interfaces. */
  readonly metadata: { readonly to: Endpoint; readonly interfaces: readonly string[] } | undefined;
  readonly timeouts: Timeouts;
}

/** A part of a table that is other than before, together with all that leads to the same fixed addresses. */
export type TranslatedPart = Pick<NatTable, "floating" | "exempt" | "untracked">;

/** The floating IPs that are translated here, as a whole or some of their ports; each at least once. */
export const floatingAddresses = ({ floating, forwards }: Translations): Address[] =>
  [...floating, ...forwards].map((mapping) => mapping.floating);

/** How long a flow that is translated may be silent, in whole seconds. */
interface Timeouts {
  readonly udpSeconds: number;
  readonly icmpSeconds: number;
  readonly tcpEstablishedSeconds: number;
  readonly tcpOpeningSeconds: number;
  /** Also of one that was reset. */
  readonly tcpClosingSeconds: number;
}

export interface FloatingMapping {
  readonly floating: Address;
  readonly fixed: Address;
  readonly egress: "fixed" | "floating";
  /** Without conntrack; then it is the only one of its fixed address, and `egress` is floating. */
  readonly stateless?: boolean;
}

export interface ForwardMapping extends Forward {
  readonly floating: Address;
}

export interface PoolMapping {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** As in the model. */
  readonly private: readonly Prefix[];
  readonly draining: boolean;
  readonly ports: PortRange;
  readonly mapping: Pool["mapping"];
  readonly filtering: Pool["filtering"];
}

/** A machine that translates nothing. */
export const EMPTY_NAT: NatTable = {
  floating: [],
  forwards: [],
  private: [],
  pools: [],
  blocks: undefined,
  overflowAt: 75,
  givenBlocks: [],
  limits: NO_LIMITS,
  algs: [],
  grants: false,
  prefixes: [],
  exempt: [],
  inside: [],
  untracked: [],
  metadata: undefined,
  timeouts: {
    ...{ udpSeconds: 300, icmpSeconds: 60 },
    ...{ tcpEstablishedSeconds: 7440, tcpOpeningSeconds: 240, tcpClosingSeconds: 240 },
  },
};
