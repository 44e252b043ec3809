/** The NAT table as a value: what nftables should hold. text.ts writes it, diff.ts turns one into another. */

import type { Address, Prefix } from "../bgp/net/address.ts";
import type { Endpoint, PortRange } from "../model/model.ts";

export interface NatTable {
  /** Floating IPs that are translated on this machine. */
  readonly floating: readonly FloatingMapping[];
  /** Sources that are translated to a pool address. Empty without pools. */
  readonly private: readonly Prefix[];
  readonly pools: readonly PoolMapping[];
  /** Destinations that no private source is translated for: except, private, public networks, anycast, floating. */
  readonly exempt: readonly Prefix[];
  /** Sources from which a floating IP is reached over the same way back (hairpin): private, networks, iBGP peers. */
  readonly inside: readonly Prefix[];
  /** Never tracked by conntrack on this machine: public networks, anycast, floating IPs that live elsewhere. */
  readonly untracked: readonly Prefix[];
  /** 169.254.169.254:80 from these interfaces. */
  readonly metadata: { readonly to: Endpoint; readonly interfaces: readonly string[] } | undefined;
}

export interface FloatingMapping {
  readonly floating: Address;
  readonly fixed: Address;
  readonly egress: "fixed" | "floating";
}

export interface PoolMapping {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly ports: PortRange;
}
