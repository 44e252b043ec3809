/** NAT tables of all sizes, as the gateway under test has them. */

import { ipv4, type Prefix } from "../../src/bgp/net/address.ts";
import { EMPTY_NAT, type NatTable, type PoolMapping } from "../../src/nat/table.ts";

const PRIVATE: Prefix = { ...ipv4(0x0a40_0000), length: 10 };
const FIRST_POOLED = 0xc633_6400;
const FIRST_FLOATING = 0xac10_0000;
const FIRST_FIXED = 0x0a40_0001;
const POOL_ADDRESSES = 64;

const pool = (mapping: PoolMapping["mapping"]): PoolMapping => ({
  name: "default",
  addresses: Array.from({ length: POOL_ADDRESSES }, (_, i) => ipv4(FIRST_POOLED + i)),
  private: [PRIVATE],
  draining: false,
  ports: { first: 1024, last: 65_535 },
  mapping,
  filtering: "addressAndPortDependent",
});

/** What a gateway translates: everything by a pool, or so many private addresses by a floating IP each. */
export type Shape = { readonly mapping: PoolMapping["mapping"] } | { readonly floating: number };

export function tableOf(shape: Shape): NatTable {
  const table = { ...EMPTY_NAT, private: [PRIVATE], exempt: [PRIVATE], inside: [PRIVATE] };
  if ("mapping" in shape) return { ...table, pools: [pool(shape.mapping)] };
  const floating = Array.from({ length: shape.floating }, (_, i) => ({
    floating: ipv4(FIRST_FLOATING + i),
    fixed: ipv4(FIRST_FIXED + i),
    egress: "floating" as const,
  }));
  return { ...table, floating };
}
