/** What is forwarded and could not be translated, or is better not. */

import { inBothFamilies } from "./families.ts";
import type { Matchable } from "./filled.ts";
import type { ChainContents } from "./layout.ts";

/** RFC 5508 REQ-10c: no host wants them any more (RFC 6633, RFC 6918). */
const OBSOLETE_TYPES = "icmp type { source-quench, info-request, info-reply }";

type UntranslatedChain = "invalid" | "obsolete" | "untranslated";

/** Nothing where nothing is translated. */
export const untranslatedChains = (canMatch: Matchable): Pick<ChainContents, UntranslatedChain> => ({
  invalid: INVALID,
  obsolete: OBSOLETE,
  untranslated: [...TO_NOBODY, ...OF_PRIVATE].some(canMatch)
    ? [...TO_NOBODY, `${OBSOLETE_TYPES} goto obsolete`, "ct state invalid goto invalid"]
    : [],
});

/** What conntrack takes for no part of any flow, or nobody forwards, is not translated. Sent on, it would go round. */
const TO_NOBODY: readonly string[] = [
  ...inBothFamilies((ip, six) => `${ip} daddr @floating${six} drop`),
  "ip daddr @forwarded drop",
];

/** Those that would be translated; an error has the flow that it is about. */
const OBSOLETE: readonly string[] = ["ct status snat,dnat drop", "ct state new goto invalid"];

const OF_PRIVATE: readonly string[] = ["ip saddr @private drop", "ip saddr @egress drop"];

/**
 * RFC 5508 REQ-5, REQ-11: an error about no mapping, and what is neither query nor error, goes no further; nor does anything
 * else that would leave with a private address. What has a wrong checksum is invalid too (REQ-3).
 */
const INVALID: readonly string[] = [
  "ip daddr @exempt accept",
  "ip daddr @exempt_hosts accept",
  ...OF_PRIVATE,
];
