/** BGP messages as values (RFC 4271 §4). An UPDATE stays octets: `update.ts` decodes it into columns. */

import type { Family } from "../net/address.ts";

/** Message types (RFC 4271 §4.1, RFC 2918 §3). */
export const MESSAGE_TYPE = {
  open: 1,
  update: 2,
  notification: 3,
  keepalive: 4,
  routeRefresh: 5,
} as const;

export type Message =
  | { readonly type: "open"; readonly open: Open }
  | { readonly type: "update"; readonly octets: Uint8Array }
  | { readonly type: "notification"; readonly notification: Notification }
  | { readonly type: "keepalive" }
  | { readonly type: "route-refresh"; readonly refresh: RouteRefresh };

/** An address family and subsequent family as numbers on the wire (RFC 4760). */
export interface AfiSafi {
  readonly afi: number;
  readonly safi: number;
}

const IPV4_UNICAST: AfiSafi = { afi: 1, safi: 1 };
const IPV6_UNICAST: AfiSafi = { afi: 2, safi: 1 };

/** The family that these numbers mean, undefined for all but IPv4 and IPv6 unicast. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== 1) return undefined;
  if (afi === 1) return 4;
  return afi === 2 ? 6 : undefined;
}

export const afiSafiOf = (family: Family): AfiSafi => (family === 4 ? IPV4_UNICAST : IPV6_UNICAST);

/** OPEN (RFC 4271 §4.2). The version is 4. */
export interface Open {
  /** The 2-octet field; AS_TRANS (23456) when the number needs four. `asnOf` gives the real one. */
  readonly asn: number;
  /** Seconds: 0, or 3..65535. */
  readonly holdSeconds: number;
  /** BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  /** In wire order, repeated ones kept. */
  readonly capabilities: readonly Capability[];
}

export type Capability =
  | ({ readonly is: "multiprotocol" } & AfiSafi)
  | { readonly is: "route-refresh" }
  | { readonly is: "extended-next-hop"; readonly tuples: readonly ExtendedNextHop[] }
  | { readonly is: "extended-message" }
  | { readonly is: "role"; readonly role: number }
  | GracefulRestart
  | { readonly is: "four-octet-as"; readonly asn: number }
  | { readonly is: "add-path"; readonly families: readonly AddPathFamily[] }
  | { readonly is: "enhanced-route-refresh" }
  | { readonly is: "long-lived-graceful-restart"; readonly families: readonly LongLivedFamily[] }
  | { readonly is: "fqdn"; readonly hostname: string; readonly domain: string }
  /** Not known to us, or known and malformed: not used. */
  | { readonly is: "unknown"; readonly code: number; readonly value: Uint8Array };

/** RFC 8950 §4. */
export interface ExtendedNextHop extends AfiSafi {
  readonly nextHopAfi: number;
}

/** RFC 4724 §3, RFC 8538 §2. */
export interface GracefulRestart {
  readonly is: "graceful-restart";
  /** R: the sender has restarted. */
  readonly restarting: boolean;
  /** N: NOTIFICATION and hold timer expiry keep the routes too. */
  readonly notification: boolean;
  /** 0..4095 s. */
  readonly restartSeconds: number;
  /** `forwarding` is F: the sender kept this family's forwarding state. */
  readonly families: readonly (AfiSafi & { readonly forwarding: boolean })[];
}

/** RFC 7911 §4. */
export interface AddPathFamily extends AfiSafi {
  readonly mode: "receive" | "send" | "both";
}

/** RFC 9494 §3.1. */
export interface LongLivedFamily extends AfiSafi {
  readonly forwarding: boolean;
  /** 0..16777215 s. */
  readonly staleSeconds: number;
}

/** RFC 4271 §4.5. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** RFC 2918 §3, RFC 7313 §3.2; "unknown" is a subtype to be ignored (RFC 7313 §5). */
export interface RouteRefresh extends AfiSafi {
  readonly subtype: "request" | "begin" | "end" | "unknown";
}
