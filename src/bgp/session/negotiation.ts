/** What two OPENs agree on. Pure. */

import type { Family } from "../net/address.ts";
import { AS_TRANS } from "../wire/attributes/path.ts";
import type { DecodeContext, EncodeContext } from "../wire/context.ts";
import { MAX_EXTENDED_MESSAGE_OCTETS, MAX_MESSAGE_OCTETS } from "../wire/context.ts";
import {
  type AddPathFamily,
  type AfiSafi,
  afiSafiOf,
  type Capability,
  familyOf,
  type Open,
} from "../wire/messages.ts";
import { asnOf, capability, familiesOf, lastCapability } from "../wire/open.ts";
import { ROLES, type Role } from "../wire/roles.ts";

/** What our OPEN says. */
export interface Offer {
  readonly asn: number;
  /** BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  /** 0, or 3..65535. */
  readonly holdSeconds: number;
  readonly families: readonly Family[];
  /** IPv4 prefixes may have IPv6 next hops, both ways (RFC 8950). */
  readonly extendedNextHop?: boolean;
  /** For every family (RFC 7911); undefined: neither way. */
  readonly addPath: AddPathFamily["mode"] | undefined;
  readonly gracefulRestart: GracefulRestartOffer | undefined;
  /** RFC 9234. */
  readonly role: Role | undefined;
}

/** Seconds by family: 1..16777215, or 0 or nothing for a family that has none. */
export type SecondsByFamily = Readonly<Partial<Record<Family, number>>>;

interface GracefulRestartOffer {
  readonly restartSeconds: number;
  /** R: we have restarted, and those who hold our routes should wait for our End-of-RIB. */
  readonly restarting: boolean;
  /** F, for every family: what we forwarded before, we forward still. */
  readonly forwarding: boolean;
  /** N (RFC 8538). */
  readonly notification: boolean;
  /** RFC 9494: how long stale paths may be kept behind the restart time, ours by the peer and the peer's by us. */
  readonly longLivedSeconds: SecondsByFamily;
}

/** What holds on a session. */
export interface Negotiated {
  readonly remoteAsn: number;
  readonly remoteRouterId: number;
  readonly external: boolean;
  /** Seconds; 0: neither keepalives nor a hold timer. */
  readonly holdSeconds: number;
  /** Families that both sides named. */
  readonly families: readonly Family[];
  readonly decode: DecodeContext;
  readonly encode: EncodeContext;
  /** The longest message that we may send: 4096 or 65535. */
  readonly maxOctets: number;
  readonly routeRefresh: boolean;
  /** Families whose prefixes have path identifiers (RFC 7911), of those that we send and of those that we receive. */
  readonly addPath: { readonly send: readonly Family[]; readonly receive: readonly Family[] };
  /** Undefined unless both sides sent the capability. */
  readonly gracefulRestart: PeerRestart | undefined;
  /** What the peer says that it is to us (RFC 9234); undefined: nothing. */
  readonly remoteRole: Role | undefined;
}

/** The peer's half of RFC 4724. */
export interface PeerRestart {
  readonly restartSeconds: number;
  /** It has restarted: it has no End-of-RIB of ours to wait for, and we do not wait for its (§4.1). */
  readonly restarting: boolean;
  /** Families whose paths are kept while it is away. */
  readonly families: readonly Family[];
  /** Of those, the ones that it forwarded on for while it was away. */
  readonly forwarding: readonly Family[];
  /** Both sides sent N (RFC 8538): a NOTIFICATION other than a hard reset keeps the paths too. */
  readonly notification: boolean;
  /** RFC 9494. Undefined: the peer does not know what LLGR_STALE means, and must not be told of such paths. */
  readonly longLived:
    | {
        /** The lesser of what both sides said. */
        readonly seconds: SecondsByFamily;
        /** Families with such a time that the peer forwarded on for while it was away. */
        readonly forwarding: readonly Family[];
      }
    | undefined;
}

/** RFC 8950 §4: IPv4 unicast with next hops of AFI 2. */
const IPV4_OVER_IPV6 = { ...afiSafiOf(4), nextHopAfi: afiSafiOf(6).afi };

export function openFor(offer: Offer): Open {
  const { gracefulRestart: restart } = offer;
  const capabilities: Capability[] = [
    ...offer.families.map((family): Capability => ({ is: "multiprotocol", ...afiSafiOf(family) })),
    { is: "route-refresh" },
    { is: "enhanced-route-refresh" },
    { is: "extended-message" },
    { is: "four-octet-as", asn: offer.asn },
  ];
  if (offer.extendedNextHop === true && offer.families.includes(4)) {
    capabilities.push({ is: "extended-next-hop", tuples: [IPV4_OVER_IPV6] });
  }
  const { addPath: mode } = offer;
  if (mode !== undefined) {
    const families = offer.families.map((family) => ({ ...afiSafiOf(family), mode }));
    capabilities.push({ is: "add-path", families });
  }
  if (restart !== undefined) {
    capabilities.push({
      is: "graceful-restart",
      restarting: restart.restarting,
      notification: restart.notification,
      restartSeconds: restart.restartSeconds,
      families: offer.families.map((family) => ({ ...afiSafiOf(family), forwarding: restart.forwarding })),
    });
    capabilities.push(...longLivedOffer(offer.families, restart));
  }
  if (offer.role !== undefined) capabilities.push({ is: "role", role: ROLES.indexOf(offer.role) });
  return {
    asn: offer.asn > 0xffff ? AS_TRANS : offer.asn,
    holdSeconds: offer.holdSeconds,
    routerId: offer.routerId,
    capabilities,
  };
}

/** RFC 9494 §5: only for families for which somebody asked for it. */
function longLivedOffer(families: readonly Family[], restart: GracefulRestartOffer): Capability[] {
  const { longLivedSeconds: seconds, forwarding } = restart;
  const named = families.filter((family) => (seconds[family] ?? 0) > 0);
  if (named.length === 0) return [];
  const tuples = named.map((family) => ({
    ...afiSafiOf(family),
    forwarding,
    staleSeconds: seconds[family]!,
  }));
  return [{ is: "long-lived-graceful-restart", families: tuples }];
}

/**
 * `theirs` has passed the checks of RFC 4271 §6.2.
 * @param zone - the interface of a session between link-local addresses
 */
export function negotiate(ours: Open, theirs: Open, zone?: string): Negotiated {
  const remoteAsn = asnOf(theirs);
  const external = asnOf(ours) !== remoteAsn;
  const as4 = capability(theirs, "four-octet-as") !== undefined;
  const theirFamilies = familiesOf(theirs);
  const families = familiesOf(ours).filter((family) => theirFamilies.includes(family));
  const enhancedRefresh = capability(theirs, "enhanced-route-refresh") !== undefined;
  const extendedMessage = capability(theirs, "extended-message") !== undefined;
  const addPath = addPathOf(ours, theirs, families);
  return {
    remoteAsn,
    remoteRouterId: theirs.routerId,
    external,
    holdSeconds: Math.min(ours.holdSeconds, theirs.holdSeconds),
    families,
    // RFC 8654 §4: whoever sent the capability must be able to receive, whether or not the peer sent it too.
    decode: {
      as4,
      external,
      addPath: addPath.receive,
      extendedNextHop: families.includes(4) && takesIpv6(ours) && takesIpv6(theirs),
      zone,
      extendedMessage: true,
      enhancedRefresh,
    },
    encode: { as4, external },
    maxOctets: extendedMessage ? MAX_EXTENDED_MESSAGE_OCTETS : MAX_MESSAGE_OCTETS,
    routeRefresh: capability(theirs, "route-refresh") !== undefined,
    addPath,
    gracefulRestart: restartOf(ours, theirs, families),
    remoteRole: ROLES[capability(theirs, "role")?.role ?? -1],
  };
}

const takesIpv6 = (open: Open): boolean =>
  capability(open, "extended-next-hop")?.tuples.some(
    ({ afi, safi, nextHopAfi }) => familyOf(afi, safi) === 4 && nextHopAfi === IPV4_OVER_IPV6.nextHopAfi,
  ) === true;

/** RFC 7911 §5: one side says that it sends, the other that it receives. */
function addPathOf(ours: Open, theirs: Open, families: readonly Family[]): Negotiated["addPath"] {
  const does = (open: Open, family: Family, what: "send" | "receive"): boolean => {
    const named = capability(open, "add-path")?.families ?? [];
    const mode = named.find(({ afi, safi }) => familyOf(afi, safi) === family)?.mode;
    return mode === "both" || mode === what;
  };
  return {
    send: families.filter((family) => does(ours, family, "send") && does(theirs, family, "receive")),
    receive: families.filter((family) => does(ours, family, "receive") && does(theirs, family, "send")),
  };
}

function restartOf(ours: Open, theirs: Open, families: readonly Family[]): PeerRestart | undefined {
  const mine = lastCapability(ours, "graceful-restart");
  const peer = lastCapability(theirs, "graceful-restart");
  if (mine === undefined || peer === undefined) return undefined;
  const named = families.filter((family) => forwardingOf(peer.families, family) !== undefined);
  return {
    restartSeconds: peer.restartSeconds,
    restarting: peer.restarting,
    families: named,
    forwarding: named.filter((family) => forwardingOf(peer.families, family) === true),
    notification: mine.notification && peer.notification,
    longLived: longLivedOf(ours, theirs, families),
  };
}

/** RFC 9494 §4.5: without the capability of RFC 4724 beside it, it says nothing; {@link restartOf} has seen to that. */
function longLivedOf(ours: Open, theirs: Open, families: readonly Family[]): PeerRestart["longLived"] {
  const peer = lastCapability(theirs, "long-lived-graceful-restart");
  if (peer === undefined) return undefined;
  const mine = lastCapability(ours, "long-lived-graceful-restart")?.families ?? [];
  const seconds: Partial<Record<Family, number>> = {};
  for (const family of families) {
    // RFC 9494 §4.2: what the peer asks for may be reduced here.
    const agreed = Math.min(
      tupleOf(mine, family)?.staleSeconds ?? 0,
      tupleOf(peer.families, family)?.staleSeconds ?? 0,
    );
    if (agreed > 0) seconds[family] = agreed;
  }
  const forwarding = families.filter(
    (family) => seconds[family] !== undefined && tupleOf(peer.families, family)?.forwarding === true,
  );
  return { seconds, forwarding };
}

const forwardingOf = (
  families: readonly (AfiSafi & { readonly forwarding: boolean })[],
  family: Family,
): boolean | undefined => tupleOf(families, family)?.forwarding;

const tupleOf = <T extends AfiSafi>(tuples: readonly T[], family: Family): T | undefined =>
  tuples.find(({ afi, safi }) => familyOf(afi, safi) === family);
