/** What is wanted of logs of translations. */

import type { Address } from "../bgp/net/address.ts";

export const NAT_LOG_EVENTS = ["sessions", "blocks", "limits"] as const;

/** Who is told what becomes of translations. Without file and collectors nobody is. */
export interface NatLog {
  /** In the order of {@link NAT_LOG_EVENTS}; at least one. */
  readonly events: readonly (typeof NAT_LOG_EVENTS)[number][];
  /** Whom sessions are with is told too (RFC 6888 REQ-12: not by default). */
  readonly destinations: boolean;
  /** Absolute path of a file of JSON lines. */
  readonly file: string | undefined;
  readonly syslog: readonly LogCollector[];
  readonly ipfix: readonly IpfixCollector[];
}

export interface LogCollector {
  readonly address: Address;
  readonly port: number;
  readonly protocol: "udp" | "tcp";
}

export interface IpfixCollector extends LogCollector {
  /** Between two times that templates are sent over UDP, 1 s..24 h. */
  readonly templatesMs: number;
  /** Observation domain (RFC 7011 section 3.1), 0..4294967295. */
  readonly domain: number;
}

export const NO_NAT_LOG: NatLog = {
  events: NAT_LOG_EVENTS,
  destinations: false,
  file: undefined,
  syslog: [],
  ipfix: [],
};
