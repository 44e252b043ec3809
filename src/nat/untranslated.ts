/** What is forwarded and could not be translated, or is better not. */

import { inBothFamilies } from "./families.ts";

/** RFC 5508 REQ-10c: no host wants them any more (RFC 6633, RFC 6918). */
const OBSOLETE_TYPES = "icmp type { source-quench, info-request, info-reply }";

/** What conntrack takes for no part of any flow, or nobody forwards, is not translated. Sent on, it would go round. */
export const UNTRANSLATED: readonly string[] = [
  ...inBothFamilies((ip, six) => `${ip} daddr @floating${six} drop`),
  "ip daddr @forwarded drop",
  `${OBSOLETE_TYPES} goto obsolete`,
  "ct state invalid goto invalid",
];

/** Those that would be translated; an error has the flow that it is about. */
export const OBSOLETE: readonly string[] = ["ct status snat,dnat drop", "ct state new goto invalid"];

/**
 * RFC 5508 REQ-5, REQ-11: an error about no mapping, and what is neither query nor error, goes no further; nor does anything
 * else that would leave with a private address. What has a wrong checksum is invalid too (REQ-3).
 */
export const INVALID: readonly string[] = [
  "ip daddr @exempt accept",
  "ip daddr @exempt_hosts accept",
  "ip saddr @private drop",
  "ip saddr @egress drop",
];
