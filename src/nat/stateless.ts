/**
 * Floating IPs without conntrack: each packet is rewritten by itself, so that any gateway can serve any of them.
 *
 * Addresses are written where they stand, before fragments would be put together: the kernel brings the checksums of
 * headers up to date, and leaves later fragments, which have none, as they are. Peers that this machine translates itself,
 * or never translates towards, stay with conntrack, which knows their flows (`exempt`, `inside`, our own addresses).
 *
 * An ICMP error has the packet that it is about within, whose addresses have to change too. Two sums cover those: of IPv4
 * the checksum of the header within (that of ICMP then comes out the same), of IPv6 that of ICMPv6. nftables corrects sums
 * of the headers that it knows, and of no header within one. But its statement for an address corrects what stands where
 * the transport header has its checksum:
 *
 * IPv6: the address outside is written twice, put back without correction in between. The difference counts twice, once
 * for the address within.
 *
 * IPv4: one chain says, wrongly and without correction, that the header has 36 octets and ICMPv6 behind it. Its checksum
 * then is where the header within has its own. The next chain sees the packet so, writes the address, which has both
 * corrected, and takes the disguise off. Nobody sees it in between.
 *
 * Deviates from RFC 5508 §4.2 in one point: the checksum of TCP or UDP within an error is left as it was, as REQ-3c lets
 * every receiver expect.
 */

import type { Address } from "../bgp/net/address.ts";
import { formatAddress } from "../bgp/net/text.ts";
import { inBothFamilies } from "./families.ts";
import type { ChainContents, Elements, SetContents } from "./layout.ts";
import { trackMetadata } from "./metadata.ts";
import { toArrives, toDeparts, toLeaves } from "./nptv6.ts";
import type { FloatingMapping, NatTable } from "./table.ts";

type StatelessSet = `${"stateless" | "stateless_own" | "errors_to" | "errors_from"}${"" | "6"}`;
/** All that have to be there for a floating IP to be translated without conntrack. */
export const STATELESS_CHAINS = [
  "disguise_in",
  "errors_to",
  "stateless_in",
  "error_arrives",
  "error_arrives6",
  "arrives",
  "arrives6",
  "leaves",
  "leaves6",
  "disguise_out",
  "errors_from",
  "stateless_out",
  "error_leaves",
  "errors_from6",
  "error_leaves6",
] as const;
type StatelessChain = (typeof STATELESS_CHAINS)[number];

export function statelessSets({ floating }: NatTable): Pick<SetContents, StatelessSet> {
  const all = floating.filter(({ stateless }) => stateless);
  const four = all.filter((mapping) => mapping.floating.family === 4);
  const six = all.filter((mapping) => mapping.floating.family === 6);
  return {
    stateless: toFixed(four),
    stateless_own: toFloating(four),
    errors_to: new Map(four.map((m) => [`${formatAddress(m.floating)} . ${hexOf(m.floating)}`, ""])),
    errors_from: new Map(four.map((m) => [`icmp . ${hexOf(m.fixed)}`, ""])),
    stateless6: toFixed(six),
    stateless_own6: toFloating(six),
    errors_to6: new Map(six.map((m) => [`${formatAddress(m.floating)} . ${hexOf(m.floating)}`, ""])),
    errors_from6: new Map(six.map((m) => [`ipv6-icmp . ${hexOf(m.fixed)}`, ""])),
  };
}

const toFixed = (list: readonly FloatingMapping[]): Elements =>
  new Map(list.map(({ floating, fixed }) => [formatAddress(floating), formatAddress(fixed)]));

const toFloating = (list: readonly FloatingMapping[]): Elements =>
  new Map(list.map(({ floating, fixed }) => [formatAddress(fixed), formatAddress(floating)]));

/** As nft lists octets that it has no name for. */
function hexOf({ family, w0, w1, w2, w3 }: Address): string {
  const words = family === 4 ? [w0] : [w0, w1, w2, w3];
  const digits = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  return `0x${digits.replace(/^0+(?=.)/, "")}`;
}

const ERROR = "icmp type { destination-unreachable, time-exceeded, parameter-problem }";
const ERROR6 = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }";

/** Version 4 and 9 words of header, ICMPv6; and as it was: 5 words, ICMP. Spelled as nft lists it. */
const DISGUISE = "@nh,0,8 set 0x49 ip protocol set ipv6-icmp";
const UNDISGUISE = "@nh,0,8 set 0x45 ip protocol set icmp";
const TO_FIXED6 = "ip6 daddr set ip6 daddr map @stateless6";
const TO_FLOATING6 = "ip6 saddr set ip6 saddr map @stateless_own6";

/**
 * Copies an address as it is, and corrects no sum. In two halves: nft would list the whole by the name of its field, as
 * it lists what does correct sums.
 */
const copied = (to: string, toBit: number, from: string, fromBit: number, half: 16 | 64): string =>
  [0, half].map((by) => `${to},${toBit + by},${half} set ${from},${fromBit + by},${half}`).join(" ");

const DISGUISED = "ip hdrlength 9 ip protocol ipv6-icmp";

/** Who is not translated towards, or reaches floating IPs by hairpin: conntrack knows their flows. */
const peers = (ip: "ip" | "ip6", six: "" | "6", side: "saddr" | "daddr"): readonly string[] =>
  [`exempt${six}`, `exempt${six}_hosts`, `inside${six}`].map((set) => `${ip} ${side} @${set}`);

export const statelessChains = (table: NatTable): Pick<ChainContents, StatelessChain> => ({
  ...arrivalChains(table),
  ...departureChains(table),
});

type Arrival = Extract<
  StatelessChain,
  `${string}_in` | `${string}arrives${string}` | `leaves${string}` | "errors_to"
>;

/** Of packets that come: towards floating IPs, and from fixed addresses. */
const arrivalChains = (table: NatTable): Pick<ChainContents, Arrival> => ({
  disguise_in: [`ip daddr @stateless ${DISGUISED} drop`, `ip daddr @stateless ${ERROR} goto errors_to`],
  // RFC 5508 REQ-4: an error about no packet that left here goes no further. With options in its header it is not read.
  errors_to: [`ip hdrlength 5 ip daddr . @th,160,32 @errors_to ${DISGUISE} accept`, "drop"],
  stateless_in: [
    `ip daddr @stateless ${DISGUISED} goto error_arrives`,
    `ip6 daddr @stateless6 ${ERROR6} goto error_arrives6`,
    ...inBothFamilies((ip, six) => `${ip} daddr @stateless${six} goto arrives${six}`),
    ...toArrives(table),
    ...inBothFamilies((ip, six) => `${ip} saddr @stateless_own${six} goto leaves${six}`),
    ...toLeaves(table),
  ],
  error_arrives: [
    `ip daddr set ip daddr map @stateless ${copied("@th", 32, "@nh", 128, 16)} ${UNDISGUISE} notrack accept`,
  ],
  error_arrives6: [
    `ip6 daddr . @th,128,128 @errors_to6 ${TO_FIXED6} ${copied("@nh", 192, "@th", 128, 64)} ${TO_FIXED6} ${copied("@th", 128, "@nh", 192, 64)} notrack accept`,
    "drop",
  ],
  arrives: [
    ...peers("ip", "", "saddr").map((peer) => `${peer} accept`),
    "ip saddr @stateless_own accept",
    "ip daddr set ip daddr map @stateless notrack accept",
  ],
  arrives6: [
    ...peers("ip6", "6", "saddr").map((peer) => `${peer} accept`),
    "ip6 saddr @stateless_own6 accept",
    "ip6 daddr set ip6 daddr map @stateless6 notrack accept",
  ],
  leaves: [
    ...trackMetadata(table),
    ...[
      ...peers("ip", "", "daddr"),
      ...["floating", "forwarded", "pooled"].map((set) => `ip daddr @${set}`),
    ].map((peer) => `${peer} accept`),
    "fib daddr type local accept",
    "notrack accept",
  ],
  leaves6: [
    ...[...peers("ip6", "6", "daddr"), "ip6 daddr @floating6"].map((peer) => `${peer} accept`),
    "fib daddr type local accept",
    "notrack accept",
  ],
});

/** Of packets that go: from fixed addresses. */
const departureChains = (table: NatTable): Pick<ChainContents, Exclude<StatelessChain, Arrival>> => ({
  disguise_out: [
    `ip saddr @stateless_own ${DISGUISED} drop`,
    `${ERROR} meta l4proto . @th,192,32 @errors_from goto errors_from`,
  ],
  // Who sees the fixed address itself has a flow without translation.
  errors_from: [
    ...peers("ip", "", "daddr").map((peer) => `${peer} accept`),
    // RFC 5508 REQ-5c: whoever sends it, it comes from the address that it is about.
    `ip hdrlength 5 ip saddr set @th,192,32 ${DISGUISE} accept`,
    "drop",
  ],
  stateless_out: [
    `ip saddr @stateless_own ${DISGUISED} goto error_leaves`,
    `${ERROR6} meta l4proto . @th,256,128 @errors_from6 goto errors_from6`,
    ...inBothFamilies(
      (ip, six) => `ct state untracked ${ip} saddr set ${ip} saddr map @stateless_own${six} accept`,
    ),
    ...toDeparts(table),
  ],
  error_leaves: [
    `ip saddr set ip saddr map @stateless_own ${copied("@th", 64, "@nh", 96, 16)} ${UNDISGUISE} accept`,
  ],
  errors_from6: [...peers("ip6", "6", "daddr").map((peer) => `${peer} accept`), "goto error_leaves6"],
  error_leaves6: [
    `ip6 saddr set @th,256,128 ${TO_FLOATING6} ${copied("@nh", 64, "@th", 256, 64)} ${TO_FLOATING6} ${copied("@th", 256, "@nh", 64, 64)} accept`,
  ],
});
