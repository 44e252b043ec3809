import type { Prefix } from "../bgp/net/address.ts";

/** NPTv6 (RFC 6296): an IPv6 prefix within that is another one outside, host for host. */
export interface PrefixPair {
  readonly internal: Prefix;
  /** As long as `internal`. */
  readonly external: Prefix;
}
