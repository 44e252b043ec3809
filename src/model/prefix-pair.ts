/** NPTv6 (RFC 6296): a prefix of IPv6 that is another one outside. */

import type { Prefix } from "../bgp/net/address.ts";

/** Host for host: the bits behind the prefix stay, but for one word that keeps checksums as they were. */
export interface PrefixPair {
  readonly internal: Prefix;
  /** As long as `internal`. */
  readonly external: Prefix;
}
