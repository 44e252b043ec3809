/**
 * Endpoint-independent mapping and filtering (RFC 4787, RFC 5382), by what the packets themselves write down.
 *
 * `mapping` has the external endpoint of each private one, `endpoints` the private endpoint of each external one,
 * `contacts` whom an external endpoint has sent to, `shared` the private endpoints of more than one TCP connection. The
 * kernel alone would share an external port between private endpoints as long as their destinations differ, and then one
 * of them changes with its next destination.
 *
 * So a new flow of an endpoint that has a mapping takes that one. Else the rules look for a port that `endpoints` lacks,
 * first its own, then some by chance, and they try them in the packet's own header: the language of nft can look up what
 * is in a header, and not what another lookup found. Translation then finds what it would have written. If every try is
 * taken, the kernel chooses, and a choice that turns out to be somebody else's is dropped; so is one that lost a race.
 * The next packet of that endpoint tries other ports.
 */

import type { PortRange } from "../model/model.ts";
import { addresses } from "./elements.ts";
import { unlessGranted } from "./granted.ts";
import type { SetContents } from "./layout.ts";
import { durationText } from "./listing-text.ts";
import { isIndependent, portText } from "./members.ts";
import type { NatTable, PoolMapping } from "./table.ts";
import { transitorySeconds } from "./timers.ts";

/** Ports that are tried by chance: with half of an address's ports taken, one new mapping in 500 has to try again. */
const TRIES = 8;

const hasIndependent = (table: NatTable): boolean => table.pools.some(isIndependent);

export function mappingSets(table: NatTable): Pick<SetContents, "eim" | "open" | "open_to"> {
  const { pools } = table;
  const of = (filtering: PoolMapping["filtering"]): PoolMapping[] =>
    pools.filter((pool) => isIndependent(pool) && pool.filtering === filtering);
  const flat = (some: readonly PoolMapping[]): SetContents["eim"] =>
    addresses(some.flatMap((pool) => pool.addresses));
  return {
    eim: flat(pools.filter(isIndependent)),
    open: flat(of("endpointIndependent")),
    open_to: flat(of("addressDependent")),
  };
}

const PORTS = "meta l4proto { tcp, udp }";
const ENDPOINT = "meta l4proto . ip saddr . th sport";
const TO_MAPPED = `snat ip to ${ENDPOINT} map @mapping`;

/** Sources that would be given one. */
export const WITHOUT_MAPPING: string = `${PORTS} ${ENDPOINT} != @mapping`;

/** What comes before the rules of pools. */
export const toMapped = (table: NatTable): readonly string[] =>
  hasIndependent(table) ? [`${PORTS} ${TO_MAPPED}`] : [];

/** Takes what stands in the packet's header, where nobody has it. */
export const unused = (grants: boolean): string =>
  `${PORTS} ip saddr . meta l4proto . th sport != @endpoints ${unlessGranted(grants)}snat ip to ip saddr:th sport`;

/** Takes any port of an address, given as an expression. */
export const byChance = ({ ports }: PoolMapping, address: string): string =>
  `snat ip to ${address}:${portText(ports)} fully-random`;

/** Finds a port for a source that is the pool's address by then. */
export function choiceRules(pool: PoolMapping, grants: boolean): readonly string[] {
  const range = portText(pool.ports);
  const last = `${PORTS} ${byChance(pool, "ip saddr")}`;
  if (!isIndependent(pool)) return [last];
  const attempt = [...portByChance(pool.ports), unused(grants)];
  return [
    withoutChecksum(pool.ports),
    `th sport ${range} ${unused(grants)}`,
    ...Array.from({ length: TRIES }, () => attempt).flat(),
    last,
  ];
}

/**
 * A checksum of zero says that there is none, and one that is brought up to date for a try is not zero any more. Left
 * alone, the kernel gives a source the port that it has towards another destination.
 */
export const withoutChecksum = (ports: PortRange): string =>
  `udp checksum 0 snat ip to ip saddr:${portText(ports)}`;

/** Writes a port into the header. */
export function portByChance({ first, last }: PortRange): string[] {
  // A number by chance has 32 bits, of which a port takes the upper half.
  const chance = `numgen random mod ${(last - first + 1) * 65_536} offset ${first * 65_536}`;
  return ["tcp", "udp"].map((protocol) => `${protocol} sport set ${chance}`);
}

/**
 * After translation: every packet of such a flow keeps its mapping alive. What leaves has the external endpoint in its
 * header by then, which costs less than to ask conntrack.
 */
export const toMappings = (table: NatTable): readonly string[] =>
  hasIndependent(table)
    ? [
        "ct direction original ip saddr @eim goto mapped",
        "ct state new jump begun",
        "ct direction reply ct reply ip daddr @eim jump replied",
        // RFC 4787 REQ-6: of flows that came in, only what goes out counts.
        "ct direction reply ct status dnat ip saddr @eim jump answered",
      ]
    : [];

type Protocol = "udp" | "tcp";
const PROTOCOLS: readonly Protocol[] = ["udp", "tcp"];

/**
 * Where a packet has both ends of a mapping, as expressions. One that has a port of the header is of that protocol alone, and
 * nft lists no other word for that.
 */
interface Side {
  readonly inner: string;
  readonly outer: string;
  readonly outerPort: string;
}

/** What leaves, by the first packet of its flow. */
const out = (protocol: Protocol): Side => ({
  inner: "ct original ip saddr . ct original proto-src",
  outer: "ip saddr",
  outerPort: `${protocol} sport`,
});
/** What answers it. */
const replied = (protocol: Protocol): Side => ({
  inner: `ip daddr . ${protocol} dport`,
  outer: "ct reply ip daddr",
  outerPort: "ct reply proto-dst",
});
/** What answers flows that came in. */
const answered = (protocol: Protocol): Side => ({
  inner: "ct reply ip saddr . ct reply proto-src",
  outer: "ip saddr",
  outerPort: `${protocol} sport`,
});

/** A mapping to an address that is in no such pool any more: the next packet gets another one. */
const STALE: readonly string[] = PROTOCOLS.map((protocol) => {
  const { inner, outer, outerPort } = out(protocol);
  return `ct status snat ip saddr != @floating meta l4proto . ${inner} @mapping delete @mapping { meta l4proto . ${inner} : ${outer} . ${outerPort} } drop`;
});

/** Another connection has, or may have, the mapping of this one. */
const share = ({ timeouts }: NatTable, { inner }: Side): string =>
  `update @shared { ${inner} timeout ${durationText(timeouts.tcpEstablishedSeconds)} }`;

/** A connection that came in. */
const shareOfIncoming = (table: NatTable): string =>
  `meta l4proto tcp ct status dnat ct original ip daddr @eim ${share(table, answered("tcp"))}`;

/** The first packet of a flow that does not leave with an endpoint of such a pool. */
export const begunRules = (table: NatTable): readonly string[] =>
  hasIndependent(table) ? [shareOfIncoming(table), ...STALE] : [];

/** The first packet of a flow that does. A new endpoint costs one look: nobody has it. */
export const claimRules = (table: NatTable): readonly string[] => {
  if (!hasIndependent(table)) return [];
  const claim = (protocol: Protocol): string => {
    const { inner, outer, outerPort } = out(protocol);
    return `${outer} . meta l4proto . ${outerPort} @endpoints meta l4proto . ${inner} != @mapping drop`;
  };
  const { inner } = out("tcp");
  return [
    claim("udp"),
    "meta l4proto udp return",
    claim("tcp"),
    `meta l4proto tcp meta l4proto . ${inner} @mapping ${share(table, out("tcp"))}`,
    shareOfIncoming(table),
  ];
};

export const mappedRules = (table: NatTable): readonly string[] =>
  hasIndependent(table) ? ["ct state new jump claims", ...contacts(table), ...refreshes(table, out)] : [];

export const repliedRules = (table: NatTable): readonly string[] =>
  hasIndependent(table) ? refreshes(table, replied) : [];

/** RFC 7857 section 7.1: a RST that refuses what came in is not what a mapping is kept alive for. */
const REFUSALS = "tcp flags rst return";

export const answeredRules = (table: NatTable): readonly string[] =>
  hasIndependent(table) ? [REFUSALS, ...refreshes(table, answered)] : [];

/**
 * A mapping lives as long as conntrack keeps its flow. That of a connection which is opening, closing or was reset is
 * known by the time that conntrack gives it; where others may have the same mapping, their time counts.
 */
function refreshes(table: NatTable, sideOf: (protocol: Protocol) => Side): string[] {
  const updates = (protocol: Protocol, seconds: number): string => {
    const { inner, outer, outerPort } = sideOf(protocol);
    const timeout = `timeout ${durationText(seconds)}`;
    return `update @mapping { meta l4proto . ${inner} ${timeout} : ${outer} . ${outerPort} } update @endpoints { ${outer} . meta l4proto . ${outerPort} ${timeout} : ${inner} }`;
  };
  const { tcpEstablishedSeconds, udpSeconds } = table.timeouts;
  const tcpTransitorySeconds = transitorySeconds(table);
  const tcp = sideOf("tcp");
  const ofTcp = tcp.inner.includes("tcp") ? "" : "meta l4proto tcp ";
  const established = `ct state established ct expiration > ${durationText(tcpTransitorySeconds)}`;
  return [
    `${updates("udp", udpSeconds)} return`,
    ...(tcpEstablishedSeconds <= tcpTransitorySeconds
      ? []
      : [
          `${ofTcp}${established} ${tcp.inner} @shared ${share(table, tcp)}`,
          `${established} ${updates("tcp", tcpEstablishedSeconds)} return`,
          `${ofTcp}${tcp.inner} @shared return`,
        ]),
    updates("tcp", tcpTransitorySeconds),
  ];
}

function contacts({ timeouts }: NatTable): string[] {
  const contact = (protocol: Protocol, seconds: number): string => {
    const { outer, outerPort } = out(protocol);
    return `ip saddr @open_to update @contacts { ${outer} . meta l4proto . ${outerPort} . ct original ip daddr timeout ${durationText(seconds)} }`;
  };
  return [contact("udp", timeouts.udpSeconds), contact("tcp", timeouts.tcpEstablishedSeconds)];
}

const TO_ENDPOINT = `dnat ip to ip daddr . meta l4proto . th dport map @endpoints`;

/** RFC 4787 REQ-8: whom an external endpoint lets in. REQ-9: our own private sources, whoever they are. */
export const toEndpoints = (table: NatTable): readonly string[] =>
  hasIndependent(table)
    ? [
        `ip daddr @open ${PORTS} ${TO_ENDPOINT}`,
        `ip daddr @open_to ${PORTS} ip daddr . meta l4proto . th dport . ip saddr @contacts ${TO_ENDPOINT}`,
        `ip daddr @eim ip saddr @private ${PORTS} ${TO_ENDPOINT}`,
      ]
    : [];
